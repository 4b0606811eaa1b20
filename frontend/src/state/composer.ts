/** The new note: its draft, its pictures and its way to the server. */
import { computed, effect, signal } from "@preact/signals";
import { isAbort, Problem } from "../api/client";
import { connection, isPassing, recoveries, watched } from "./connection";
import {
  adoptDraft,
  dropDraft,
  firstDraft,
  freshDraft,
  leaveDraft,
  openDesk,
  saveDraft,
} from "./desk";
import { type Draft, newDraft } from "./drafts";
import { createEditor } from "./editor";
import { putNote, query } from "./feed";
import { newId } from "./ids";
import { publishDraft } from "./publish";
import { isLeaving } from "./session";
import { announce } from "./toasts";
import { createUploads } from "./uploads";

export type PublishState =
  | { kind: "idle" }
  | { kind: "pictures" }
  | { kind: "sending" }
  | { kind: "waiting"; message: string }
  | { kind: "refused"; message: string };

let draft: Draft = newDraft();
let sending: AbortController | null = null;

export const isReady = signal(false);
export const publishState = signal<PublishState>({ kind: "idle" });
export const wasInterrupted = signal(false);

export const editor = createEditor((text) => {
  draft = saveDraft({ ...draft, text });
  if (publishState.value.kind === "refused") publishState.value = { kind: "idle" };
});
export const uploads = createUploads(editor);
export const isLocked = computed(() => !isReady.value || publishState.value.kind === "sending");

function keep(changed: Draft): void {
  draft = saveDraft({ ...changed, id: draft.id });
}

function open(next: Draft): void {
  draft = next;
  editor.reset(next.text);
  wasInterrupted.value = next.sent !== null;
  isReady.value = true;
}

/** Begins with the drafts of `user`. */
export async function startComposer(user: string): Promise<void> {
  openDesk(user);
  open(await firstDraft());
}

/** Changes to a draft left behind; the one on the desk is left behind in its place. */
export async function switchDraft(id: string): Promise<void> {
  const next = await adoptDraft(id);
  if (!next) return;
  const left = draft.id;
  open(next);
  await leaveDraft(left);
  editor.focus();
}

function refuse(message: string): void {
  publishState.value = { kind: "refused", message };
}

/** Publishes, after the pictures on their way have arrived. */
export async function publish(): Promise<void> {
  if (isLocked.value) return;
  if (uploads.failed.value > 0) {
    refuse("A picture was not added. Try it again or remove it, then publish.");
    return;
  }
  if (uploads.pending.value > 0) {
    publishState.value = { kind: "pictures" };
    announce("Publishing once the pictures have arrived.");
    return;
  }
  if (!editor.text.value.trim()) {
    refuse("Write something first: an empty note cannot be published.");
    editor.focus();
    return;
  }
  await send();
}

export function stopWaiting(): void {
  sending?.abort();
  publishState.value = { kind: "idle" };
  editor.focus();
}

async function send(): Promise<void> {
  publishState.value = { kind: "sending" };
  sending = new AbortController();
  try {
    const note = await watched(publishDraft(draft, keep, sending.signal));
    dropDraft(draft.id);
    uploads.clear();
    open(await freshDraft());
    publishState.value = { kind: "idle" };
    announce("Published.");
    if (!query.value) await putNote(note);
    onPublished();
    editor.focus();
  } catch (error) {
    if (isAbort(error)) return;
    handleFailure(error);
  }
}

function handleFailure(error: unknown): void {
  const message = error instanceof Problem ? error.message : "Something went wrong on this page.";
  if (isPassing(error)) {
    publishState.value = { kind: "waiting", message };
    return;
  }
  // A clear no: nothing was stored, so the next attempt is a new one.
  if (error instanceof Problem && !error.isUncertain) keep({ ...draft, key: newId(), sent: null });
  refuse(message);
}

let onPublished = (): void => {};

export function watchComposer(whenPublished: () => void): void {
  onPublished = whenPublished;
  effect(() => {
    const isWaiting = publishState.value.kind === "pictures";
    if (isWaiting && (uploads.pending.value === 0 || uploads.failed.value > 0)) {
      queueMicrotask(() => {
        publishState.value = { kind: "idle" };
        void publish();
      });
    }
  });
  recoveries.subscribe(() => {
    if (publishState.value.kind === "waiting" && connection.value === "fine") {
      publishState.value = { kind: "idle" };
      void publish();
    }
  });
  addEventListener("beforeunload", (event) => {
    if (isLeaving) return;
    if (uploads.pending.value > 0 || uploads.failed.value > 0) event.preventDefault();
  });
}
