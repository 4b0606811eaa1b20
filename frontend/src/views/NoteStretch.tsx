import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { wordsOf } from "../markdown";
import { edits } from "../state/editing";
import type { Stretch } from "../state/stretches";
import { memo } from "./memo";
import { NoteCard } from "./NoteCard";
import { isPrinting, watchNearness } from "./near";

/**
 * A stretch of the list: cards while it is near the window, and else one element of their height with the words
 * of the notes. So a long list stays light, its length is true, and the browser's own search finds all of it.
 */
export const NoteStretch = memo(({ stretch: { notes } }: { stretch: Stretch }) => {
  const place = useRef<HTMLDivElement>(null);
  const isNear = useSignal<boolean | null>(null);
  const height = useRef("");
  const found = useRef(-1);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    return watchNearness(element, (isNearNow) => {
      if (isNearNow === isNear.value || (isNear.value && isInUse(element))) return;
      height.current = isNear.value ? `${element.offsetHeight}px` : "";
      found.current = isNearNow ? noteFound(element) : -1;
      isNear.value = isNearNow;
    });
  }, [isNear]);
  const isBuilt = isNear.value || isPrinting.value || notes.some(({ id }) => edits.value.has(id));
  useLayoutEffect(() => {
    place.current?.children[found.current]?.scrollIntoView({ block: "center" });
  }, [isBuilt]);
  const style = { "--notes": notes.length, ...(!isBuilt && { height: height.current }) };
  return (
    <div class="stretch" ref={place} style={style} role={isBuilt ? undefined : "listitem"}>
      {isBuilt
        ? notes.map((note) => (
            // biome-ignore lint/a11y/useSemanticElements: no list stands right above it
            <div key={note.id} role="listitem">
              <NoteCard note={note} />
            </div>
          ))
        : isNear.value === false && notes.map(wordsOf)}
    </div>
  );
});

/** The browser's search goes to words, and puts them in the middle of what the header leaves: their note is to be there. */
function noteFound(element: Element): number {
  if (document.hasFocus()) return -1;
  const covered = Number.parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
  const middle = document.caretPositionFromPoint?.(innerWidth / 2, (innerHeight + covered) / 2);
  return [...element.childNodes].indexOf(middle?.offsetNode as ChildNode);
}

/** What somebody has opened, or has the focus or the selection in, stays as it is. */
function isInUse(element: Element): boolean {
  const selection = getSelection();
  return (
    element.contains(document.activeElement) ||
    element.querySelector('[aria-expanded="true"]') !== null ||
    [selection?.anchorNode, selection?.focusNode].some((node) => node && element.contains(node))
  );
}
