/** Whether the server and its notes can be reached, and the patient asking until they can. */
import { signal } from "@preact/signals";
import { isAbort, listNotes, Problem } from "../api/client";

export type Connection = "fine" | "offline" | "down";

export const connection = signal<Connection>(navigator.onLine ? "fine" : "offline");
/** Counts the times the connection or the session came back: what failed watches it and tries again. */
export const recoveries = signal(0);
export const isRetrying = signal(false);

const firstDelayMs = 1_000;
const lastDelayMs = 15_000;
let delayMs = firstDelayMs;
let timer: ReturnType<typeof setTimeout> | undefined;

export function isOutage(error: unknown): error is Problem {
  return error instanceof Problem && (error.status === 0 || [502, 503, 504].includes(error.status));
}

/** Passes without a change of what was asked: Knote comes back, or somebody signs in again. */
export function isPassing(error: unknown): error is Problem {
  return isOutage(error) || (error instanceof Problem && error.asksSignIn);
}

/** Runs `act` once, when Knote is back or somebody has signed in again. */
export function onRecovery(act: () => void): void {
  const seen = recoveries.peek();
  const stop = recoveries.subscribe((count) => {
    if (count === seen) return;
    queueMicrotask(() => {
      stop();
      act();
    });
  });
}

/** Runs a call and learns from its outcome how the connection is. */
export async function watched<T>(call: Promise<T>): Promise<T> {
  try {
    const result = await call;
    noteRecovery();
    return result;
  } catch (error) {
    if (isOutage(error)) noteOutage(error);
    else if (!isAbort(error)) noteRecovery();
    throw error;
  }
}

function noteOutage(problem: Problem): void {
  connection.value = problem.status === 0 ? "offline" : "down";
  schedule((problem.retryAfterSeconds ?? 0) * 1000);
}

function noteRecovery(): void {
  clearTimeout(timer);
  timer = undefined;
  delayMs = firstDelayMs;
  if (connection.value === "fine") return;
  connection.value = "fine";
  recoveries.value += 1;
}

function schedule(atLeastMs: number): void {
  if (timer !== undefined) return;
  const waitMs = Math.min(Math.max(delayMs, atLeastMs), lastDelayMs);
  delayMs = Math.min(delayMs * 2, lastDelayMs);
  timer = setTimeout(() => void retryNow(), waitMs);
}

/** Asks at once; at most one question is under way. */
export async function retryNow(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  if (isRetrying.value) return;
  isRetrying.value = true;
  try {
    await watched(listNotes({ q: "", limit: 1 }, AbortSignal.timeout(10_000)));
  } catch (error) {
    if (!isOutage(error)) schedule(0);
  } finally {
    isRetrying.value = false;
  }
}

export function watchConnection(): void {
  addEventListener("online", () => void retryNow());
  addEventListener("offline", () => {
    connection.value = "offline";
    schedule(0);
  });
}
