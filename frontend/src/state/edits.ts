/** Editing notes in place: saving, conflicts, and what is kept when an edit is left. */
import { signal } from "@preact/signals";
import { createNote, isAbort, type Note, Problem, replaceNote } from "../api/client";
import { isPassing, onRecovery, watched } from "./connection";
import { dropDraft, editDraft, leaveDraft, returnDraft, saveDraft } from "./desk";
import type { Draft } from "./drafts";
import { type Edit, type EditState, edits } from "./editing";
import { createEditor } from "./editor";
import { putNote, removeNote } from "./feed";
import { announce, showToast } from "./toasts";
import { createUploads } from "./uploads";

type Desk = { base: Note; draft: Draft; abort: AbortController };

const desks = new WeakMap<Edit, Desk>();

/** A textarea knows only `\n`; a note that used `\r\n` throughout gets it back. */
const usesCrlf = (content: string) => /\r\n/.test(content) && !/(?:^|[^\r])\n/.test(content);
const toArea = (content: string) => content.replace(/\r\n?/g, "\n");
const toContent = (text: string, base: Note) =>
  usesCrlf(base.content) ? text.replace(/\n/g, "\r\n") : text;

function setEdit(noteId: string, edit: Edit | null): void {
  const next = new Map(edits.value);
  if (edit) next.set(noteId, edit);
  else next.delete(noteId);
  edits.value = next;
}

function desk(edit: Edit): Desk {
  return desks.get(edit) as Desk;
}

export async function startEdit(note: Note, text?: string): Promise<void> {
  if (edits.value.has(note.id)) return;
  const { draft, isResumed } = await editDraft(note, text ?? toArea(note.content));
  const state = signal<EditState>({ kind: "idle" });
  const editor = createEditor((changed) => {
    const here = desk(edit);
    here.draft = saveDraft({ ...here.draft, text: changed });
    if (state.value.kind === "refused") state.value = { kind: "idle" };
  });
  editor.reset(draft.text);
  const base = { ...note, version: draft.note?.version ?? note.version };
  const merging = signal<Note | null>(null);
  const edit: Edit = {
    noteId: note.id,
    editor,
    uploads: createUploads(editor),
    state,
    merging,
    isResumed,
  };
  desks.set(edit, { base, draft, abort: new AbortController() });
  setEdit(note.id, edit);
}

/** Leaves the edit. What was changed stays as an unfinished edit of the note. */
export async function leaveEdit(edit: Edit): Promise<void> {
  const { base, draft, abort } = desk(edit);
  abort.abort();
  edit.uploads.clear();
  setEdit(edit.noteId, null);
  if (draft.text === toArea(base.content)) dropDraft(draft.id);
  else announce("Your unfinished edit is kept.");
  await leaveDraft(draft.id);
}

async function closeEdit(edit: Edit): Promise<void> {
  dropDraft(desk(edit).draft.id);
  edit.uploads.clear();
  setEdit(edit.noteId, null);
  await leaveDraft(desk(edit).draft.id);
}

export async function saveEdit(edit: Edit): Promise<void> {
  const { state, uploads, editor } = edit;
  if (state.value.kind === "saving") return;
  if (uploads.failed.value > 0) {
    state.value = {
      kind: "refused",
      message: "A picture was not added. Try it again or remove it, then save.",
    };
    return;
  }
  if (uploads.pending.value > 0) {
    waitForPictures(edit);
    return;
  }
  const { base } = desk(edit);
  const content = toContent(editor.text.value, base);
  state.value = { kind: "saving" };
  try {
    desk(edit).abort = new AbortController();
    const { signal: aborted } = desk(edit).abort;
    await finish(edit, await watched(replaceNote(base, content, aborted)));
  } catch (error) {
    if (isAbort(error)) return;
    await handleFailure(edit, content, error);
  }
}

async function finish(edit: Edit, note: Note): Promise<void> {
  await putNote(note);
  await closeEdit(edit);
  announce("Saved.");
}

function waitForPictures(edit: Edit): void {
  const { state, uploads } = edit;
  state.value = { kind: "pictures" };
  const stop = uploads.pending.subscribe((pending) => {
    if (pending > 0) return;
    queueMicrotask(() => {
      stop();
      if (state.value.kind !== "pictures") return;
      state.value = { kind: "idle" };
      void saveEdit(edit);
    });
  });
}

async function handleFailure(edit: Edit, content: string, error: unknown): Promise<void> {
  const problem = error instanceof Problem ? error : null;
  const message = problem?.message ?? "Something went wrong on this page.";
  if (problem?.status === 412 && problem.current) {
    // An earlier attempt whose answer was lost: it is saved already.
    if (problem.current.content === content) await finish(edit, problem.current);
    else edit.state.value = { kind: "conflict", theirs: problem.current };
  } else if (problem?.status === 404) {
    edit.state.value = { kind: "gone" };
  } else if (isPassing(error)) {
    edit.state.value = { kind: "waiting", message };
    onRecovery(() => {
      if (edit.state.value.kind !== "waiting") return;
      edit.state.value = { kind: "idle" };
      void saveEdit(edit);
    });
  } else {
    edit.state.value = { kind: "refused", message };
  }
}

function rebase(edit: Edit, theirs: Note): void {
  const here = desk(edit);
  here.base = theirs;
  here.draft = saveDraft({ ...here.draft, note: { id: theirs.id, version: theirs.version } });
  edit.state.value = { kind: "idle" };
}

/** My text replaces theirs, knowingly. */
export async function keepMine(edit: Edit, theirs: Note): Promise<void> {
  rebase(edit, theirs);
  await saveEdit(edit);
}

/** Their text stays; mine can be had back for a while. */
export async function takeTheirs(edit: Edit, theirs: Note): Promise<void> {
  const { draft } = desk(edit);
  await putNote(theirs);
  await closeEdit(edit);
  const kept = { ...draft, note: { id: theirs.id, version: theirs.version } };
  showToast({
    message: "The other version stays.",
    tone: "plain",
    action: {
      label: "Bring mine back",
      run: () => void returnDraft(kept).then(() => startEdit(theirs, kept.text)),
    },
  });
}

/** Both texts stay in view; mine is the one being written on. */
export function mergeByHand(edit: Edit, theirs: Note): void {
  rebase(edit, theirs);
  edit.merging.value = theirs;
}

/** The note was deleted elsewhere: what was written becomes a note of its own. */
export async function publishAsNew(edit: Edit): Promise<void> {
  const { draft } = desk(edit);
  edit.state.value = { kind: "saving" };
  try {
    const note = await watched(createNote(draft.text, draft.key, desk(edit).abort.signal));
    removeNote(edit.noteId);
    await finish(edit, note);
  } catch (error) {
    if (isAbort(error)) return;
    const message = error instanceof Problem ? error.message : "Something went wrong on this page.";
    edit.state.value = { kind: "refused", message };
  }
}
