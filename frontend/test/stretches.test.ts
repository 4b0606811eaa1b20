import { expect, test } from "vitest";
import type { Note } from "../src/api/client";
import { createStretches } from "../src/state/stretches";

const note = (id: string): Note => ({
  id,
  content: "",
  version: 1,
  created_at: "",
  updated_at: "",
  pictures: [],
});
const list = [..."abcdefghijkl"].map(note);
const told = (stretches: { key: number; notes: readonly Note[] }[]) =>
  stretches.map(({ key, notes }) => `${key}${notes.map(({ id }) => id).join("")}`);

test("a list is cut after every five notes, and goes on where it ended", () => {
  const stretches = createStretches();
  expect(told(stretches(list.slice(0, 7)))).toEqual(["1abcde", "2fg"]);
  expect(told(stretches(list))).toEqual(["1abcde", "2fghij", "3kl"]);
});

test("no note changes its stretch when others come and go", () => {
  const stretches = createStretches();
  stretches(list);
  expect(told(stretches(list.slice(1)))).toEqual(["1bcde", "2fghij", "3kl"]);
  expect(told(stretches([note("z"), ...list]))).toEqual(["4za", "1bcde", "2fghij", "3kl"]);
});

test("a note that comes back between two of a full stretch joins it, and no key stands twice", () => {
  const stretches = createStretches();
  stretches(list);
  const more = list.toSpliced(5, 0, note("x")).toSpliced(7, 0, note("y"));
  expect(told(stretches(more))).toEqual(["1abcde", "4x", "2fyghij", "3kl"]);
  const most = more.toSpliced(12, 0, note("w"));
  expect(told(stretches(most))).toEqual(["1abcde", "4x", "2fyghij", "5w", "3kl"]);
});

test("a stretch in which nothing has changed stays the same object", () => {
  const stretches = createStretches();
  const before = stretches(list);
  const after = stretches([...list, note("m")]);
  expect(after[0]).toBe(before[0]);
  expect(after[1]).toBe(before[1]);
  expect(after[2]).not.toBe(before[2]);
  expect(stretches(list.with(0, note("a")))[0]).not.toBe(before[0]);
});
