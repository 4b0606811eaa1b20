/** One text being written: its signal, its textarea, and the places where pictures will land. */
import { type Signal, signal } from "@preact/signals";
import { type Change, findChange, mapPosition } from "./text";

export type Anchor = { position: number };
type Replacement = { start: number; end: number; put: string };

export type Editor = ReturnType<typeof createEditor>;

export function createEditor(onChange: (text: string) => void) {
  const text = signal("");
  const anchors: Anchor[] = [];
  const queued: (() => void)[] = [];
  let area: HTMLTextAreaElement | null = null;
  let isComposing = false;
  let isReplacing = false;

  function moveAnchors(change: Change, from?: Anchor): void {
    let isLater = false;
    for (const anchor of anchors) {
      if (anchor === from) {
        isLater = true;
        anchor.position = change.start + change.inserted;
      } else {
        anchor.position = mapPosition(anchor.position, change, isLater);
      }
    }
  }

  function take(next: string, change: Change, from?: Anchor): void {
    if (next === text.value) return;
    moveAnchors(change, from);
    text.value = next;
    onChange(next);
  }

  function input(): void {
    if (!area || isReplacing) return;
    const next = area.value;
    take(next, findChange(text.value, next, area.selectionEnd));
  }

  /** Replaces part of the text without touching the person's cursor, once no input method is composing. */
  function replace(compute: (text: string) => Replacement | null, from?: Anchor): void {
    if (isComposing) {
      queued.push(() => replace(compute, from));
      return;
    }
    const replacement = compute(text.value);
    if (!replacement) return;
    const { start, end, put } = replacement;
    const next = text.value.slice(0, start) + put + text.value.slice(end);
    const change = { start, removed: end - start, inserted: put.length };
    if (area) {
      isReplacing = true;
      replaceInArea(area, replacement, change);
      isReplacing = false;
      if (area.value !== next) area.value = next;
    }
    take(next, change, from);
  }

  return {
    text: text as Signal<string>,
    input,
    replace,

    /** Takes charge of a textarea, until the function this gives back is called. */
    attach(element: HTMLTextAreaElement): () => void {
      area = element;
      area.value = text.value;
      area.setSelectionRange(text.value.length, text.value.length);
      return () => {
        if (area === element) area = null;
      };
    },

    /** A new text altogether, as when a draft is opened. */
    reset(next: string): void {
      text.value = next;
      for (const anchor of anchors) anchor.position = next.length;
      if (area) area.value = next;
    },

    compose(isOn: boolean): void {
      isComposing = isOn;
      if (!isOn) for (const run of queued.splice(0)) run();
    },

    /** Marks the cursor's place; it moves along with the text around it. */
    anchor(): Anchor {
      const anchor = { position: area ? area.selectionEnd : text.value.length };
      anchors.push(anchor);
      return anchor;
    },

    release(anchor: Anchor): void {
      const index = anchors.indexOf(anchor);
      if (index >= 0) anchors.splice(index, 1);
    },

    focus(): void {
      area?.focus();
    },
  };
}

function replaceInArea(
  area: HTMLTextAreaElement,
  { start, end, put }: Replacement,
  change: Change,
) {
  if (document.activeElement !== area || !put) {
    area.setRangeText(put, start, end, "preserve");
    return;
  }
  // execCommand is the only way in that keeps the person's undo history.
  const { selectionStart, selectionEnd, selectionDirection, scrollTop } = area;
  area.setSelectionRange(start, end);
  if (!document.execCommand("insertText", false, put)) area.setRangeText(put, start, end, "end");
  const isBare = selectionStart === selectionEnd;
  area.setSelectionRange(
    mapPosition(selectionStart, change, isBare),
    mapPosition(selectionEnd, change, isBare),
    selectionDirection,
  );
  area.scrollTop = scrollTop;
}
