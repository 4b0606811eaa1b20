import { retryNow } from "../state/connection";
import type { Edit } from "../state/editing";
import { leaveEdit, publishAsNew, saveEdit } from "../state/edits";
import { Notice } from "../ui/Notice";
import { Conflict, OtherVersion } from "./Conflict";
import { Editor } from "./Editor";
import { Keys, shortcut } from "./Keys";

/** A note being edited where it stands. */
export function NoteEdit({ edit }: { edit: Edit }) {
  const state = edit.state.value;
  if (state.kind === "conflict") return <Conflict edit={edit} theirs={state.theirs} />;
  const theirs = edit.merging.value;
  return (
    <div class="note-edit">
      {edit.isResumed && (
        <p class="hint">Your unfinished edit is back. Cancel keeps it for later.</p>
      )}
      {theirs && <OtherVersion content={theirs.content} />}
      <Editor
        editor={edit.editor}
        uploads={edit.uploads}
        label="Edit note, in Markdown"
        placeholder=""
        isLocked={state.kind === "saving"}
        startsFocused
        onSubmit={() => void saveEdit(edit)}
        onEscape={() => void leaveEdit(edit)}
      >
        <EditButtons edit={edit} />
      </Editor>
      <div role="status">
        <EditStatus edit={edit} />
      </div>
    </div>
  );
}

function EditButtons({ edit }: { edit: Edit }) {
  const { kind } = edit.state.value;
  const labels = { saving: "Saving…", pictures: "Waiting for pictures…" } as Record<string, string>;
  return (
    <>
      <button type="button" class="button quiet" onClick={() => void leaveEdit(edit)}>
        Cancel
      </button>
      <button
        type="button"
        class="button primary"
        aria-keyshortcuts="Control+Enter Meta+Enter"
        title={`Save (${shortcut})`}
        aria-disabled={kind in labels}
        onClick={() => void saveEdit(edit)}
      >
        {labels[kind] ?? "Save"}
        <Keys />
      </button>
    </>
  );
}

function EditStatus({ edit }: { edit: Edit }) {
  const state = edit.state.value;
  if (state.kind === "waiting") {
    const actions = (
      <button type="button" class="button" onClick={() => void retryNow()}>
        Try again
      </button>
    );
    return (
      <Notice icon="cloud" title="Not saved yet; your text is safe here." actions={actions}>
        {state.message} It is saved as soon as Knote answers.
      </Notice>
    );
  }
  if (state.kind === "gone") {
    const actions = (
      <button type="button" class="button" onClick={() => void publishAsNew(edit)}>
        Publish as a new note
      </button>
    );
    return (
      <Notice icon="alert" tone="bad" title="This note was deleted elsewhere." actions={actions}>
        Your text is still here.
      </Notice>
    );
  }
  if (state.kind !== "refused") return null;
  return (
    <Notice icon="alert" tone="bad">
      {state.message}
    </Notice>
  );
}

export { startEdit } from "../state/edits";
export { removeWithUndo } from "../state/removals";
