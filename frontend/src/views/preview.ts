/** Keeps a preview in step with a text without ever holding up the keys. */
import type { Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { renderBlocks } from "../markdown";

const pauseMs = 160;
const longestWaitMs = 1_000;

/** The rendered text: after each pause in typing, and now and then while there is none. */
export function usePreview(text: Signal<string>): string[] {
  const [blocks, setBlocks] = useState<string[]>([]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let waitingSince = 0;
    let shown: string | null = null;
    let isBusy = false;
    let isGone = false;
    const paint = async () => {
      waitingSince = 0;
      const source = text.peek();
      if (isBusy || source === shown) return;
      isBusy = true;
      const rendered = await renderBlocks(source);
      isBusy = false;
      if (isGone) return;
      shown = source;
      setBlocks(rendered);
      if (text.peek() !== shown) plan();
    };
    const plan = () => {
      clearTimeout(timer);
      waitingSince ||= Date.now();
      const leftMs = longestWaitMs - (Date.now() - waitingSince);
      timer = setTimeout(() => void paint(), Math.max(0, Math.min(pauseMs, leftMs)));
    };
    const stop = text.subscribe((next) =>
      shown === null ? void paint() : next !== shown && plan(),
    );
    return () => {
      isGone = true;
      clearTimeout(timer);
      stop();
    };
  }, [text]);
  return blocks;
}
