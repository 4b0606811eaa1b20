/** This browser's drafts: which one this tab holds, and which were left behind by tabs that are gone. */
import { signal } from "@preact/signals";
import { type Draft, DraftStore, newDraft } from "./drafts";
import { newId } from "./ids";
import { lasting, ofThisTab } from "./storage";

/**
 * How long this tab's draft from before is waited for. After a reload the page that was left still holds it, sometimes
 * for long; else it may be a second tab with a copied session, which gives up before anybody notices.
 */
const [reloadLockMs, copyLockMs] = [5_000, 400];
/** Without Web Locks a draft counts as left behind when nobody has touched it for this long. */
const staleMs = 60_000;

const tab = newId();
let store = new DraftStore(lasting, tab);
type Hold = { release: () => void; released: Promise<unknown> };
const held = new Map<string, Hold>();

/** Whose drafts these are; nobody sees those of another. */
export function openDesk(user: string): void {
  store = new DraftStore(lasting, tab, user);
}

/** Drafts whose tab is gone: of new notes, and of edits by note id. */
export const leftBehind = signal<Draft[]>([]);
/** False once the browser had no room for a draft. */
export const draftsAreKept = signal(true);

const lockName = (id: string) => `knote.draft.${id}`;

/** Claims a draft for as long as this tab lives; false when another tab has it. */
function claim(id: string, waitMs = 0): Promise<boolean> {
  const { locks } = navigator;
  if (!locks) return Promise.resolve(true);
  const options: LockOptions = waitMs
    ? { signal: AbortSignal.timeout(waitMs) }
    : { ifAvailable: true };
  return new Promise((resolve) => {
    let release = () => {};
    const released = locks.request(lockName(id), options, (lock) => {
      const whenReleased = new Promise<void>((done) => {
        release = done;
      });
      if (lock) held.set(id, { release, released });
      resolve(lock !== null);
      return lock ? whenReleased : undefined;
    });
    released.catch(() => resolve(false));
  });
}

async function unclaimed(): Promise<Draft[]> {
  const drafts = store.list().filter((draft) => !held.has(draft.id));
  if (!navigator.locks) return drafts.filter((draft) => Date.now() - draft.updatedAt > staleMs);
  const { held: locks = [] } = await navigator.locks.query();
  const taken = new Set(locks.map((lock) => lock.name));
  return drafts.filter((draft) => !taken.has(lockName(draft.id)));
}

export async function lookForLeftBehind(): Promise<void> {
  leftBehind.value = await unclaimed();
}

const sessionKey = "knote.tab";

/** The draft this tab begins with: its own from before a reload, else the newest one left behind. */
export async function firstDraft(): Promise<Draft> {
  const own = ofThisTab.getItem(sessionKey);
  const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  const waitMs = entry?.type === "reload" ? reloadLockMs : copyLockMs;
  if (own && (await claim(own, waitMs))) {
    const draft = store.adopt(own);
    if (draft) return remember(draft);
  }
  for (const draft of await unclaimed()) {
    if (!draft.note && (await claim(draft.id))) return remember(store.adopt(draft.id) ?? draft);
  }
  return freshDraft();
}

export async function freshDraft(): Promise<Draft> {
  const draft = newDraft();
  await claim(draft.id);
  return remember(draft);
}

function remember(draft: Draft): Draft {
  ofThisTab.setItem(sessionKey, draft.id);
  return draft;
}

/** Takes over a draft left behind; null when another tab was faster. */
export async function adoptDraft(id: string): Promise<Draft | null> {
  const draft = (await claim(id)) ? store.adopt(id) : null;
  if (draft && !draft.note) remember(draft);
  await lookForLeftBehind();
  return draft;
}

/** The unfinished edit of a note, if one was left behind, else a new one beginning at `text`. */
export async function editDraft(note: { id: string; version: number }, text: string) {
  for (const draft of await unclaimed()) {
    if (draft.note?.id === note.id) {
      const adopted = await adoptDraft(draft.id);
      if (adopted) return { draft: adopted, isResumed: true };
    }
  }
  const draft = { ...newDraft({ id: note.id, version: note.version }), text };
  await claim(draft.id);
  return { draft, isResumed: false };
}

/** Saves and gives back the draft to go on with; another tab may have made this a copy. */
export function saveDraft(draft: Draft): Draft {
  try {
    const saved = store.save(draft);
    draftsAreKept.value = true;
    if (saved.id !== draft.id) {
      void claim(saved.id);
      if (!saved.note) remember(saved);
    }
    return saved;
  } catch {
    draftsAreKept.value = false;
    return draft;
  }
}

/** Lets go of a draft but keeps it, so that this or another tab can take it up again. */
export async function leaveDraft(id: string): Promise<void> {
  await letGo(id);
  await lookForLeftBehind();
}

async function letGo(id: string): Promise<void> {
  const hold = held.get(id);
  held.delete(id);
  hold?.release();
  await hold?.released;
}

export function dropDraft(id: string): void {
  store.remove(id);
  void letGo(id);
}

/** Throws away a draft that was left behind. */
export async function discardLeftBehind(id: string): Promise<void> {
  if (await adoptDraft(id)) dropDraft(id);
  await lookForLeftBehind();
}

/** Puts a discarded draft back, for undo. */
export async function returnDraft(draft: Draft): Promise<void> {
  saveDraft(draft);
  await lookForLeftBehind();
}
