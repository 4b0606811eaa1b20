/** Named character references: the usual ones at once, the other two thousand when a text needs them. */

const usual: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  nbsp: "\u00a0",
  copy: "©",
  reg: "®",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  laquo: "«",
  raquo: "»",
  times: "×",
  euro: "€",
  rarr: "→",
  larr: "←",
};
let table = usual;

/** The shape micromark expects of `decode-named-character-reference`. */
export function decodeNamedCharacterReference(name: string): string | false {
  return Object.hasOwn(table, name) ? (table[name] as string) : false;
}

/** Loads the whole table if `text` names a reference that the usual ones do not hold. */
export async function loadEntitiesFor(text: string): Promise<void> {
  if (table !== usual) return;
  for (const [, name] of text.matchAll(/&([A-Za-z][A-Za-z0-9]{1,31});/g)) {
    if (name && !Object.hasOwn(usual, name)) {
      table = (await import("character-entities")).characterEntities;
      return;
    }
  }
}
