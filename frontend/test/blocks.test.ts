import { expect, test } from "vitest";
import { splitBlocks } from "../src/worker/blocks";
import { renderBlocks } from "../src/worker/render";

test("a note is cut at its outermost blocks and nothing is lost", async () => {
  const text = "# One\n\n- a\n  - b\n\n![p](/x.png)\n\n***\n\n> q\n>\n> r\n\n| a |\n|--|\n| 1 |\n";
  const blocks = await renderBlocks(text);
  expect(blocks.map((block) => /^<([a-z0-9]+)/.exec(block)?.[1])).toEqual([
    "h1",
    "ul",
    "p",
    "hr",
    "blockquote",
    "table",
  ]);
});

test("a greater-than sign inside an attribute does not end a tag", () => {
  expect(splitBlocks('<p><img src="a" alt="1>0"></p>\n<p>b</p>')).toEqual([
    '<p><img src="a" alt="1>0"></p>',
    "<p>b</p>",
  ]);
});

test("raw HTML is escaped and dangerous protocols are blanked", async () => {
  const html = (await renderBlocks("<script>1</script>\n\n[a](javascript:alert(1))")).join("");
  expect(html).not.toContain("<script");
  expect(html).not.toContain("javascript:");
});

test("rare entities are decoded with the full table", async () => {
  expect((await renderBlocks("&amp; &copy;")).join("")).toBe("<p>&amp; ©</p>");
  expect((await renderBlocks("&CounterClockwiseContourIntegral;")).join("")).toBe("<p>∳</p>");
  expect((await renderBlocks("&nosuchthing;")).join("")).toBe("<p>&amp;nosuchthing;</p>");
});
