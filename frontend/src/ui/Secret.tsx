import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./Icon";
import { Sign } from "./Sign";

type Props = {
  label: string;
  value: string;
  /** What to know about it before this is closed. */
  warning: string;
  say: (message: string) => void;
};

/** Something that is shown once: to be read, and to be copied. */
export function Secret({ label, value, warning, say }: Props) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const isCopied = useSignal(false);
  useEffect(() => button.current?.focus(), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      isCopied.value = true;
      say("Copied.");
    } catch {
      // Without HTTPS the clipboard is closed to pages: what is selected can be copied by hand.
      field.current?.select();
      say("Press your keys for copying: it is selected.");
    }
  };
  return (
    <div class="secret">
      <label for={id}>{label}</label>
      <div class="secret-row">
        <input
          ref={field}
          class="input"
          id={id}
          readOnly
          value={value}
          aria-describedby={`${id}-warning`}
          onFocus={({ currentTarget }) => currentTarget.select()}
        />
        <button type="button" class="button primary" ref={button} onClick={() => void copy()}>
          {isCopied.value ? <Icon name="check" /> : <Sign name="copy" />}
          {isCopied.value ? "Copied" : "Copy"}
        </button>
      </div>
      <p class="secret-warning" id={`${id}-warning`}>
        {warning}
      </p>
    </div>
  );
}
