import { useLayoutEffect, useRef } from "preact/hooks";
import { buildBlock, rankHeadings, watchScrollers } from "../markdown";
import { type Painted, repaint } from "../repaint";

type Props = { blocks: readonly string[]; headingsBelow: number };

/** Shows rendered Markdown; only blocks that changed since the last time are built anew. */
export function Markdown({ blocks, headingsBelow }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const painted = useRef<Painted[]>([]);
  useLayoutEffect(() => {
    if (!root.current) return;
    painted.current = repaint(root.current, painted.current, blocks, buildBlock);
    rankHeadings(root.current, headingsBelow);
    watchScrollers(root.current);
  }, [blocks, headingsBelow]);
  return <div class="prose" ref={root} dir="auto" />;
}
