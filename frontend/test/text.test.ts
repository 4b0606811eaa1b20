import { expect, test } from "vitest";
import { escapeAlt, findAlt, pictureText } from "../src/state/pictureText";
import { findChange, mapPosition } from "../src/state/text";

test("a letter typed in the middle is found, also among equal letters", () => {
  expect(findChange("helo", "hello", 3)).toEqual({ start: 2, removed: 0, inserted: 1 });
  expect(findChange("helo", "hello", 4)).toEqual({ start: 3, removed: 0, inserted: 1 });
});

test("a replaced selection and a deletion are found", () => {
  expect(findChange("one two three", "one 2 three", 5)).toEqual({
    start: 4,
    removed: 3,
    inserted: 1,
  });
  expect(findChange("abcd", "ad", 1)).toEqual({ start: 1, removed: 2, inserted: 0 });
  expect(findChange("abc", "", 0)).toEqual({ start: 0, removed: 3, inserted: 0 });
});

test("a caret that misleads still gives a change that explains both texts", () => {
  for (const caret of [0, 1, 2, 3, 4, 5, 99]) {
    const [before, after] = ["abxcd", "abycd"];
    const { start, removed, inserted } = findChange(before, after, caret);
    const put = after.slice(start, start + inserted);
    expect(before.slice(0, start) + put + before.slice(start + removed)).toBe(after);
  }
});

test("positions move with what is typed before them and stay for what is typed at or after them", () => {
  const typed = { start: 3, removed: 0, inserted: 2 };
  expect([2, 3, 4].map((at) => mapPosition(at, typed))).toEqual([2, 3, 6]);
  expect(mapPosition(3, typed, true)).toBe(5);
  const cut = { start: 3, removed: 4, inserted: 0 };
  expect([3, 5, 7, 9].map((at) => mapPosition(at, cut))).toEqual([3, 3, 3, 5]);
});

test("a picture takes its own line only where it starts one", () => {
  expect(pictureText("", 0, "/p")).toBe("![](/p)\n");
  expect(pictureText("abc", 3, "/p")).toBe("![](/p)");
  expect(pictureText("a\nb", 2, "/p")).toBe("![](/p)\n");
  expect(pictureText("a\n\nb", 2, "/p")).toBe("![](/p)");
});

test("an alt text survives brackets and backslashes", () => {
  const alt = "a [b] \\ c";
  const text = `x ![${escapeAlt(alt)}](/p) y`;
  const range = findAlt(text, "/p");
  expect(range?.alt).toBe(alt);
  expect(text.slice(range?.start, range?.end)).toBe(escapeAlt(alt));
  expect(findAlt("[link](/p)", "/p")).toBeNull();
});
