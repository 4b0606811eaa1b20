/** The whole page takes dropped files; they go to the text under the pointer, or the one last used. */
import { signal } from "@preact/signals";
import type { Uploads } from "./uploads";

export const isDragging = signal(false);

const targets = new Map<Element, Uploads>();
let lastUsed: Element | null = null;

export function registerDrop(element: HTMLElement, uploads: Uploads): () => void {
  targets.set(element, uploads);
  const use = () => {
    lastUsed = element;
  };
  element.addEventListener("focusin", use);
  return () => {
    targets.delete(element);
    element.removeEventListener("focusin", use);
    if (lastUsed === element) lastUsed = null;
  };
}

const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

function targetOf(event: Event): Uploads | undefined {
  const element = event.target instanceof Element ? event.target.closest("[data-drop]") : null;
  if (element) return targets.get(element);
  if (lastUsed?.checkVisibility()) return targets.get(lastUsed);
  for (const [candidate, uploads] of targets) if (candidate.checkVisibility()) return uploads;
  return undefined;
}

/** Pictures in a paste; a copied table or page brings a picture of itself along, its text is what counts. */
export function pastedPictures(data: DataTransfer | null): File[] {
  if (!data || data.types.includes("text/plain")) return [];
  return [...data.files].filter(({ type }) => type.startsWith("image/"));
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

/** `fallback` makes a text appear when the page shows none that could take the files. */
export function watchDrops(fallback: () => Uploads): void {
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    isDragging.value = true;
  });
  addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    isDragging.value = depth > 0;
  });
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    depth = 0;
    isDragging.value = false;
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) (targetOf(event) ?? fallback()).add(files);
  });
  document.addEventListener("paste", (event) => {
    const files = pastedPictures(event.clipboardData);
    if (files.length === 0) return;
    if (isTyping(event.target) && !(event.target as Element).closest("[data-drop]")) return;
    event.preventDefault();
    (targetOf(event) ?? fallback()).add(files);
  });
}
