/** Positions in a text that stay right while somebody keeps typing. */

/** `removed` characters at `start` became `inserted` characters. */
export type Change = { start: number; removed: number; inserted: number };

/**
 * The one change between two texts. `caret` is where the cursor stands afterwards: it settles which of
 * several equal letters were typed, as in the second `l` of `hello`.
 */
export function findChange(before: string, after: string, caret: number): Change {
  const maxSuffix = Math.min(before.length, after.length, Math.max(0, after.length - caret));
  let suffix = 0;
  while (
    suffix < maxSuffix &&
    before.charCodeAt(before.length - 1 - suffix) === after.charCodeAt(after.length - 1 - suffix)
  ) {
    suffix += 1;
  }
  const maxPrefix = Math.min(before.length, after.length) - suffix;
  let start = 0;
  while (start < maxPrefix && before.charCodeAt(start) === after.charCodeAt(start)) start += 1;
  return {
    start,
    removed: before.length - suffix - start,
    inserted: after.length - suffix - start,
  };
}

/** Where `position` is after `change`. What is typed exactly there comes after it, unless `pushed`. */
export function mapPosition(position: number, change: Change, pushed = false): number {
  const { start, removed, inserted } = change;
  if (position < start || (position === start && !pushed)) return position;
  if (position === start && pushed) return removed ? position : position + inserted;
  if (position >= start + removed) return position + inserted - removed;
  return start;
}

const encoder = new TextEncoder();

/** UTF-8 bytes; texts far below `limit` are not measured. */
export function bytesNear(text: string, limit: number): number {
  return text.length * 3 < limit ? 0 : encoder.encode(text).length;
}
