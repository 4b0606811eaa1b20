import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Sign } from "./Sign";

type Props = {
  label: string;
  name: string;
  /** For password managers: `username`, `current-password`, `new-password` or `off`. */
  autocomplete: string;
  hint?: string;
  /** What is wrong with it, as a sentence; the field is then marked. */
  problem?: string;
  initial?: string;
  maxLength?: number;
};
type FieldProps = Props & { type?: "text" | "password"; children?: ComponentChildren };

/** A field with its label above, and below it a hint or what is wrong with it. */
export function Field(props: FieldProps) {
  const { label, name, autocomplete, hint, problem, initial = "", type = "text" } = props;
  const id = useId();
  const about = problem || hint ? `${id}-about` : undefined;
  return (
    <div class="field" data-bad={Boolean(problem)}>
      <label for={id}>{label}</label>
      <div class="field-box">
        <input
          class="input"
          id={id}
          type={type as "text"}
          name={name}
          autocomplete={autocomplete}
          autocapitalize="none"
          spellcheck={false}
          required
          maxLength={props.maxLength}
          defaultValue={initial}
          aria-describedby={about}
          aria-invalid={problem ? true : undefined}
        />
        {props.children}
      </div>
      {about && (
        <p class={problem ? "field-problem" : "field-hint"} id={about}>
          {problem || hint}
        </p>
      )}
    </div>
  );
}

/** A password that can be looked at while it is typed. */
export function PasswordField(props: Props) {
  const isShown = useSignal(false);
  return (
    <Field {...props} type={isShown.value ? "text" : "password"}>
      <button
        type="button"
        class="icon-button"
        aria-label={`Show ${props.label.toLowerCase()}`}
        aria-pressed={isShown.value}
        title={isShown.value ? "Hide" : "Show"}
        onClick={() => {
          isShown.value = !isShown.value;
        }}
      >
        <Sign name={isShown.value ? "hide" : "show"} />
      </button>
    </Field>
  );
}

type SelectProps = {
  label: string;
  name: string;
  options: readonly (readonly [value: string, label: string])[];
  initial: string;
};

/** One of a few. */
export function Select({ label, name, options, initial }: SelectProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="field-box">
        <select class="input" id={id} name={name} defaultValue={initial}>
          {options.map(([value, words]) => (
            <option key={value} value={value} selected={value === initial}>
              {words}
            </option>
          ))}
        </select>
        <Sign name="down" />
      </div>
    </div>
  );
}
