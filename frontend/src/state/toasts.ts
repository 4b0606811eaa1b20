/** Short messages at the foot of the page, and what the screen reader is told. */
import { signal } from "@preact/signals";

export type Toast = {
  id: number;
  message: string;
  tone: "plain" | "bad";
  action?: { label: string; run: () => void };
  /** Set when the action should take the focus, because a key brought us here. */
  takesFocus?: boolean;
};

export const toasts = signal<Toast[]>([]);
export const announcement = signal("");

const showMs = 12_000;
type Timer = { handle: ReturnType<typeof setTimeout> | undefined; leftMs: number; since: number };
const timers = new Map<number, Timer>();
let lastId = 0;

/** Says `message` politely; the same words twice in a row are said twice. */
export function announce(message: string): void {
  announcement.value = announcement.value === message ? `${message}\u00a0` : message;
}

export function showToast(toast: Omit<Toast, "id">): number {
  lastId += 1;
  const id = lastId;
  toasts.value = [...toasts.value.slice(-2), { ...toast, id }];
  timers.set(id, { handle: undefined, leftMs: showMs, since: 0 });
  announce(
    toast.action ? `${toast.message} ${toast.action.label} is offered below.` : toast.message,
  );
  resumeToasts();
  return id;
}

export function closeToast(id: number): void {
  clearTimeout(timers.get(id)?.handle);
  timers.delete(id);
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Nothing disappears under the pointer or the focus. */
export function pauseToasts(): void {
  for (const timer of timers.values()) {
    if (timer.handle === undefined) continue;
    clearTimeout(timer.handle);
    timer.handle = undefined;
    timer.leftMs = Math.max(2_000, timer.leftMs - (Date.now() - timer.since));
  }
}

export function resumeToasts(): void {
  for (const [id, timer] of timers) {
    if (timer.handle !== undefined) continue;
    timer.since = Date.now();
    timer.handle = setTimeout(() => closeToast(id), timer.leftMs);
  }
}
