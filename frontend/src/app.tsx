import { useEffect } from "preact/hooks";
import { go, route, searchPath } from "./router";
import { connection, isRetrying, retryNow } from "./state/connection";
import { isDragging } from "./state/drops";
import { askNow, picturesAreDown } from "./state/pictures";
import { theme, toggleTheme } from "./state/theme";
import { announcement, closeToast, pauseToasts, resumeToasts, toasts } from "./state/toasts";
import { Icon } from "./ui/Icon";
import { Notice } from "./ui/Notice";
import { SearchBox } from "./ui/SearchBox";
import { Toasts } from "./ui/Toasts";
import { LazyNotePage } from "./views/LazyNotePage";
import { Notebook } from "./views/Notebook";

export function App() {
  const place = route.value;
  const isNote = place.kind === "note";
  useEffect(() => {
    document.title = isNote ? "Note · Knote" : place.q ? `${place.q} · Knote` : "Knote";
  }, [isNote, !isNote && place.q]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the notes
      </a>
      <Header q={isNote ? "" : place.q} />
      <main id="main" tabIndex={-1}>
        <h1 class="sr-only">Knote, your notebook</h1>
        <Banners />
        {/* The notebook stays alive behind a single note: its draft, its uploads, its place. */}
        <div hidden={isNote}>
          <Notebook />
        </div>
        {isNote && <LazyNotePage key={place.id} id={place.id} />}
      </main>
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

function Header({ q }: { q: string }) {
  const isDark = theme.value === "dark";
  const search = (next: string, isTyping: boolean) =>
    go(searchPath(next), { replace: isTyping && q !== "" && next !== "" });
  return (
    <header class="top">
      <div class="top-inner">
        <a class="wordmark" href="/" aria-label="Knote, all notes">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path class="mark-page" d="M7 4h14a4 4 0 0 1 4 4v20H11a4 4 0 0 1-4-4z" />
            <path class="mark-ink" d="M12 10v12M12 17l7-7M14.5 14.5 20 22" />
          </svg>
          <span>Knote</span>
        </a>
        <SearchBox value={q} onSearch={search} />
        <button
          type="button"
          class="icon-button"
          aria-label={isDark ? "Use the light theme" : "Use the dark theme"}
          onClick={toggleTheme}
        >
          <Icon name={isDark ? "sun" : "moon"} />
        </button>
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
            <button type="button" class="button" onClick={() => void askNow()}>
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
