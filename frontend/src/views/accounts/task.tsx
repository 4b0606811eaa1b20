import { type Signal, useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Problem } from "../../api/client";
import { watched } from "../../state/connection";
import { forget, session } from "../../state/session";
import { Notice } from "../../ui/Notice";
import { signOnAddress } from "./signOn";

export type Task = {
  isBusy: Signal<boolean>;
  /** What the last attempt failed with, as a sentence. */
  message: Signal<string>;
  problem: Signal<Problem | null>;
  /** Seconds until the next attempt is allowed. */
  waitSeconds: Signal<number>;
  /** True when it went well. */
  run: (act: () => Promise<unknown>) => Promise<boolean>;
};

/** One thing that is done at a press: busy, refused, or told to wait. */
export function useTask(): Task {
  const isBusy = useSignal(false);
  const message = useSignal("");
  const problem = useSignal<Problem | null>(null);
  const until = useSignal(0);
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
    }, 500);
    return () => clearInterval(timer);
  }, []);
  const waitSeconds = useComputed(() => Math.max(0, Math.ceil((until.value - now.value) / 1000)));
  const run = async (act: () => Promise<unknown>): Promise<boolean> => {
    now.value = Date.now();
    if (isBusy.value || waitSeconds.value > 0) return false;
    isBusy.value = true;
    message.value = "";
    problem.value = null;
    try {
      await watched(act());
      return true;
    } catch (error) {
      message.value = error instanceof Error ? error.message : String(error);
      problem.value = error instanceof Problem ? error : null;
      if (problem.value?.status === 429) {
        until.value = Date.now() + (problem.value.retryAfterSeconds ?? 0) * 1000;
      }
      return false;
    } finally {
      isBusy.value = false;
    }
  };
  return { isBusy, message, problem, waitSeconds, run };
}

/** Why it did not work. The place for it is always there, so that it is read out when it comes. */
export function Refusal({ task }: { task: Task }) {
  const isStale = task.problem.value?.slug === "stale-sign-in";
  return (
    <div class="refusal" role="alert">
      {task.message.value && (
        <Notice icon="alert" tone="bad" actions={isStale && <SignInAgain />}>
          {task.message.value}
        </Notice>
      )}
    </div>
  );
}

/** The way to the provider and back to this screen. */
function SignInAgain() {
  const provider = session.value?.single_sign_on;
  if (!provider) return null;
  return (
    <a class="button" href={signOnAddress(provider.url, location.pathname)} onClick={forget}>
      Continue with {provider.name}
    </a>
  );
}

type SubmitProps = { task: Task; label: string; busy: string; tone?: "primary" | "danger" };

/** The button of a form. */
export function Submit({ task, label, busy, tone = "primary" }: SubmitProps) {
  const wait = task.waitSeconds.value;
  return (
    <button type="submit" class={`button ${tone}`} aria-disabled={task.isBusy.value || wait > 0}>
      {task.isBusy.value ? busy : wait > 0 ? `Wait ${clock(wait)}` : label}
    </button>
  );
}

function clock(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

/** What a form says, by the names of its fields. */
export function fieldsOf(form: HTMLFormElement): Record<string, string> {
  const entries = [...new FormData(form)].map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(entries);
}

/** Moves to the first field with something wrong, once it has been marked. */
export function focusFirstBad(form: HTMLFormElement): void {
  requestAnimationFrame(() => form.querySelector<HTMLElement>("[aria-invalid]")?.focus());
}
