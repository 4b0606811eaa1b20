import { useEffect } from "preact/hooks";
import { go, type Route, route, searchPath } from "./router";
import { connection, isRetrying, retryNow } from "./state/connection";
import { isDragging } from "./state/drops";
import { askForPictures, picturesAreDown } from "./state/pictures";
import { isSignedOut, owner, remembered, share, sharing } from "./state/session";
import { theme, toggleTheme } from "./state/theme";
import { announcement, closeToast, pauseToasts, resumeToasts, toasts } from "./state/toasts";
import { Icon } from "./ui/Icon";
import { Notice } from "./ui/Notice";
import { SearchBox } from "./ui/SearchBox";
import { Skeleton } from "./ui/Skeleton";
import { Toasts } from "./ui/Toasts";
import { lazy } from "./views/lazy";
import { Notebook } from "./views/Notebook";

const NotePage = lazy(
  () => import("./views/NotePage").then((part) => part.NotePage),
  <Skeleton count={1} />,
);
const SharedNote = lazy(
  () => import("./views/accounts").then((part) => part.SharedNote),
  <Skeleton count={1} />,
);
const Screen = lazy(
  () => import("./views/accounts").then((part) => part.Screen),
  <Skeleton count={1} />,
);
const Door = lazy(
  () => import("./views/accounts").then((part) => part.Door),
  <Skeleton count={1} />,
);
const Shares = lazy(() => import("./views/accounts").then((part) => part.Shares), null);
const UserMenu = lazy(
  () => import("./views/accounts").then((part) => part.UserMenu),
  <span class="icon-button" />,
);

function titleOf(place: Route): string {
  if (place.kind === "note") return "Note · Knote";
  if (place.kind !== "notebook") return "";
  return place.q ? `${place.q} · Knote` : "Knote";
}

export function App() {
  const place = route.value;
  const title = titleOf(place);
  useEffect(() => {
    // Screens that are fetched say their own.
    if (title) document.title = title;
  }, [title]);
  const isNote = place.kind === "note";
  const isApart = place.kind === "shared";
  const isGated = isSignedOut.value && place.kind !== "door";
  return (
    <>
      <a class="skip" href="#main">
        Skip to the notes
      </a>
      <Header place={place} isBare={isApart || isSignedOut.value} />
      <main id="main" tabIndex={-1}>
        {title && !isGated && <h1 class="sr-only">Knote, your notebook</h1>}
        <Banners />
        {isApart ? (
          <SharedNote key={place.id} id={place.id} />
        ) : (
          // What is behind a single note, a screen or a sign-in stays alive: its draft, its uploads, its place.
          <>
            <div hidden={isGated || place.kind !== "notebook"}>
              {!(isGated && owner.value === null) && <Notebook />}
            </div>
            <div hidden={isGated}>
              {isNote && <NotePage key={place.id} id={place.id} />}
              {place.kind === "screen" && <Screen name={place.name} />}
            </div>
            {place.kind === "door" && <Door key={place.name} name={place.name} />}
            {isGated && <Door name="sign-in" />}
          </>
        )}
      </main>
      {sharing.value && <Shares note={sharing.value} onClose={() => share(null)} />}
      <Toasts toasts={toasts.value} close={closeToast} pause={pauseToasts} resume={resumeToasts} />
      <p class="sr-only" role="status">
        {announcement.value}
      </p>
      {isDragging.value && (
        <div class="drop-overlay" aria-hidden="true">
          <p>
            <Icon name="picture" />
            Drop pictures to add them
          </p>
        </div>
      )}
    </>
  );
}

function Header({ place, isBare }: { place: Route; isBare: boolean }) {
  const isDark = theme.value === "dark";
  const q = place.kind === "notebook" ? place.q : "";
  const search = (next: string, isTyping: boolean) =>
    go(searchPath(next), { replace: isTyping && q !== "" && next !== "" });
  return (
    <header class="top" data-bare={isBare}>
      <div class="top-inner">
        <a class="wordmark" href="/" aria-label="Knote, all notes">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path class="mark-page" d="M7 4h14a4 4 0 0 1 4 4v20H11a4 4 0 0 1-4-4z" />
            <path class="mark-ink" d="M12 10v12M12 17l7-7M14.5 14.5 20 22" />
          </svg>
          <span>Knote</span>
        </a>
        {!isBare && <SearchBox value={q} onSearch={search} />}
        <button
          type="button"
          class="icon-button"
          aria-label={isDark ? "Use the light theme" : "Use the dark theme"}
          onClick={toggleTheme}
        >
          <Icon name={isDark ? "sun" : "moon"} />
        </button>
        {!isBare && (owner.value ?? remembered) && <UserMenu />}
      </div>
    </header>
  );
}

function Banners() {
  const state = connection.value;
  return (
    <div class="banners" role="status">
      {state !== "fine" && (
        <Notice
          icon="cloud"
          title={
            state === "offline" ? "You are offline." : "Knote cannot reach its notes right now."
          }
          actions={
            <button
              type="button"
              class="button"
              aria-disabled={isRetrying.value}
              onClick={() => void retryNow()}
            >
              Try again
            </button>
          }
        >
          What you write stays in this browser until it can be saved.
        </Notice>
      )}
      {picturesAreDown.value && (
        <Notice
          icon="picture"
          title="Pictures are unavailable right now; your notes are safe."
          actions={
            <button type="button" class="button" onClick={askForPictures}>
              Try again
            </button>
          }
        >
          They come back by themselves.
        </Notice>
      )}
    </div>
  );
}
