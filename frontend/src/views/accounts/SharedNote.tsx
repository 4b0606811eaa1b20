import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { readShared, type SharedNote as Shared } from "../../api/accounts";
import { isAbort, Problem } from "../../api/client";
import { renderBlocks } from "../../markdown";
import { recoveries, watched } from "../../state/connection";
import { rememberPictures } from "../../state/pictures";
import { Icon } from "../../ui/Icon";
import { Markdown } from "../../ui/Markdown";
import { Notice } from "../../ui/Notice";
import { Sign } from "../../ui/Sign";
import { Skeleton } from "../../ui/Skeleton";
import { Time } from "../../ui/Time";
import { dayWords } from "./words";

type View =
  | { kind: "loading" }
  | { kind: "shown"; note: Shared; blocks: string[] }
  | { kind: "ended" }
  | { kind: "failed"; message: string };

/** The addresses of pictures work for an hour: the note is read again before they end. */
const freshMs = 50 * 60_000;

/** A note that somebody has shared: it alone, to read. */
export function SharedNote({ id }: { id: string }) {
  const view = useSignal<View>({ kind: "loading" });
  const attempts = useSignal(0);
  useEffect(() => {
    const abort = new AbortController();
    const load = async () => {
      try {
        const secret = decodeURIComponent(location.hash.slice(1));
        const note = await watched(readShared(id, secret, abort.signal));
        rememberPictures(note.pictures);
        const blocks = await renderBlocks(note.content);
        if (!abort.signal.aborted) view.value = { kind: "shown", note, blocks };
      } catch (error) {
        if (isAbort(error)) return;
        const status = error instanceof Problem ? error.status : -1;
        if ([400, 401, 403, 404, 422].includes(status)) view.value = { kind: "ended" };
        else if (view.value.kind !== "shown") {
          view.value = { kind: "failed", message: error instanceof Error ? error.message : "" };
        }
      }
    };
    const stop = recoveries.subscribe(() => void load());
    const onHash = () => void load();
    addEventListener("hashchange", onHash);
    const timer = setInterval(() => void load(), freshMs);
    return () => {
      abort.abort();
      stop();
      removeEventListener("hashchange", onHash);
      clearInterval(timer);
    };
  }, [id, attempts.value]);
  useEffect(() => {
    // Who has a link may read the note; nobody is to find it.
    const robots = document.createElement("meta");
    robots.name = "robots";
    robots.content = "noindex";
    document.head.append(robots);
    return () => robots.remove();
  }, []);
  return (
    <section class="list single shared" aria-label="Shared note">
      <h1 class="sr-only">A note that was shared with you</h1>
      <SharedView
        view={view.value}
        retry={() => {
          attempts.value += 1;
        }}
      />
    </section>
  );
}

function SharedView({ view, retry }: { view: View; retry: () => void }) {
  useEffect(() => {
    document.title =
      view.kind === "shown" ? `${firstLine(view.note.content)} · Knote` : "Shared note · Knote";
  }, [view]);
  switch (view.kind) {
    case "loading":
      return <Skeleton count={1} />;
    case "shown":
      return (
        <>
          <article class="card note shared-note">
            <Markdown blocks={view.blocks} headingsBelow={1} />
          </article>
          <p class="shared-foot">
            <Sign name="share" />
            <span>
              Shared with you to read, changed <Time at={view.note.updated_at} />.
              {view.note.expires_at && ` The link works until ${dayWords(view.note.expires_at)}.`}
            </span>
          </p>
        </>
      );
    case "ended":
      return (
        <div class="empty">
          <Icon name="link" />
          <h2 class="empty-title">This link no longer works</h2>
          <p>It has ended, or a part of it is missing. Ask whoever gave it to you for a new one.</p>
        </div>
      );
    case "failed":
      return (
        <Notice
          icon="cloud"
          title="This note cannot be shown right now"
          actions={
            <button type="button" class="button" onClick={retry}>
              Try again
            </button>
          }
        >
          {view.message}
        </Notice>
      );
  }
}

/** Something to call it by in a tab. */
function firstLine(content: string): string {
  const line = content.split("\n").find((text) => /\p{L}|\p{N}/u.test(text)) ?? "Shared note";
  return line.replace(/^[\s#>*_-]+/, "").slice(0, 80);
}
