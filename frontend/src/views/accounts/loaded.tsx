import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { isAbort } from "../../api/client";
import { recoveries, watched } from "../../state/connection";
import { Icon } from "../../ui/Icon";
import { Notice } from "../../ui/Notice";

export type Loaded<T> = {
  value: Signal<T | null>;
  message: Signal<string>;
  reload: () => Promise<void>;
};

/** What a screen shows, read when it opens and again when Knote comes back. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const value = useSignal<T | null>(null);
  const message = useSignal("");
  const abort = useSignal(new AbortController());
  const reload = async () => {
    abort.value.abort();
    abort.value = new AbortController();
    const { signal } = abort.value;
    message.value = "";
    try {
      const read = await watched(load(signal));
      if (!signal.aborted) value.value = read;
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      message.value = error instanceof Error ? error.message : String(error);
    }
  };
  useEffect(() => {
    const stop = recoveries.subscribe(() => void reload());
    return () => {
      stop();
      abort.value.abort();
    };
  }, []);
  return { value, message, reload };
}

type Props<T> = {
  of: Loaded<T>;
  what: string;
  rows?: number;
  children: (value: T) => ComponentChildren;
};

/** Shows it, or that it is on its way, or that it did not come. */
export function Show<T>({ of, what, rows = 2, children }: Props<T>) {
  const { value, message, reload } = of;
  const retry = (
    <button type="button" class="button" onClick={() => void reload()}>
      <Icon name="retry" />
      Try again
    </button>
  );
  return (
    <>
      <div class="coming" role="status">
        {message.value && (
          <Notice icon="cloud" title={`${what} cannot be shown right now.`} actions={retry}>
            {message.value}
          </Notice>
        )}
        {!message.value && value.value === null && <p class="sr-only">Loading…</p>}
      </div>
      {value.value !== null
        ? children(value.value)
        : !message.value && (
            <div class="rows-waiting" aria-hidden="true">
              {Array.from({ length: rows }, (_, index) => (
                <div class="row-waiting skeleton" key={index}>
                  <span />
                  <span />
                </div>
              ))}
            </div>
          )}
    </>
  );
}
