/** Cuts the HTML of a note into its outermost blocks, so that a preview repaints only what changed. */

const voidElements = new Set(["br", "hr", "img", "input"]);

/** `html` must come from the Markdown compiler: well formed, every `<` of the text escaped. */
export function splitBlocks(html: string): string[] {
  const blocks: string[] = [];
  const tag = /<(\/?)([a-z][a-z0-9]*)(?:"[^"]*"|[^">])*>/g;
  let depth = 0;
  let start = 0;
  for (let match = tag.exec(html); match; match = tag.exec(html)) {
    const [, closing, name = ""] = match;
    if (closing) depth -= 1;
    else if (!voidElements.has(name)) depth += 1;
    if (depth === 0) {
      blocks.push(html.slice(start, tag.lastIndex).trimStart());
      start = tag.lastIndex;
    }
  }
  const rest = html.slice(start).trim();
  if (rest) blocks.push(rest);
  return blocks;
}
