/** Pictures that did not come: one of them is asked for until the store answers, then all come again. */
import { probePicture, signInsAsked } from "../api/client";
import { onRecovery } from "./connection";
import { anyPicture, picturesAreDown } from "./pictures";

const waiting = new Set<HTMLImageElement>();
const firstDelayMs = 1_500;
const lastDelayMs = 20_000;
let delayMs = firstDelayMs;
let timer: ReturnType<typeof setTimeout> | undefined;
let isAsking = false;

addEventListener("online", () => void askNow());

export function noteFailure(image: HTMLImageElement): void {
  image.dataset.state = "failed";
  waiting.add(image);
  if (timer === undefined && !isAsking) void askNow();
}

export function noteStore(isDown: boolean): void {
  if (isDown) {
    picturesAreDown.value = true;
    if (timer === undefined) timer = setTimeout(() => void askNow(), delayMs);
  } else if (picturesAreDown.value) {
    noteRecovery();
  }
}

function noteRecovery(): void {
  clearTimeout(timer);
  timer = undefined;
  picturesAreDown.value = false;
  delayMs = firstDelayMs;
  reloadWaiting();
}

/** Asks for one of the pictures that failed; what it answers goes for the store as a whole. */
export async function askNow(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  for (const image of waiting) if (!image.isConnected) waiting.delete(image);
  const [image] = waiting;
  const id = image?.dataset.picture ?? anyPicture() ?? "0".repeat(64);
  if (isAsking) return;
  isAsking = true;
  const status = await probePicture(id, AbortSignal.timeout(10_000)).catch(() => 0);
  isAsking = false;
  if (status === 401) {
    signInsAsked.value += 1;
    onRecovery(() => void askNow());
    return;
  }
  if (status === 0 || status >= 500) {
    picturesAreDown.value ||= status >= 500;
    timer = setTimeout(() => void askNow(), delayMs);
    delayMs = Math.min(delayMs * 2, lastDelayMs);
    return;
  }
  if (status === 404 && image) {
    image.dataset.state = "missing";
    waiting.delete(image);
    if (waiting.size > 0) await askNow();
    else noteRecovery();
    return;
  }
  noteRecovery();
}

function reloadWaiting(): void {
  for (const image of waiting) {
    waiting.delete(image);
    const tries = Number(image.dataset.tries ?? 0) + 1;
    if (tries > 8) continue;
    image.dataset.tries = String(tries);
    delete image.dataset.state;
    const { src, srcset } = image;
    image.removeAttribute("srcset");
    image.src = "";
    if (srcset) image.srcset = srcset;
    image.src = src;
  }
}
