import * as composer from "../state/composer";
import { retryNow } from "../state/connection";
import { draftsAreKept, leftBehind } from "../state/desk";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { Editor } from "./Editor";
import { Keys, shortcut } from "./Keys";

/** Where a new note is written. */
export function Composer() {
  const state = composer.publishState.value;
  const isBusy = state.kind === "sending" || state.kind === "pictures";
  return (
    <section class="composer card" aria-labelledby="composer-title" aria-busy={isBusy}>
      <h2 id="composer-title" class="sr-only">
        New note
      </h2>
      <Editor
        editor={composer.editor}
        uploads={composer.uploads}
        label="New note, in Markdown"
        placeholder="What would you like to keep?"
        isLocked={composer.isLocked.value}
        onSubmit={() => void composer.publish()}
      >
        <PublishButtons />
      </Editor>
      <div role="status">
        <ComposerStatus />
      </div>
      <LeftBehind />
    </section>
  );
}

function PublishButtons() {
  const state = composer.publishState.value;
  const pending = composer.uploads.pending.value;
  if (state.kind === "pictures") {
    return (
      <>
        <span class="editor-state">
          {pending === 1 ? "Waiting for a picture…" : `Waiting for ${pending} pictures…`}
        </span>
        <button type="button" class="button quiet" onClick={composer.stopWaiting}>
          Keep editing
        </button>
      </>
    );
  }
  const isSending = state.kind === "sending";
  return (
    <button
      type="button"
      class="button primary"
      aria-keyshortcuts="Control+Enter Meta+Enter"
      title={`Publish (${shortcut})`}
      aria-disabled={isSending}
      onClick={() => void composer.publish()}
    >
      {isSending ? "Publishing…" : "Publish"}
      <Keys />
    </button>
  );
}

function ComposerStatus() {
  const state = composer.publishState.value;
  if (state.kind === "waiting") {
    const actions = (
      <>
        <button type="button" class="button" onClick={() => void retryNow()}>
          Try again
        </button>
        <button type="button" class="button quiet" onClick={composer.stopWaiting}>
          Keep editing
        </button>
      </>
    );
    return (
      <Notice icon="cloud" title="Not published yet; your text is safe here." actions={actions}>
        {state.message} It is published as soon as Knote answers.
      </Notice>
    );
  }
  if (state.kind === "refused") {
    return (
      <Notice icon="alert" tone="bad">
        {state.message}
      </Notice>
    );
  }
  if (!draftsAreKept.value) {
    return (
      <Notice icon="alert" tone="bad">
        This browser has no room left to keep your draft. Publish it before you close the page.
      </Notice>
    );
  }
  if (composer.wasInterrupted.value && composer.editor.text.value) {
    return (
      <Notice icon="alert">
        Publishing was interrupted. Publish again: this note will not appear twice.
      </Notice>
    );
  }
  return null;
}

function LeftBehind() {
  const drafts = leftBehind.value.filter(({ note }) => note === null);
  if (drafts.length === 0) return null;
  return (
    <details class="left-behind">
      <summary>{drafts.length === 1 ? "One more draft" : `${drafts.length} more drafts`}</summary>
      <ul>
        {drafts.map((draft) => (
          <li key={draft.id}>
            <button
              type="button"
              class="left-behind-draft"
              onClick={() => void composer.switchDraft(draft.id)}
            >
              <Icon name="edit" />
              <span>{draft.text.trim().slice(0, 120)}</span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
