import { useEffect, useRef } from "preact/hooks";
import { describe } from "../state/sending";
import type { Upload, UploadState, Uploads } from "../state/uploads";
import { Icon } from "../ui/Icon";

/** The pictures on their way into a text, and those that just arrived, with their descriptions to fill in. */
export function UploadCards({ uploads }: { uploads: Uploads }) {
  return (
    <ul class="uploads" aria-label="Pictures being added">
      {uploads.items.value.map((upload) => (
        <UploadCard key={upload.id} upload={upload} uploads={uploads} />
      ))}
    </ul>
  );
}

function UploadCard({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const state = upload.state.value;
  const isDone = state.kind === "done";
  return (
    <li class="upload" data-state={state.kind}>
      <img
        class="upload-picture"
        src={upload.preview}
        alt=""
        onError={(event) => event.currentTarget.setAttribute("hidden", "")}
      />
      <div class="upload-text">
        <p class="upload-name" title={upload.name}>
          {upload.name}
        </p>
        <UploadStatus upload={upload} state={state} uploads={uploads} />
      </div>
      {state.kind === "failed" && (
        <button
          type="button"
          class="icon-button"
          aria-label={`Try ${upload.name} again`}
          onClick={() => uploads.retry(upload.id)}
        >
          <Icon name="retry" />
        </button>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label={isDone ? `Hide ${upload.name}` : `Cancel ${upload.name}`}
        onClick={() => uploads.remove(upload.id)}
      >
        <Icon name={isDone ? "check" : "close"} />
      </button>
    </li>
  );
}

type StatusProps = { upload: Upload; state: UploadState; uploads: Uploads };

function UploadStatus({ upload, state, uploads }: StatusProps) {
  switch (state.kind) {
    case "failed":
      return <p class="upload-error">{state.message}</p>;
    case "waiting":
      return <p class="upload-note">{state.message ?? "Waiting for its turn…"}</p>;
    case "sending":
      return <Progress name={upload.name} share={state.share} />;
    case "done":
      return (
        <input
          class="upload-alt"
          type="text"
          aria-label={`Describe ${upload.name}`}
          placeholder="Describe this picture"
          autocomplete="off"
          onInput={({ currentTarget }) =>
            describe(uploads.editor, state.picture, currentTarget.value)
          }
        />
      );
  }
}

function Progress({ name, share }: { name: string; share: number }) {
  const bar = useRef<HTMLDivElement>(null);
  const percent = Math.round(share * 100);
  useEffect(() => {
    bar.current?.style.setProperty("--share", String(share));
  }, [share]);
  return (
    <div class="upload-progress">
      <div
        ref={bar}
        class="progress"
        role="progressbar"
        aria-label={`Uploading ${name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
      />
      <span>{percent < 100 ? `${percent} %` : "Checking…"}</span>
    </div>
  );
}
