import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { createInvite, type Invite, listInvites, removeInvite } from "../../api/accounts";
import { announce } from "../../state/toasts";
import { Select } from "../../ui/Field";
import { Secret } from "../../ui/Secret";
import { Sign } from "../../ui/Sign";
import { Time } from "../../ui/Time";
import { Show, useLoaded } from "./loaded";
import { Panel } from "./Panel";
import { fieldsOf, Refusal, Submit, useTask } from "./task";
import { dayWords } from "./words";

const lifetimes = [
  ["1", "For a day"],
  ["7", "For 7 days"],
  ["30", "For 30 days"],
] as const;

/** Links by which somebody new makes an account. */
export function Invites() {
  const invites = useLoaded(listInvites);
  const task = useTask();
  const form = useRef<HTMLFormElement>(null);
  const made = useSignal<Awaited<ReturnType<typeof createInvite>> | null>(null);
  const submit = async () => {
    if (!form.current) return;
    const { days, is_admin } = fieldsOf(form.current);
    const isMade = await task.run(async () => {
      made.value = await createInvite(is_admin === "on", Number(days));
    });
    if (isMade) await invites.reload();
  };
  const withdraw = async (invite: Invite) => {
    if (!(await task.run(() => removeInvite(invite.id)))) return;
    if (made.value?.id === invite.id) made.value = null;
    announce("The invitation is withdrawn.");
    await invites.reload();
  };
  return (
    <Panel
      title="Invite somebody"
      intro="Give the link to one person: with it they make one account, and the link is used up."
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
        <div class="form-pair">
          <Select label="The link works" name="days" options={lifetimes} initial="7" />
          <label class="tick">
            <input type="checkbox" name="is_admin" />
            <span>Make them an administrator</span>
          </label>
        </div>
        <Refusal task={task} />
        <div class="form-actions">
          <Submit task={task} label="Make a link" busy="Making it…" />
        </div>
      </form>
      {made.value && (
        <Secret
          key={made.value.id}
          label="The invitation"
          value={new URL(made.value.url, location.origin).href}
          warning="It is shown this once. Whoever opens it first has the account."
          say={announce}
        />
      )}
      <Show of={invites} what="The open invitations" rows={1}>
        {({ items }) =>
          items.length > 0 && (
            <>
              <h3>Open invitations</h3>
              <ul class="rows">
                {items.map((invite) => (
                  <li class="row" key={invite.id}>
                    <Sign name="mail" />
                    <div class="row-text">
                      <p class="row-title">
                        <Time at={invite.created_at} prefix="Made " />
                        {invite.is_admin && <span class="badge">Administrator</span>}
                      </p>
                      <p class="row-note">Works until {dayWords(invite.expires_at)}</p>
                    </div>
                    <button type="button" class="button" onClick={() => void withdraw(invite)}>
                      Withdraw
                    </button>
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </Show>
    </Panel>
  );
}
