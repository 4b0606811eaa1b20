import { useSignal } from "@preact/signals";
import { type Account as AccountData, deleteAccount, readAccount } from "../../api/accounts";
import { forget, startAnew } from "../../state/session";
import { PasswordField } from "../../ui/Field";
import { Meter } from "../../ui/Meter";
import { Sign } from "../../ui/Sign";
import { Confirm } from "./Confirm";
import { Devices } from "./Devices";
import { Identities } from "./Identities";
import { type Loaded, Show, useLoaded } from "./loaded";
import { Panel } from "./Panel";
import { Password } from "./Password";
import { fieldsOf } from "./task";
import { countWords, dayWords, initial, sizeWords } from "./words";

/** Everything about one's own account. */
export function Account() {
  const account = useLoaded(readAccount);
  return (
    <>
      <Space account={account} />
      <Password account={account} />
      <Devices />
      <Identities account={account} />
      <Leaving account={account} />
    </>
  );
}

type Props = { account: Loaded<AccountData> };

function Space({ account }: Props) {
  return (
    <Panel title="Your notebook">
      <Show of={account} what="Your account" rows={2}>
        {({ name, created_at, is_admin, usage }) => (
          <>
            <div class="whose">
              <span class="avatar" aria-hidden="true">
                {initial(name)}
              </span>
              <div class="row-text">
                <p class="row-title">
                  {name}
                  {is_admin && <span class="badge">Administrator</span>}
                </p>
                <p class="row-note">
                  {usage.notes + usage.pictures > 0
                    ? `${countWords(usage.notes, "note", "notes")} and ${countWords(usage.pictures, "picture", "pictures")}`
                    : "Empty yet, here"}{" "}
                  since {dayWords(created_at)}
                </p>
              </div>
            </div>
            <Usage usage={usage} />
          </>
        )}
      </Show>
    </Panel>
  );
}

function Usage({ usage }: { usage: AccountData["usage"] }) {
  const { stored_bytes, max_stored_bytes } = usage;
  const used = sizeWords(stored_bytes);
  if (max_stored_bytes === null) {
    return <p class="panel-intro">{used} used by pictures, without a limit.</p>;
  }
  const isNear = stored_bytes >= max_stored_bytes * 0.9;
  return (
    <>
      <Meter
        label="Space used by pictures"
        value={stored_bytes}
        most={max_stored_bytes}
        words={`${used} of ${sizeWords(max_stored_bytes)} used by pictures`}
      />
      {isNear && (
        <p class="panel-intro">
          There is little room left: at the limit no picture is taken any more. Texts need none of
          it.
        </p>
      )}
    </>
  );
}

function Leaving({ account }: Props) {
  const isAsking = useSignal(false);
  const isGone = useSignal(false);
  if (isGone.value) return <Gone />;
  return (
    <>
      <Panel
        title="Take your notes with you"
        intro="A ZIP file: each note as a Markdown file, its pictures beside it, and all of it once more as JSON."
      >
        <a class="button" href="/api/v1/account/export" download="">
          <Sign name="save" />
          Export everything
        </a>
      </Panel>
      <Panel
        title="Delete this account"
        tone="danger"
        intro="You are signed out everywhere at once, your tokens and links end, and after a time of grace your notes and pictures are gone for good."
      >
        <button
          type="button"
          class="button danger-quiet"
          onClick={() => {
            isAsking.value = true;
          }}
        >
          Delete my account…
        </button>
      </Panel>
      {isAsking.value && (
        <Confirm
          title="Delete your account?"
          label="Delete my account"
          busy="Deleting…"
          onClose={() => {
            isAsking.value = false;
          }}
          onDone={() => {
            isGone.value = true;
          }}
          act={async (form) => {
            await deleteAccount(fieldsOf(form).password);
            forget();
          }}
        >
          <p>
            Your notes, your pictures, your tokens and the links you have shared stop working now.
            An administrator can bring them back for a while; after that nobody can.
          </p>
          <p>Have you exported what you want to keep?</p>
          {account.value.value?.has_password && (
            <PasswordField label="Password" name="password" autocomplete="current-password" />
          )}
        </Confirm>
      )}
    </>
  );
}

function Gone() {
  return (
    <Panel title="Your account is closed" intro="Thank you for having been here.">
      <button type="button" class="button primary" onClick={() => startAnew("/")}>
        Leave
      </button>
    </Panel>
  );
}
