/** Who uses the page: asked at the start, remembered for outages, and asked again when a call is refused. */
import { signal } from "@preact/signals";
import {
  type Note,
  Problem,
  readSession,
  type Session,
  type SignedIn,
  signInsAsked,
} from "../api/client";
import { isOutage, onRecovery, recoveries, watched } from "./connection";
import { lasting } from "./storage";

export const session = signal<Session | null>(null);
/** Whose notebook this is: a user's id, "" when it is open, null while nobody knows. */
export const owner = signal<string | null>(null);
/** Who is or was here, to greet when the session has ended. */
export const lastUser = signal<SignedIn | null>(null);

/** The note whose links are being looked at. */
export const sharing = signal<Note | null>(null);

export function share(note: Note | null): void {
  sharing.value = note;
}

/** Where the focus was when the session ended. */
let lastFocus: Element | null = null;

const storageKey = "knote.user";
const retryMs = 5_000;
let isAsking = false;

/** What is remembered where somebody has signed out. */
const nobody = "-";
const last = lasting.getItem(storageKey);

/** The owner of the last time, so that an outage does not stand between somebody and their drafts. */
export const remembered = last === nobody ? null : last;
/** True while only who signs in gets on; the page behind stays as it is. */
export const isSignedOut = signal(last === nobody);

/** Takes what the API says about who is here, and goes on with what waited for it. */
export function accept(answer: Session): void {
  session.value = answer;
  lastUser.value = answer.user ?? lastUser.value;
  const next = answer.auth === "open" ? "" : answer.user?.id;
  if (next === undefined) {
    lastFocus ??= document.activeElement;
    isSignedOut.value = true;
    return;
  }
  lasting.setItem(storageKey, next);
  if (owner.value !== null && owner.value !== next) {
    // Nothing of what one user has seen or written here may reach the next one.
    startAnew();
    return;
  }
  owner.value = next;
  if (!isSignedOut.value) return;
  isSignedOut.value = false;
  recoveries.value += 1;
  const focus = lastFocus;
  lastFocus = null;
  requestAnimationFrame(() => focus instanceof HTMLElement && focus.focus());
}

export async function askSession(): Promise<void> {
  if (isAsking) return;
  isAsking = true;
  try {
    accept(await watched(readSession(AbortSignal.timeout(10_000))));
  } catch (error) {
    // A replica from before there were accounts does not know the question: its notebook is open.
    const isOpen = error instanceof Problem && error.status === 404;
    owner.value ??= isOpen ? "" : remembered;
    if (isOpen) isSignedOut.value = false;
    if (isOutage(error)) onRecovery(() => void askSession());
    else if (!isOpen) setTimeout(() => void askSession(), retryMs);
  } finally {
    isAsking = false;
  }
}

/** True once this page is on its way out, and nothing may hold it up. */
export let isLeaving = false;

/** A page that knows nothing of this one. */
export function startAnew(path?: string): void {
  isLeaving = true;
  if (path) location.replace(path);
  else location.reload();
}

/** The next page starts with nobody, and so do other tabs. */
export function forget(): void {
  lasting.setItem(storageKey, nobody);
}

export function watchSession(): void {
  // An open notebook opens at once: there is nobody whose drafts it could show to another.
  if (remembered === "") owner.value = "";
  void askSession();
  signInsAsked.subscribe((count) => {
    if (count > 0) void askSession();
  });
  addEventListener("storage", ({ key, newValue }) => {
    if (key !== storageKey || newValue === owner.value) return;
    if (newValue === nobody) startAnew();
    else void askSession();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) void askSession();
  });
  document.addEventListener("visibilitychange", () => {
    // Another tab may have signed in meanwhile.
    if (isSignedOut.value && document.visibilityState === "visible") void askSession();
  });
}
