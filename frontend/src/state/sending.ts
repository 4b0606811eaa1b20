/** What happens to a picture on its way: its turn, its upload, its place in the text. */
import { isAbort, type Picture, Problem } from "../api/client";
import { uploadPicture } from "../api/upload";
import { onRecovery } from "./connection";
import type { Editor } from "./editor";
import { notePictureStore, rememberPictures } from "./pictures";
import { escapeAlt, findAlt, pictureText } from "./pictureText";
import { announce } from "./toasts";
import type { Job } from "./uploads";

const maxAtOnce = 3;
const maxStoreRetries = 40;
let running = 0;
const line: (() => void)[] = [];

async function slot(signal: AbortSignal): Promise<void> {
  if (running >= maxAtOnce) {
    await new Promise<void>((resolve) => {
      line.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  running += 1;
}

function freeSlot(): void {
  running -= 1;
  line.shift()?.();
}

/** Sends it and puts it into the text; `again` is for later, when what was away is back. */
export async function sendPicture(job: Job, editor: Editor, again: () => void): Promise<void> {
  const { signal: aborted } = job.abort;
  await slot(aborted);
  try {
    if (aborted.aborted) return;
    job.state.value = { kind: "sending", share: 0 };
    const onProgress = (share: number) => {
      job.state.value = { kind: "sending", share };
    };
    land(job, editor, await uploadPicture(job.file, onProgress, aborted));
  } catch (error) {
    if (!isAbort(error)) fail(job, error, again);
  } finally {
    freeSlot();
  }
}

function land(job: Job, editor: Editor, picture: Picture): void {
  notePictureStore(false);
  rememberPictures([picture]);
  job.state.value = { kind: "done", picture };
  editor.replace((text) => {
    const { position } = job.anchor;
    return { start: position, end: position, put: pictureText(text, position, picture.url) };
  }, job.anchor);
  editor.release(job.anchor);
  announce(`${job.name} is in your note.`);
}

function fail(job: Job, error: unknown, again: () => void): void {
  const problem = error instanceof Problem ? error : new Problem(0, {});
  if (problem.status === 503) notePictureStore(true);
  if (problem.status === 503 && job.storeRetries < maxStoreRetries) {
    job.storeRetries += 1;
    job.state.value = { kind: "waiting", message: problem.message };
    const waitMs = Math.min(problem.retryAfterSeconds ?? 3, 10) * 1000;
    const timer = setTimeout(again, waitMs);
    job.abort.signal.addEventListener("abort", () => clearTimeout(timer));
    return;
  }
  if (problem.asksSignIn) {
    job.state.value = { kind: "waiting", message: problem.message };
    onRecovery(again);
    return;
  }
  job.state.value = { kind: "failed", message: problem.message };
  announce(`${job.name} was not added. ${problem.message}`);
}

/** Describes a picture that is in the text. */
export function describe(editor: Editor, picture: Picture, alt: string): void {
  editor.replace((text) => {
    const range = findAlt(text, picture.url);
    return range && { start: range.start, end: range.end, put: escapeAlt(alt) };
  });
}
