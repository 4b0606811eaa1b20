import { useEffect, useRef } from "preact/hooks";
import type { ScreenName } from "../../router";
import { session } from "../../state/session";
import { Icon } from "../../ui/Icon";
import { Notice } from "../../ui/Notice";
import { Account } from "./Account";
import { Tokens } from "./Tokens";
import { Users } from "./Users";

const titles: Record<ScreenName, string> = {
  account: "Your account",
  tokens: "API tokens",
  users: "Users",
};

/** What belongs to an account, one screen for each subject. */
export function Screen({ name }: { name: ScreenName }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${titles[name]} · Knote`;
    title.current?.focus({ preventScroll: true });
  }, [name]);
  return (
    <div class="screen">
      <a class="button quiet back" href="/">
        <Icon name="back" />
        All notes
      </a>
      <h1 ref={title} tabIndex={-1}>
        {titles[name]}
      </h1>
      <Content name={name} />
    </div>
  );
}

function Content({ name }: { name: ScreenName }) {
  const here = session.value;
  if (here?.auth === "open") {
    return (
      <Notice icon="check" title="This notebook is open.">
        Whoever reaches it reads and writes it: there are no accounts here.
      </Notice>
    );
  }
  if (!here?.user) return null;
  return (
    <>
      <Subjects now={name} isAdmin={here.user.is_admin} />
      {name === "account" && <Account />}
      {name === "tokens" && <Tokens />}
      {name === "users" && (here.user.is_admin ? <Users /> : <NotForYou />)}
    </>
  );
}

function Subjects({ now, isAdmin }: { now: ScreenName; isAdmin: boolean }) {
  const names: ScreenName[] = isAdmin ? ["account", "tokens", "users"] : ["account", "tokens"];
  return (
    <nav class="subjects" aria-label="Account">
      {names.map((name) => (
        <a key={name} href={`/${name}`} aria-current={name === now ? "page" : undefined}>
          {titles[name]}
        </a>
      ))}
    </nav>
  );
}

function NotForYou() {
  return (
    <Notice icon="alert" title="Users are an administrator's business.">
      Your account is not an administrator's.
    </Notice>
  );
}
