/** Pictures on their way into a text. */
import { computed, type Signal, signal } from "@preact/signals";
import { type Picture, Problem } from "../api/client";
import type { Anchor, Editor } from "./editor";
import { newId } from "./ids";

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

export type Job = Upload & {
  file: File;
  anchor: Anchor;
  abort: AbortController;
  storeRetries: number;
};
export type Uploads = ReturnType<typeof createUploads>;

export function createUploads(editor: Editor) {
  const items = signal<Upload[]>([]);
  const jobs = new Map<string, Job>();
  const count = (...kinds: UploadState["kind"][]) =>
    items.value.filter(({ state }) => kinds.includes(state.value.kind)).length;

  /** What sending takes is fetched with the first picture. */
  async function run(job: Job): Promise<void> {
    job.abort = new AbortController();
    job.state.value = { kind: "waiting" };
    try {
      const { sendPicture } = await import("./sending");
      await sendPicture(job, editor, () => jobs.has(job.id) && void run(job));
    } catch {
      job.state.value = { kind: "failed", message: new Problem(0, {}).message };
    }
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
    editor,
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

    clear(): void {
      for (const id of [...jobs.keys()]) remove(id);
    },
  };
}
