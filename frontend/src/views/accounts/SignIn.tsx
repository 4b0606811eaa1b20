import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { beginSignOn, signIn } from "../../api/accounts";
import { go, route } from "../../router";
import { accept, forget, lastUser, owner, session } from "../../state/session";
import { announce } from "../../state/toasts";
import { Field, PasswordField } from "../../ui/Field";
import { Notice } from "../../ui/Notice";
import { Sign } from "../../ui/Sign";
import { Sheet } from "./Door";
import { returnPath, signOnAddress, takeSignOnError } from "./signOn";
import { fieldsOf, focusFirstBad, Refusal, Submit, useTask } from "./task";

const isAtDoor = () => route.value.kind === "door";
/** What is behind the sign-in stays where it is; only who came to its own address is led on. */
const whereTo = () => (isAtDoor() ? returnPath() : location.pathname + location.search);

/** Name and password, or single sign-on. */
export function SignIn() {
  const task = useTask();
  const [signOnError] = useState(takeSignOnError);
  const missing = useSignal({ name: false, password: false });
  const form = useRef<HTMLFormElement>(null);
  const greeted = lastUser.value?.name ?? "";
  useEffect(() => {
    if (greeted) form.current?.querySelector<HTMLElement>("[name=password]")?.focus();
  }, []);
  const submit = async () => {
    if (!form.current) return;
    const { name = "", password = "" } = fieldsOf(form.current);
    missing.value = { name: !name.trim(), password: !password };
    if (!name.trim() || !password) {
      focusFirstBad(form.current);
      return;
    }
    const isIn = await task.run(async () => accept(await signIn(name, password)));
    if (isIn) announce("You are signed in.");
    else form.current?.querySelector<HTMLInputElement>("[name=password]")?.select();
  };
  const isHere = Boolean(session.value?.user);
  useEffect(() => {
    if (isHere && isAtDoor()) go(returnPath(), { replace: true });
  }, [isHere]);
  const wasHere = Boolean(owner.value);
  return (
    <Sheet title={wasHere ? "Sign in again" : "Sign in"}>
      {wasHere && (
        <Notice icon="check" title="Your session has ended.">
          What you were writing is still here, and goes on when you are back.
        </Notice>
      )}
      {signOnError && (
        <Notice icon="alert" tone="bad" title="Single sign-on did not work.">
          {signOnError}
        </Notice>
      )}
      <form
        ref={form}
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Field
          label="Name"
          name="name"
          autocomplete="username"
          initial={greeted}
          problem={missing.value.name ? "Your name is missing." : ""}
        />
        <PasswordField
          label="Password"
          name="password"
          autocomplete="current-password"
          problem={missing.value.password ? "Your password is missing." : ""}
        />
        <Refusal task={task} />
        <Submit task={task} label="Sign in" busy="Signing in…" />
      </form>
      <SingleSignOn />
      {session.value?.sign_up === "open" && (
        <p class="door-foot">
          New here? <a href="/sign-up">Make an account</a>
        </p>
      )}
    </Sheet>
  );
}

/** The button of the provider, where there is one. Who comes back may be somebody else than who was here. */
export function SingleSignOn({ invite = "" }: { invite?: string }) {
  const task = useTask();
  const provider = session.value?.single_sign_on;
  if (!provider) return null;
  const label = (
    <>
      <Sign name="key" />
      Continue with {provider.name}
    </>
  );
  const leave = () =>
    task.run(async () => {
      const begun = await beginSignOn(invite);
      forget();
      location.assign(begun.url);
    });
  return (
    <>
      <p class="door-or">or</p>
      {invite ? (
        <button type="button" class="button" onClick={() => void leave()}>
          {label}
        </button>
      ) : (
        <a class="button" href={signOnAddress(provider.url, whereTo())} onClick={forget}>
          {label}
        </a>
      )}
      <Refusal task={task} />
    </>
  );
}
