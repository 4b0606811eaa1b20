/** The notebook's list: pages of notes, kept right while notes change here and elsewhere. */
import { computed, signal } from "@preact/signals";
import { isAbort, listNotes, type Note, type NotePage, Problem } from "../api/client";
import { prepareNote } from "../markdown";
import { connection, isPassing, recoveries, watched } from "./connection";
import { byNewest, insertNote, mergeFirstPages } from "./merge";

const pageSize = 20;
const maxCatchUpPages = 5;

export type FeedState = "loading" | "ready" | "failed";

export const query = signal("");
export const notes = signal<Note[]>([]);
export const feedState = signal<FeedState>("loading");
export const feedProblem = signal("");
export const isLoadingMore = signal(false);
export const moreFailed = signal(false);
/** Notes written elsewhere, waiting for a click so that nothing jumps. */
export const incoming = signal<Note[]>([]);

/** The note last written here, also when it lies below what has been loaded. */
export const lastPut = signal<Note | null>(null);

const next = signal<string | null>(null);
export const hasMore = computed(() => next.value !== null);

let work = new AbortController();
let refreshing: AbortController | null = null;
/** Counts what was changed here: an answer asked for before a change must not undo it on the screen. */
let changesHere = 0;

async function loadPage(q: string, cursor: string | null, signal: AbortSignal): Promise<NotePage> {
  const page = await watched(listNotes({ q, cursor, limit: pageSize }, signal));
  await Promise.all(page.items.map(prepareNote));
  signal.throwIfAborted();
  return page;
}

/** Shows the notes that match `q` from the top; whatever was being loaded before is dropped. */
export async function openFeed(q: string): Promise<void> {
  work.abort();
  refreshing?.abort();
  work = new AbortController();
  const { signal: aborted } = work;
  query.value = q;
  isLoadingMore.value = false;
  moreFailed.value = false;
  feedState.value = "loading";
  try {
    const page = await loadPage(q, null, aborted);
    notes.value = page.items;
    next.value = page.next;
    incoming.value = [];
    feedState.value = "ready";
  } catch (error) {
    if (isAbort(error) || aborted.aborted) return;
    feedProblem.value = error instanceof Problem ? error.message : String(error);
    feedState.value = "failed";
  }
}

export async function loadMore(): Promise<void> {
  if (isLoadingMore.value || next.value === null || feedState.value !== "ready") return;
  const { signal: aborted } = work;
  isLoadingMore.value = true;
  moreFailed.value = false;
  try {
    const page = await loadPage(query.value, next.value, aborted);
    const known = new Set(notes.value.map(({ id }) => id));
    notes.value = [...notes.value, ...page.items.filter(({ id }) => !known.has(id))];
    next.value = page.next;
  } catch (error) {
    if (isAbort(error) || aborted.aborted) return;
    if (error instanceof Problem && [400, 422].includes(error.status)) next.value = null;
    moreFailed.value = true;
  }
  isLoadingMore.value = false;
}

/** Asks what happened elsewhere since the last look, page by page until it meets what is known. */
export async function refreshFeed(): Promise<void> {
  if (feedState.value !== "ready" || refreshing) return;
  refreshing = new AbortController();
  const { signal: aborted } = refreshing;
  const q = query.value;
  const changesBefore = changesHere;
  try {
    const fresh: Note[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < maxCatchUpPages; page += 1) {
      const answer: NotePage = await loadPage(q, cursor, aborted);
      fresh.push(...answer.items);
      cursor = answer.next;
      if (!cursor || answer.items.some(({ id }) => notes.value.some((note) => note.id === id)))
        break;
    }
    if (query.value !== q || changesHere !== changesBefore) return;
    const merged = mergeFirstPages(notes.value, fresh, cursor === null);
    if (merged.isApart) {
      await openFeed(q);
      return;
    }
    notes.value = merged.notes;
    incoming.value = merged.incoming;
  } catch (error) {
    if (!isAbort(error) && !isPassing(error)) throw error;
  } finally {
    refreshing = null;
  }
}

export function showIncoming(): void {
  notes.value = [...incoming.value, ...notes.value].sort(byNewest);
  incoming.value = [];
}

/** A note was written, changed or brought back here. */
export async function putNote(note: Note): Promise<void> {
  changesHere += 1;
  await prepareNote(note);
  incoming.value = incoming.value.filter(({ id }) => id !== note.id);
  if (feedState.value === "ready") {
    notes.value = insertNote(notes.value, note, next.value !== null);
  }
  lastPut.value = note;
}

export function removeNote(id: string): void {
  changesHere += 1;
  notes.value = notes.value.filter((note) => note.id !== id);
  incoming.value = incoming.value.filter((note) => note.id !== id);
}

export function watchFeed(): void {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void refreshFeed();
  });
  recoveries.subscribe((count) => {
    if (count === 0) return;
    if (feedState.value === "failed") void openFeed(query.value);
    else if (moreFailed.value) void loadMore();
    else void refreshFeed();
  });
}

/** True while the list cannot be shown and the connection is to blame. */
export const isCutOff = computed(() => feedState.value === "failed" && connection.value !== "fine");
