/** Getting a draft stored exactly once, whatever happened to earlier answers. */
import { createNote, type Note, Problem, replaceNote } from "../api/client";
import type { Draft } from "./drafts";
import { newId } from "./ids";

type Save = (draft: Draft) => void;

function isKeyRefused(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  return error.status === 409 || (error.status === 422 && /idempoten|key/.test(error.slug));
}

async function create(draft: Draft, text: string, save: Save, signal: AbortSignal): Promise<Note> {
  try {
    return await createNote(text, draft.key, signal);
  } catch (error) {
    if (!isKeyRefused(error)) throw error;
    // The key belongs to another text, or to a note since deleted: this is a new note.
    const fresh = { ...draft, key: newId(), sent: text };
    save(fresh);
    return createNote(text, fresh.key, signal);
  }
}

/**
 * Publishes `draft.text`. When an earlier attempt with another text may have been stored, that attempt is
 * repeated first, which costs nothing if it was, and the note is then changed to the text of now.
 */
export async function publishDraft(draft: Draft, save: Save, signal: AbortSignal): Promise<Note> {
  const { text, sent } = draft;
  if (sent === null || sent === text) {
    save({ ...draft, sent: text });
    return create(draft, text, save, signal);
  }
  let earlier: Note;
  try {
    earlier = await createNote(sent, draft.key, signal);
  } catch (error) {
    if (!(error instanceof Problem) || error.isUncertain) throw error;
    const fresh = { ...draft, key: newId(), sent: text };
    save(fresh);
    return createNote(text, fresh.key, signal);
  }
  try {
    return await replaceNote(earlier, text, signal);
  } catch (error) {
    if (error instanceof Problem && error.current?.content === text) return error.current;
    throw error;
  }
}
