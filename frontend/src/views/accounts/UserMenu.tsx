import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { signOut } from "../../api/accounts";
import { route } from "../../router";
import { forget, session, startAnew } from "../../state/session";
import { showToast } from "../../state/toasts";
import { Sign, type SignName } from "../../ui/Sign";
import { initial } from "./words";

/** Whose notebook this is, and the ways from here: a button, and a list of links below it. */
export function UserMenu() {
  const user = session.value?.user;
  const isOpen = useSignal(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const place = route.value;
  useEffect(() => {
    isOpen.value = false;
  }, [place]);
  useEffect(() => {
    const close = ({ target }: Event) => {
      if (target instanceof Node && !root.current?.contains(target)) isOpen.value = false;
    };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, []);
  if (!user) return <span class="icon-button" />;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && isOpen.value) {
      isOpen.value = false;
      root.current?.querySelector("button")?.focus();
    } else if (isOpen.value || event.key === "ArrowDown") {
      moveFocus(event, root.current, () => {
        isOpen.value = true;
      });
    }
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys of the button and the links pass here
    <div
      class="menu"
      ref={root}
      onKeyDown={onKeyDown}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && !root.current?.contains(relatedTarget)) {
          isOpen.value = false;
        }
      }}
    >
      <button
        type="button"
        class="icon-button"
        aria-label={`Account of ${user.name}`}
        title={user.name}
        aria-expanded={isOpen.value}
        aria-controls={id}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <span class="avatar" aria-hidden="true">
          {initial(user.name)}
        </span>
      </button>
      <div class="menu-sheet" id={id} hidden={!isOpen.value}>
        <p class="menu-name">
          {user.name}
          {user.is_admin && <span>Administrator</span>}
        </p>
        <ul>
          <Way name="user" path="/account" label="Your account" />
          <Way name="key" path="/tokens" label="API tokens" />
          {user.is_admin && <Way name="users" path="/users" label="Users" />}
          <li>
            <button type="button" onClick={() => void leave()}>
              <Sign name="leave" />
              Sign out
            </button>
          </li>
        </ul>
      </div>
    </div>
  );
}

function Way({ name, path, label }: { name: SignName; path: string; label: string }) {
  return (
    <li>
      <a href={path}>
        <Sign name={name} />
        {label}
      </a>
    </li>
  );
}

/** Arrows go up and down and around; Home and End to the first and the last. */
function moveFocus(event: KeyboardEvent, root: HTMLElement | null, open: () => void): void {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: 0, End: 0 }[event.key];
  if (step === undefined || !root) return;
  event.preventDefault();
  open();
  requestAnimationFrame(() => {
    const ways = [...root.querySelectorAll<HTMLElement>("li > *")];
    const now = ways.indexOf(document.activeElement as HTMLElement);
    const next =
      event.key === "Home" ? 0 : event.key === "End" ? -1 : now < 0 && step < 0 ? -1 : now + step;
    ways.at(next % ways.length)?.focus();
  });
}

/** The next page begins anew, so that nothing of this one is left to see. */
async function leave(): Promise<void> {
  try {
    await signOut();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    showToast({
      message: `You are still signed in. ${why}`,
      tone: "bad",
      action: { label: "Try again", run: () => void leave() },
    });
    return;
  }
  forget();
  startAnew("/");
}
