import { useState } from "preact/hooks";
import { signOut, signUp } from "../../api/accounts";
import { forget, session } from "../../state/session";
import { Sheet } from "./Door";
import { takeFragment } from "./fragment";
import { NewAccount } from "./NewAccount";
import { SingleSignOn } from "./SignIn";
import { Refusal, useTask } from "./task";

/** A new account, by an invitation or where everybody may. */
export function SignUp({ isInvited }: { isInvited: boolean }) {
  const [invite] = useState(takeFragment);
  const here = session.value;
  if (here?.user) return <SomebodyIsHere name={here.user.name} invite={invite} />;
  if (isInvited && !invite) {
    return (
      <Closed
        title="This invitation is incomplete"
        why="Open the link as you were given it, to its last letter."
      />
    );
  }
  if (!isInvited && here?.sign_up !== "open") {
    return (
      <Closed
        title="Accounts are made by invitation here"
        why="Ask whoever runs this Knote for a link."
      />
    );
  }
  return (
    <Sheet
      title={isInvited ? "You are invited" : "Make an account"}
      intro="A notebook of your own: nobody else reads it."
    >
      <NewAccount
        label="Make my account"
        busy="Making your account…"
        create={({ name = "", password = "" }) => signUp(name, password, invite || undefined)}
      />
      <SingleSignOn invite={invite} />
      <p class="door-foot">
        You have an account? <a href="/">Sign in</a>
      </p>
    </Sheet>
  );
}

function Closed({ title, why }: { title: string; why: string }) {
  return (
    <Sheet title={title} intro={why}>
      <a class="button" href="/">
        Go to sign in
      </a>
    </Sheet>
  );
}

/** An invitation is for somebody new: who is signed in has to leave first. */
function SomebodyIsHere({ name, invite }: { name: string; invite: string }) {
  const task = useTask();
  const leave = () =>
    task.run(async () => {
      await signOut();
      forget();
      location.replace(`${location.pathname}#${invite}`);
      location.reload();
    });
  return (
    <Sheet
      title={`You are signed in as ${name}`}
      intro="This link makes a new account. Sign out first if it is meant for somebody else."
    >
      <a class="button primary" href="/">
        Back to my notes
      </a>
      <button type="button" class="button" onClick={() => void leave()}>
        Sign out and go on
      </button>
      <Refusal task={task} />
    </Sheet>
  );
}
