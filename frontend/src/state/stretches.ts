/** The list in stretches of about five notes: what is built, and what is let go, together. */
import type { Note } from "../api/client";

const usual = 5;

export type Stretch = { readonly key: number; readonly notes: readonly Note[] };

/**
 * Cuts a list after every five notes, and the next list where the last one was cut, so that no note changes its
 * stretch because of what happens around it. A stretch in which nothing has changed stays the same object.
 */
export function createStretches(): (notes: readonly Note[]) => Stretch[] {
  let keys = new Map<string, number>();
  let before = new Map<number, Stretch>();
  let lastKey = 0;
  return (notes) => {
    const found: { key: number; notes: Note[] }[] = [];
    notes.forEach((note, index) => {
      const end = found.at(-1);
      const isAmidst = end && end.key === keys.get(notes[index + 1]?.id ?? "");
      const joins = end && (isAmidst || end.notes.length < usual) ? end.key : undefined;
      const key = keys.get(note.id) ?? joins ?? ++lastKey;
      if (end?.key === key) end.notes.push(note);
      else found.push({ key, notes: [note] });
    });
    const stretches = found.map((now) => {
      const then = before.get(now.key);
      const isSame =
        then?.notes.length === now.notes.length &&
        then.notes.every((note, i) => note === now.notes[i]);
      return isSame ? then : now;
    });
    keys = new Map(found.flatMap(({ key, notes }) => notes.map(({ id }) => [id, key])));
    before = new Map(stretches.map((stretch) => [stretch.key, stretch]));
    return stretches;
  };
}
