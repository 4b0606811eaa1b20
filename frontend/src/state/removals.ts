/** Deleting a note, and bringing it back. */
import { deleteNote, type Note, Problem, restoreNote } from "../api/client";
import { watched } from "./connection";
import { putNote, removeNote } from "./feed";
import { announce, showToast } from "./toasts";

/** True once the note is gone. `wasByKey` moves the focus to the undo button. */
export async function removeWithUndo(note: Note, wasByKey: boolean): Promise<boolean> {
  try {
    await watched(deleteNote(note, AbortSignal.timeout(20_000)));
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 404) {
      await explain(note, error, wasByKey);
      return false;
    }
  }
  removeNote(note.id);
  showToast({
    message: "Note deleted.",
    tone: "plain",
    takesFocus: wasByKey,
    action: { label: "Undo", run: () => void restore(note.id) },
  });
  return true;
}

async function restore(id: string): Promise<void> {
  try {
    await putNote(await watched(restoreNote(id, AbortSignal.timeout(20_000))));
    announce("The note is back.");
  } catch (error) {
    showToast({
      message: `The note could not be brought back. ${sentence(error)}`,
      tone: "bad",
      action: { label: "Try again", run: () => void restore(id) },
    });
  }
}

async function explain(note: Note, error: unknown, wasByKey: boolean): Promise<void> {
  const current = error instanceof Problem ? error.current : undefined;
  if (current) {
    await putNote(current);
    showToast({
      message: "This note was changed elsewhere. Here is how it reads now.",
      tone: "bad",
      action: { label: "Delete anyway", run: () => void removeWithUndo(current, wasByKey) },
    });
    return;
  }
  showToast({
    message: `The note was not deleted. ${sentence(error)}`,
    tone: "bad",
    action: { label: "Try again", run: () => void removeWithUndo(note, wasByKey) },
  });
}

function sentence(error: unknown): string {
  return error instanceof Problem ? error.message : "Something went wrong on this page.";
}
