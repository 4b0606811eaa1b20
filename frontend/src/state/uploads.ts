/** Pictures on their way into a text. */
import { computed, type Signal, signal } from "@preact/signals";
import { isAbort, type Picture, Problem } from "../api/client";
import { uploadPicture } from "../api/upload";
import type { Anchor, Editor } from "./editor";
import { newId } from "./ids";
import { notePictureStore, rememberSizes } from "./pictures";
import { escapeAlt, findAlt, pictureText } from "./text";
import { announce } from "./toasts";

export type UploadState =
  | { kind: "waiting"; message?: string }
  | { kind: "sending"; share: number }
  | { kind: "failed"; message: string }
  | { kind: "done"; picture: Picture };

export type Upload = {
  id: string;
  name: string;
  preview: string;
  state: Signal<UploadState>;
};

type Job = Upload & { file: File; anchor: Anchor; abort: AbortController; storeRetries: number };
export type Uploads = ReturnType<typeof createUploads>;

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

export function createUploads(editor: Editor) {
  const items = signal<Upload[]>([]);
  const jobs = new Map<string, Job>();
  const count = (...kinds: UploadState["kind"][]) =>
    items.value.filter(({ state }) => kinds.includes(state.value.kind)).length;

  async function run(job: Job): Promise<void> {
    job.abort = new AbortController();
    const { signal: aborted } = job.abort;
    job.state.value = { kind: "waiting" };
    await slot(aborted);
    try {
      if (aborted.aborted) return;
      job.state.value = { kind: "sending", share: 0 };
      const onProgress = (share: number) => {
        job.state.value = { kind: "sending", share };
      };
      land(job, await uploadPicture(job.file, onProgress, aborted));
    } catch (error) {
      if (!isAbort(error)) fail(job, error);
    } finally {
      freeSlot();
    }
  }

  function land(job: Job, picture: Picture): void {
    notePictureStore(false);
    rememberSizes([picture]);
    job.state.value = { kind: "done", picture };
    editor.replace((text) => {
      const { position } = job.anchor;
      return { start: position, end: position, put: pictureText(text, position, picture.url) };
    }, job.anchor);
    editor.release(job.anchor);
    announce(`${job.name} is in your note.`);
  }

  function fail(job: Job, error: unknown): void {
    const problem = error instanceof Problem ? error : new Problem(0, {});
    if (problem.status === 503) notePictureStore(true);
    if (problem.status === 503 && job.storeRetries < maxStoreRetries) {
      job.storeRetries += 1;
      job.state.value = { kind: "waiting", message: problem.message };
      const waitMs = Math.min(problem.retryAfterSeconds ?? 3, 10) * 1000;
      const timer = setTimeout(() => void run(job), waitMs);
      job.abort.signal.addEventListener("abort", () => clearTimeout(timer));
      return;
    }
    job.state.value = { kind: "failed", message: problem.message };
    announce(`${job.name} was not added. ${problem.message}`);
  }

  function remove(id: string): void {
    const job = jobs.get(id);
    if (!job) return;
    job.abort.abort();
    editor.release(job.anchor);
    URL.revokeObjectURL(job.preview);
    jobs.delete(id);
    items.value = items.value.filter((upload) => upload.id !== id);
  }

  return {
    items,
    /** How many are not in the text yet, and how many will not get there by themselves. */
    pending: computed(() => count("waiting", "sending")),
    failed: computed(() => count("failed")),

    add(files: Iterable<File>): void {
      const added: Job[] = [];
      for (const file of files) {
        added.push({
          id: newId(),
          name: file.name || "Picture",
          preview: URL.createObjectURL(file),
          state: signal<UploadState>({ kind: "waiting" }),
          file,
          anchor: editor.anchor(),
          abort: new AbortController(),
          storeRetries: 0,
        });
      }
      for (const job of added) jobs.set(job.id, job);
      items.value = [...items.value, ...added];
      for (const job of added) void run(job);
    },

    retry(id: string): void {
      const job = jobs.get(id);
      if (job) {
        job.abort.abort();
        job.storeRetries = 0;
        void run(job);
      }
    },

    remove,

    setAlt(picture: Picture, alt: string): void {
      editor.replace((text) => {
        const range = findAlt(text, picture.url);
        return range && { start: range.start, end: range.end, put: escapeAlt(alt) };
      });
    },

    clear(): void {
      for (const id of [...jobs.keys()]) remove(id);
    },
  };
}
