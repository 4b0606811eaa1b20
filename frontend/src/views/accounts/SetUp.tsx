import { useState } from "preact/hooks";
import { setUp } from "../../api/accounts";
import { session } from "../../state/session";
import { Field } from "../../ui/Field";
import { Sheet } from "./Door";
import { takeFragment } from "./fragment";
import { NewAccount } from "./NewAccount";

/** The first account of a new Knote, which is an administrator's. */
export function SetUp() {
  const [token] = useState(takeFragment);
  if (!session.value?.needs_setup_token && !token) return <ByCommand />;
  return (
    <Sheet
      title="Welcome to Knote"
      intro="Make the first account. It is an administrator's: it can invite others."
    >
      <NewAccount
        label="Make the account"
        busy="Making the account…"
        create={({ token: typed = "", name = "", password = "" }) =>
          setUp(token || typed, name, password)
        }
      >
        {!token && (
          <Field
            label="Set-up token"
            name="token"
            autocomplete="off"
            hint="Whoever installed Knote has it: KNOTE_SETUP_TOKEN."
          />
        )}
      </NewAccount>
    </Sheet>
  );
}

function ByCommand() {
  return (
    <Sheet
      title="Knote has no account yet"
      intro="Whoever runs it makes the first one, with this command:"
    >
      <pre class="door-command">
        <code>python -m knote user add NAME --admin</code>
      </pre>
      <button type="button" class="button primary" onClick={() => location.reload()}>
        It is made
      </button>
    </Sheet>
  );
}
