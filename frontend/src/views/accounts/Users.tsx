import { useSignal } from "@preact/signals";
import { changeUser, deleteUser, listUsers, restoreUser, type User } from "../../api/accounts";
import { session } from "../../state/session";
import { announce } from "../../state/toasts";
import { Time } from "../../ui/Time";
import { Confirm } from "./Confirm";
import { Invites } from "./Invites";
import { Show, useLoaded } from "./loaded";
import { Panel } from "./Panel";
import { Refusal, useTask } from "./task";
import { dayWords, initial, sizeWords } from "./words";

/** Who has an account here, for administrators. */
export function Users() {
  const users = useLoaded((signal) => listUsers(null, signal));
  const task = useTask();
  const deleting = useSignal<User | null>(null);
  const put = (user: User) => {
    const page = users.value.value;
    if (!page) return;
    const items = page.items.map((other) => (other.id === user.id ? user : other));
    users.value.value = { ...page, items };
  };
  const more = async (cursor: string) => {
    await task.run(async () => {
      const page = await listUsers(cursor, AbortSignal.timeout(30_000));
      const before = users.value.value?.items ?? [];
      users.value.value = { items: [...before, ...page.items], next: page.next };
    });
  };
  const change = async (act: () => Promise<User>, said: string) => {
    if (await task.run(async () => put(await act()))) announce(said);
  };
  return (
    <>
      <Invites />
      <Panel title="Everybody here">
        <Show of={users} what="The users" rows={3}>
          {({ items, next }) => (
            <>
              <ul class="rows">
                {items.map((user) => (
                  <UserRow
                    key={user.id}
                    user={user}
                    change={change}
                    remove={() => {
                      deleting.value = user;
                    }}
                  />
                ))}
              </ul>
              {next && (
                <button type="button" class="button quiet" onClick={() => void more(next)}>
                  Load more
                </button>
              )}
            </>
          )}
        </Show>
        <Refusal task={task} />
      </Panel>
      {deleting.value && (
        <DeleteUser
          user={deleting.value}
          onClose={() => {
            deleting.value = null;
          }}
          onDone={() => void users.reload()}
        />
      )}
    </>
  );
}

type Change = (act: () => Promise<User>, said: string) => Promise<void>;
type RowProps = { user: User; change: Change; remove: () => void };

function UserRow({ user, change, remove }: RowProps) {
  const { id, name, is_admin, is_disabled, deleted_at } = user;
  const isMe = id === session.value?.user?.id;
  return (
    <li class="row" data-quiet={is_disabled || deleted_at !== null}>
      <span class="avatar" aria-hidden="true">
        {initial(name)}
      </span>
      <div class="row-text">
        <p class="row-title">
          {name}
          {isMe && <span class="badge">You</span>}
          {is_admin && <span class="badge">Administrator</span>}
          {deleted_at ? (
            <span class="badge bad">Deleted</span>
          ) : (
            is_disabled && <span class="badge bad">Disabled</span>
          )}
        </p>
        <p class="row-note">
          {sizeWords(user.stored_bytes)},{" "}
          {deleted_at ? (
            `deleted on ${dayWords(deleted_at)}`
          ) : user.last_seen_at ? (
            <Time at={user.last_seen_at} prefix="last seen " />
          ) : (
            "never seen"
          )}
          , here since {dayWords(user.created_at)}
        </p>
      </div>
      {!isMe && (
        <div class="row-actions">
          {deleted_at ? (
            <Act
              label="Restore"
              name={name}
              act={() => void change(() => restoreUser(id), `${name} is back.`)}
            />
          ) : (
            <>
              <Act
                label={is_admin ? "Make a user" : "Make admin"}
                name={name}
                act={() =>
                  void change(
                    () => changeUser(id, { is_admin: !is_admin }),
                    is_admin ? `${name} is no administrator now.` : `${name} is an administrator.`,
                  )
                }
              />
              <Act
                label={is_disabled ? "Enable" : "Disable"}
                name={name}
                act={() =>
                  void change(
                    () => changeUser(id, { is_disabled: !is_disabled }),
                    is_disabled
                      ? `${name} can sign in again.`
                      : `${name} is signed out and disabled.`,
                  )
                }
              />
              <Act label="Delete…" name={name} act={remove} />
            </>
          )}
        </div>
      )}
    </li>
  );
}

function Act({ label, name, act }: { label: string; name: string; act: () => void }) {
  return (
    <button type="button" class="button" aria-label={`${label} ${name}`} onClick={act}>
      {label}
    </button>
  );
}

type DeleteProps = { user: User; onClose: () => void; onDone: () => void };

function DeleteUser({ user, onClose, onDone }: DeleteProps) {
  return (
    <Confirm
      title={`Delete ${user.name}?`}
      label={`Delete ${user.name}`}
      busy="Deleting…"
      onClose={onClose}
      onDone={onDone}
      act={() => deleteUser(user.id)}
    >
      <p>
        {user.name} is signed out at once, and every token and shared link of theirs ends. Their
        notes and pictures ({sizeWords(user.stored_bytes)}) stay for a time of grace, in which you
        can restore the account here. After it they are gone for good.
      </p>
    </Confirm>
  );
}
