/** Pictures in the Markdown of a text: what is put in for one, and where its description stands. */

/** What to put in at `position` for a picture: alone on its line when it starts one. */
export function pictureText(text: string, position: number, url: string): string {
  const startsLine = position === 0 || text[position - 1] === "\n";
  const endsLine = position === text.length || text[position] === "\n";
  return `![](${url})${startsLine && !(endsLine && position < text.length) ? "\n" : ""}`;
}

export type AltRange = { start: number; end: number; alt: string };

/** Where the alt text of the first picture with this address stands, or null. */
export function findAlt(text: string, url: string): AltRange | null {
  for (let at = text.indexOf(`](${url}`); at >= 0; at = text.indexOf(`](${url}`, at + 1)) {
    const start = text.lastIndexOf("![", at) + 2;
    if (start < 2) continue;
    const alt = text.slice(start, at);
    if (!/(?:^|[^\\])[[\]\n]/.test(alt)) return { start, end: at, alt: unescapeAlt(alt) };
  }
  return null;
}

export function escapeAlt(alt: string): string {
  return alt.replace(/\s+/g, " ").replace(/[\\[\]]/g, "\\$&");
}

function unescapeAlt(alt: string): string {
  return alt.replace(/\\([\\[\]])/g, "$1");
}
