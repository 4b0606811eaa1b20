/** Keeps a container in step with blocks of HTML by touching only the blocks that changed. */

export type Painted = { html: string; nodes: ChildNode[] };

export function repaint(
  root: Element,
  before: readonly Painted[],
  blocks: readonly string[],
  build: (html: string) => DocumentFragment,
): Painted[] {
  const shared = Math.min(before.length, blocks.length);
  let head = 0;
  while (head < shared && before[head]?.html === blocks[head]) head += 1;
  let tail = 0;
  while (
    tail < shared - head &&
    before[before.length - 1 - tail]?.html === blocks[blocks.length - 1 - tail]
  ) {
    tail += 1;
  }
  for (const { nodes } of before.slice(head, before.length - tail)) {
    for (const node of nodes) node.remove();
  }
  const kept = before.slice(before.length - tail);
  const anchor = kept.flatMap(({ nodes }) => nodes)[0] ?? null;
  const changed = blocks.slice(head, blocks.length - tail).map((html) => {
    const fragment = build(html);
    const nodes = [...fragment.childNodes];
    root.insertBefore(fragment, anchor);
    return { html, nodes };
  });
  return [...before.slice(0, head), ...changed, ...kept];
}
