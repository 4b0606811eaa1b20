import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Access, createToken, listTokens, removeToken, type Token } from "../../api/accounts";
import { announce } from "../../state/toasts";
import { Field, Select } from "../../ui/Field";
import { Secret } from "../../ui/Secret";
import { Sign } from "../../ui/Sign";
import { Time } from "../../ui/Time";
import { Confirm } from "./Confirm";
import { type Loaded, Show, useLoaded } from "./loaded";
import { Panel } from "./Panel";
import { fieldsOf, focusFirstBad, Refusal, Submit, useTask } from "./task";
import { daysOf, dayWords, isPast, lifetimes } from "./words";

type List = Loaded<{ items: Token[] }>;

/** Keys for scripts: made, shown once, listed and ended. */
export function Tokens() {
  const tokens = useLoaded(listTokens);
  return (
    <>
      <NewToken tokens={tokens} />
      <TokenList tokens={tokens} />
    </>
  );
}

function NewToken({ tokens }: { tokens: List }) {
  const task = useTask();
  const form = useRef<HTMLFormElement>(null);
  const made = useSignal<Awaited<ReturnType<typeof createToken>> | null>(null);
  const problem = useSignal("");
  const submit = async () => {
    if (!form.current) return;
    const { name = "", access, days } = fieldsOf(form.current);
    problem.value = name.trim() ? "" : "A name is missing: what will use the token?";
    if (problem.value) {
      focusFirstBad(form.current);
      return;
    }
    const isMade = await task.run(async () => {
      made.value = await createToken(name.trim(), access as Access, daysOf(days));
    });
    if (!isMade) return;
    const field = form.current.elements.namedItem("name");
    if (field instanceof HTMLInputElement) field.value = "";
    await tokens.reload();
  };
  return (
    <Panel
      title="Make a token"
      intro={
        <>
          A script that sends <code>Authorization: Bearer knote_…</code> reads and writes your notes
          without your password. <a href="/docs">What it can call</a>
        </>
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
        <div class="form-pair">
          <Field
            label="Name"
            name="name"
            autocomplete="off"
            maxLength={100}
            hint="What will use it, as “backup of the laptop”."
            problem={problem.value}
          />
          <Select label="Works" name="days" options={lifetimes} initial="90" />
        </div>
        <fieldset class="choices">
          <legend>It may</legend>
          <label>
            <input type="radio" name="access" value="read" defaultChecked />
            <span>
              <strong>Read</strong> notes and pictures
            </span>
          </label>
          <label>
            <input type="radio" name="access" value="write" />
            <span>
              <strong>Read and write</strong> them
            </span>
          </label>
        </fieldset>
        <Refusal task={task} />
        <div class="form-actions">
          <Submit task={task} label="Make the token" busy="Making it…" />
        </div>
      </form>
      {made.value && (
        <Secret
          key={made.value.id}
          label={`The token “${made.value.name}”`}
          value={made.value.token}
          warning="It is shown this once. Whoever has it can do what it may do: keep it like a password."
          say={announce}
        />
      )}
    </Panel>
  );
}

function TokenList({ tokens }: { tokens: List }) {
  const ending = useSignal<Token | null>(null);
  const { value: token } = ending;
  return (
    <Panel title="Your tokens">
      <Show of={tokens} what="Your tokens">
        {({ items }) =>
          items.length === 0 ? (
            <p class="nothing">
              <Sign name="key" />
              No token yet: nothing but this page reaches your notes.
            </p>
          ) : (
            <ul class="rows">
              {items.map((item) => (
                <TokenRow
                  key={item.id}
                  token={item}
                  end={() => {
                    ending.value = item;
                  }}
                />
              ))}
            </ul>
          )
        }
      </Show>
      {token && (
        <Confirm
          title={`End “${token.name}”?`}
          label="End the token"
          busy="Ending it…"
          onClose={() => {
            ending.value = null;
          }}
          onDone={() => {
            announce(`${token.name} has ended.`);
            void tokens.reload();
          }}
          act={() => removeToken(token.id)}
        >
          <p>What uses it is refused from now on. It cannot be brought back.</p>
        </Confirm>
      )}
    </Panel>
  );
}

function TokenRow({ token, end }: { token: Token; end: () => void }) {
  const hasEnded = isPast(token.expires_at);
  return (
    <li class="row">
      <Sign name="key" />
      <div class="row-text">
        <p class="row-title">
          {token.name}
          <span class="badge">{token.access === "write" ? "Reads and writes" : "Reads"}</span>
          {hasEnded && <span class="badge bad">Expired</span>}
        </p>
        <p class="row-note">
          {token.last_used_at ? <Time at={token.last_used_at} prefix="Last used " /> : "Never used"}
          , made <Time at={token.created_at} />
          {!hasEnded &&
            (token.expires_at ? `, works until ${dayWords(token.expires_at)}` : ", has no end")}
        </p>
      </div>
      <button type="button" class="button" aria-label={`End ${token.name}`} onClick={end}>
        End
      </button>
    </li>
  );
}
