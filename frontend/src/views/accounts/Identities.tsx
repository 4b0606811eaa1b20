import { useSignal } from "@preact/signals";
import { useState } from "preact/hooks";
import { type Account, beginLink, type Identity, unlink } from "../../api/accounts";
import { session } from "../../state/session";
import { announce } from "../../state/toasts";
import { Notice } from "../../ui/Notice";
import { Sign } from "../../ui/Sign";
import { Confirm } from "./Confirm";
import type { Loaded } from "./loaded";
import { Panel } from "./Panel";
import { takeSignOnError } from "./signOn";
import { Refusal, useTask } from "./task";

/** The account at the single sign-on provider that opens this one. */
export function Identities({ account }: { account: Loaded<Account> }) {
  const task = useTask();
  const [error] = useState(takeSignOnError);
  const ending = useSignal<Identity | null>(null);
  const provider = session.value?.single_sign_on;
  const identities = account.value.value?.identities ?? [];
  if (!provider && identities.length === 0) return null;
  const link = () =>
    task.run(async () => {
      location.assign((await beginLink()).url);
    });
  const { value: identity } = ending;
  return (
    <Panel
      title="Single sign-on"
      intro={
        identities.length === 0 &&
        provider &&
        `Link your account at ${provider.name}, and sign in with it from then on.`
      }
    >
      {error && (
        <Notice icon="alert" tone="bad" title="Single sign-on did not work.">
          {error}
        </Notice>
      )}
      {identities.length > 0 && (
        <ul class="rows">
          {identities.map((each) => (
            <li class="row" key={each.id}>
              <Sign name="key" />
              <div class="row-text">
                <p class="row-title">{each.name}</p>
                <p class="row-note">{each.issuer}</p>
              </div>
              <button
                type="button"
                class="button"
                aria-label={`Unlink ${each.name}`}
                onClick={() => {
                  ending.value = each;
                }}
              >
                Unlink
              </button>
            </li>
          ))}
        </ul>
      )}
      <Refusal task={task} />
      {provider && identities.length === 0 && (
        <button type="button" class="button" onClick={() => void link()}>
          <Sign name="key" />
          Link {provider.name}
        </button>
      )}
      {identity && (
        <Confirm
          title={`Unlink ${identity.name}?`}
          label="Unlink it"
          busy="Unlinking…"
          onClose={() => {
            ending.value = null;
          }}
          onDone={() => {
            announce(`${identity.name} is unlinked.`);
            void account.reload();
          }}
          act={() => unlink(identity.id)}
        >
          <p>
            It signs in to your account no more.
            {account.value.value?.has_password && " Your password goes on working."}
          </p>
        </Confirm>
      )}
    </Panel>
  );
}
