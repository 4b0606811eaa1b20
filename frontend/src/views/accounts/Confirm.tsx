import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { announcement } from "../../state/toasts";
import { Dialog } from "../../ui/Dialog";
import { Refusal, Submit, useTask } from "./task";

type Props = {
  title: string;
  label: string;
  busy: string;
  /** What follows from it, in full. */
  children: ComponentChildren;
  act: (form: HTMLFormElement) => Promise<unknown>;
  onClose: () => void;
  onDone?: () => void;
};

/** Asks before something that is hard to take back; nothing else has the focus until it is answered. */
export function Confirm({ title, label, busy, children, act, onClose, onDone }: Props) {
  const task = useTask();
  const form = useRef<HTMLFormElement>(null);
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const first = form.current?.querySelector<HTMLElement>("input");
    (first ?? keep.current)?.focus();
  }, []);
  const submit = async () => {
    const asked = form.current;
    if (asked && (await task.run(() => act(asked)))) {
      onClose();
      onDone?.();
    }
  };
  return (
    <Dialog title={title} said={announcement.value} onClose={onClose}>
      <form
        ref={form}
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div class="consequences">{children}</div>
        <Refusal task={task} />
        <div class="form-actions">
          <button type="button" class="button" ref={keep} onClick={onClose}>
            Cancel
          </button>
          <Submit task={task} label={label} busy={busy} tone="danger" />
        </div>
      </form>
    </Dialog>
  );
}
