/** How lists of notes, newest first, are kept in order and brought together. */
import type { Note } from "../api/client";

export function byNewest(a: Note, b: Note): number {
  return Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? 1 : -1);
}

/** The list with `note` in its place; left out if it belongs below what has been loaded. */
export function insertNote(notes: Note[], note: Note, hasMore: boolean): Note[] {
  const index = notes.findIndex(({ id }) => id === note.id);
  if (index >= 0) return notes.with(index, note);
  const before = notes.findIndex((other) => byNewest(note, other) < 0);
  if (before >= 0) return notes.toSpliced(before, 0, note);
  return hasMore && notes.length > 0 ? notes : [...notes, note];
}

type Merged = { notes: Note[]; incoming: Note[]; isApart: boolean };

/**
 * Brings what was just read from the top (`fresh`) into the list on the screen: changed notes are replaced,
 * vanished ones leave, new ones above come as `incoming`. `isApart`: the two do not touch.
 */
export function mergeFirstPages(shown: Note[], fresh: Note[], isAll: boolean): Merged {
  const freshById = new Map(fresh.map((note) => [note.id, note]));
  const shownIds = new Set(shown.map(({ id }) => id));
  const last = fresh.at(-1);
  const isCovered = (note: Note) => isAll || (last !== undefined && byNewest(note, last) <= 0);
  const kept: Note[] = [];
  for (const note of shown) {
    const now = freshById.get(note.id);
    if (now) kept.push(now.version > note.version ? now : note);
    else if (!isCovered(note)) kept.push(note);
  }
  const incoming = fresh.filter(({ id }) => !shownIds.has(id));
  const overlaps = fresh.some(({ id }) => shownIds.has(id));
  return { notes: kept, incoming, isApart: !isAll && shown.length > 0 && !overlaps };
}
