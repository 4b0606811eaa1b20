import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { Session } from "../../api/client";
import { go } from "../../router";
import { accept } from "../../state/session";
import { announce } from "../../state/toasts";
import { Field, PasswordField } from "../../ui/Field";
import { fieldsOf, focusFirstBad, Refusal, Submit, useTask } from "./task";

export const fewestLetters = 12;
export const passwordHint = `${fewestLetters} characters or more. A few words in a row do well.`;

export function passwordProblem(password: string): string {
  const count = [...password].length;
  if (count === 0) return "A password is missing.";
  return count < fewestLetters
    ? `This has ${count} of the ${fewestLetters} characters that a password needs.`
    : "";
}

type Props = {
  create: (fields: Record<string, string>) => Promise<Session>;
  label: string;
  busy: string;
  /** Fields that come before name and password. */
  children?: ComponentChildren;
};

/** Name and password of an account to be; who has made it is signed in. */
export function NewAccount({ create, label, busy, children }: Props) {
  const task = useTask();
  const form = useRef<HTMLFormElement>(null);
  const problems = useSignal({ name: "", password: "" });
  const submit = async () => {
    if (!form.current) return;
    const fields = fieldsOf(form.current);
    problems.value = {
      name: fields.name?.trim() ? "" : "A name is missing.",
      password: passwordProblem(fields.password ?? ""),
    };
    if (problems.value.name || problems.value.password) {
      focusFirstBad(form.current);
      return;
    }
    const isMade = await task.run(async () => accept(await create(fields)));
    if (!isMade) return;
    announce("Your account is made, and you are signed in.");
    go("/", { replace: true });
  };
  return (
    <form
      ref={form}
      class="form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {children}
      <Field
        label="Name"
        name="name"
        autocomplete="username"
        maxLength={64}
        hint="You sign in with it."
        problem={problems.value.name}
      />
      <PasswordField
        label="Password"
        name="password"
        autocomplete="new-password"
        hint={passwordHint}
        problem={problems.value.password}
      />
      <Refusal task={task} />
      <Submit task={task} label={label} busy={busy} />
    </form>
  );
}
