import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Account, changePassword } from "../../api/accounts";
import { lastUser } from "../../state/session";
import { showToast } from "../../state/toasts";
import { PasswordField } from "../../ui/Field";
import type { Loaded } from "./loaded";
import { passwordHint, passwordProblem } from "./NewAccount";
import { Panel } from "./Panel";
import { fieldsOf, focusFirstBad, Refusal, Submit, useTask } from "./task";

/** A new password, for who knows the one of now, or the first one. */
export function Password({ account }: { account: Loaded<Account> }) {
  const task = useTask();
  const form = useRef<HTMLFormElement>(null);
  const problems = useSignal({ current: "", next: "" });
  // Who came by single sign-on alone has none yet.
  const isFirst = account.value.value?.has_password === false;
  const submit = async () => {
    if (!form.current) return;
    const { current_password = "", new_password = "" } = fieldsOf(form.current);
    problems.value = {
      current: current_password || isFirst ? "" : "Your password of now is missing.",
      next: passwordProblem(new_password),
    };
    if (problems.value.current || problems.value.next) {
      focusFirstBad(form.current);
      return;
    }
    const current = isFirst ? null : current_password;
    if (!(await task.run(() => changePassword(current, new_password)))) return;
    form.current?.reset();
    showToast({
      message: `Your password is ${isFirst ? "set" : "changed"}. All other devices are signed out.`,
      tone: "plain",
    });
    if (isFirst) void account.reload();
  };
  return (
    <Panel
      title="Password"
      intro={
        isFirst
          ? `You have none yet. With one you can also sign in as ${account.value.value?.name}; all your other devices are signed out when you set it.`
          : "When you change it, all your other devices are signed out."
      }
    >
      <form
        ref={form}
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {/* So that a password manager knows whose password this is. */}
        <input
          hidden
          name="username"
          autocomplete="username"
          readOnly
          value={lastUser.value?.name ?? ""}
        />
        <div class="form-pair">
          {!isFirst && (
            <PasswordField
              label="Current password"
              name="current_password"
              autocomplete="current-password"
              problem={problems.value.current}
            />
          )}
          <PasswordField
            label="New password"
            name="new_password"
            autocomplete="new-password"
            hint={passwordHint}
            problem={problems.value.next}
          />
        </div>
        <Refusal task={task} />
        <div class="form-actions">
          <Submit
            task={task}
            label={isFirst ? "Set password" : "Change password"}
            busy={isFirst ? "Setting…" : "Changing…"}
          />
        </div>
      </form>
    </Panel>
  );
}
