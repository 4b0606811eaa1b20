/** Which lines two texts have in common. */

export type DiffLine = { text: string; isCommon: boolean };

/** Above this many pairs of lines the middle is marked as changed altogether. */
const maxPairs = 1_000_000;

export function diffLines(
  before: string,
  after: string,
): { before: DiffLine[]; after: DiffLine[] } {
  const a = before.split("\n");
  const b = after.split("\n");
  const shared = Math.min(a.length, b.length);
  let head = 0;
  while (head < shared && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < shared - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const [inA, inB] = commonMiddle(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const mark = (lines: string[], common: Set<number>): DiffLine[] =>
    lines.map((text, index) => ({
      text,
      isCommon: index < head || index >= lines.length - tail || common.has(index - head),
    }));
  return { before: mark(a, inA), after: mark(b, inB) };
}

/** The longest common subsequence, as the indexes it has in both. */
function commonMiddle(a: string[], b: string[]): [Set<number>, Set<number>] {
  const inA = new Set<number>();
  const inB = new Set<number>();
  if (a.length * b.length > maxPairs) return [inA, inB];
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      inA.add(i++);
      inB.add(j++);
    } else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return [inA, inB];
}
