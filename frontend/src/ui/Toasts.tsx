import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./Icon";

export type ToastProps = {
  id: number;
  message: string;
  tone: "plain" | "bad";
  action?: { label: string; run: () => void };
  takesFocus?: boolean;
};

type Props = {
  toasts: readonly ToastProps[];
  close: (id: number) => void;
  pause: () => void;
  resume: () => void;
};

export function Toasts({ toasts, close, pause, resume }: Props) {
  return (
    <section
      class="toasts"
      aria-label="Messages"
      onMouseEnter={pause}
      onMouseLeave={resume}
      onFocusIn={pause}
      onFocusOut={resume}
    >
      {toasts.map((toast) => (
        <ToastCard key={toast.id} toast={toast} close={close} />
      ))}
    </section>
  );
}

function ToastCard({ toast, close }: { toast: ToastProps; close: (id: number) => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const { id, action, takesFocus } = toast;
  useEffect(() => {
    if (takesFocus) button.current?.focus();
  }, [takesFocus]);
  const act = () => {
    close(id);
    action?.run();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape works from every button inside
    <div
      class="toast"
      data-tone={toast.tone}
      onKeyDown={(event) => event.key === "Escape" && close(id)}
    >
      <span>{toast.message}</span>
      {action && (
        <button type="button" class="toast-action" ref={button} onClick={act}>
          {action.label}
        </button>
      )}
      <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => close(id)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
