/** What is known about pictures: where they are, their sizes, and whether the picture store answers. */
import { signal } from "@preact/signals";
import type { Note } from "../api/client";

export const picturesAreDown = signal(false);

/** In a shared note, `url` is one that works for its readers for a while. */
type Known = { url: string; width: number; height: number };
const known = new Map<string, Known>();

export function rememberPictures(pictures: Note["pictures"]): void {
  for (const picture of pictures) known.set(picture.id, picture);
}

export function knownPicture(id: string): Known | undefined {
  return known.get(id);
}

export function anyPicture(): string | undefined {
  return known.keys().next().value;
}

/** What is done about pictures that do not come is fetched with the first of them. */
function rescue(act: (part: typeof import("./rescue")) => unknown): void {
  import("./rescue").then(act, () => undefined);
}

/** Error events of images do not bubble; they can be caught on the way down. */
export function watchPictures(): void {
  document.addEventListener(
    "error",
    ({ target }) => {
      if (!(target instanceof HTMLImageElement) || !target.dataset.picture) return;
      rescue(({ noteFailure }) => noteFailure(target));
    },
    true,
  );
}

/** An upload found the picture store away (`true`) or back (`false`). */
export function notePictureStore(isDown: boolean): void {
  if (isDown !== picturesAreDown.value) rescue(({ noteStore }) => noteStore(isDown));
}

export function askForPictures(): void {
  rescue(({ askNow }) => askNow());
}
