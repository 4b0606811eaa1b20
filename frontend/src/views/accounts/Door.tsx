import { type ComponentChildren, Fragment } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { DoorName } from "../../router";
import { connection } from "../../state/connection";
import { session } from "../../state/session";
import { Skeleton } from "../../ui/Skeleton";
import { SetUp } from "./SetUp";
import { SignIn } from "./SignIn";
import { SignUp } from "./SignUp";

/** The ways in: signing in, and what makes an account. */
export function Door({ name }: { name: DoorName }) {
  const here = session.value;
  // The banner above says that Knote cannot be reached.
  if (!here) return connection.value === "fine" ? <Skeleton count={1} /> : <Fragment />;
  if (here.auth === "open") return <OpenDoor />;
  if (!here.is_set_up) return <SetUp />;
  if (name === "setup") return <AlreadySetUp />;
  if (name === "sign-in") return <SignIn />;
  return <SignUp isInvited={name === "invite"} />;
}

type SheetProps = { title: string; intro?: ComponentChildren; children: ComponentChildren };

/** A card in the middle of the page with one thing to do. */
export function Sheet({ title, intro, children }: SheetProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const before = document.title;
    document.title = `${title} · Knote`;
    const first = heading.current
      ?.closest("section")
      ?.querySelector<HTMLElement>("input, a, button");
    (first ?? heading.current)?.focus({ preventScroll: true });
    return () => {
      document.title = before;
    };
  }, [title]);
  return (
    <section class="door" aria-labelledby="door-title">
      <div class="door-card card">
        <h1 id="door-title" ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {intro && <p class="door-intro">{intro}</p>}
        {children}
      </div>
    </section>
  );
}

function OpenDoor() {
  return (
    <Sheet
      title="This notebook is open"
      intro="Whoever reaches it reads and writes it: there are no accounts here."
    >
      <a class="button primary" href="/">
        Open the notebook
      </a>
    </Sheet>
  );
}

function AlreadySetUp() {
  return (
    <Sheet
      title="Knote is set up already"
      intro="The first account exists. Whoever has it can invite you by a link."
    >
      <a class="button primary" href="/">
        Go to your notes
      </a>
    </Sheet>
  );
}
