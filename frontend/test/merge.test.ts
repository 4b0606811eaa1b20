import { expect, test } from "vitest";
import type { Note } from "../src/api/client";
import { diffLines } from "../src/diff";
import { byNewest, insertNote, mergeFirstPages } from "../src/state/merge";

const note = (minute: number, version = 1): Note => ({
  id: `n${minute}`,
  content: "",
  version,
  created_at: new Date(minute * 60_000).toISOString(),
  updated_at: "",
  pictures: [],
});
const ids = (notes: Note[]) => notes.map(({ id }) => id);

test("newest come first, whatever the precision of their times", () => {
  const whole = { ...note(1), id: "a", created_at: "2026-01-01T00:00:00Z" };
  const later = { ...note(1), id: "b", created_at: "2026-01-01T00:00:00.200Z" };
  expect(ids([whole, later].sort(byNewest))).toEqual(["b", "a"]);
});

test("a restored note returns to its place, or stays out below what is loaded", () => {
  const list = [note(9), note(5)];
  expect(ids(insertNote(list, note(7), true))).toEqual(["n9", "n7", "n5"]);
  expect(ids(insertNote(list, note(2), true))).toEqual(["n9", "n5"]);
  expect(ids(insertNote(list, note(2), false))).toEqual(["n9", "n5", "n2"]);
  expect(insertNote(list, note(5, 2), true)[1]?.version).toBe(2);
});

test("a look at the first page replaces, removes and announces", () => {
  const merged = mergeFirstPages(
    [note(8), note(7), note(6), note(2)],
    [note(9), note(8), note(6, 3)],
    false,
  );
  expect(ids(merged.notes)).toEqual(["n8", "n6", "n2"]);
  expect(merged.notes[1]?.version).toBe(3);
  expect(ids(merged.incoming)).toEqual(["n9"]);
  expect(merged.isApart).toBe(false);
});

test("an answer older than what is shown does not turn a note back", () => {
  expect(mergeFirstPages([note(8, 4)], [note(8, 3)], true).notes[0]?.version).toBe(4);
});

test("pages that do not touch the list are reported", () => {
  expect(mergeFirstPages([note(1)], [note(9), note(8)], false).isApart).toBe(true);
});

test("differing lines are marked on both sides", () => {
  const { before, after } = diffLines("a\nb\nc\nd", "a\nx\nc\ny\nd");
  expect(before.filter(({ isCommon }) => !isCommon).map(({ text }) => text)).toEqual(["b"]);
  expect(after.filter(({ isCommon }) => !isCommon).map(({ text }) => text)).toEqual(["x", "y"]);
});
