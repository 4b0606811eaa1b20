import { useEffect, useRef } from "preact/hooks";
import { connection, isRetrying, retryNow } from "../state/connection";
import * as feed from "../state/feed";
import { createStretches } from "../state/stretches";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { Skeleton } from "../ui/Skeleton";
import { Composer } from "./Composer";
import { NoteStretch } from "./NoteStretch";

const stretches = createStretches();

/** The composer and all notes below it, newest first. */
export function Notebook() {
  return (
    <>
      <Composer />
      <section class="list" aria-labelledby="list-title">
        <h2 id="list-title" class="sr-only">
          {feed.query.value ? `Notes matching “${feed.query.value}”` : "Notes, newest first"}
        </h2>
        <Incoming />
        <NoteList />
      </section>
    </>
  );
}

function Incoming() {
  const count = feed.incoming.value.length;
  const show = () => {
    feed.showIncoming();
    document.querySelector(".list")?.scrollIntoView({ block: "start" });
  };
  return (
    <div class="incoming" role="status">
      {count > 0 && (
        <button type="button" class="pill" onClick={show}>
          <Icon name="up" />
          {count === 1 ? "One new note" : `${count} new notes`}
        </button>
      )}
    </div>
  );
}

function NoteList() {
  const state = feed.feedState.value;
  const notes = feed.notes.value;
  if (state === "failed") return <Failed />;
  if (notes.length === 0) return state === "loading" ? <Loading /> : <Nothing />;
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: between the list and its items stand the stretches */}
      <div class="notes" role="list" aria-busy={state === "loading"}>
        {stretches(notes).map((stretch) => (
          <NoteStretch key={stretch.key} stretch={stretch} />
        ))}
      </div>
      {/* The next end is another one: nothing that is in sight moves down to it, and a screen taller than a page
          of notes fills up, since its observer reports at once. */}
      <More key={notes.at(-1)?.id} />
    </>
  );
}

function Loading() {
  return (
    <>
      <p class="sr-only" role="status">
        Loading notes…
      </p>
      <Skeleton />
    </>
  );
}

function Nothing() {
  const q = feed.query.value;
  if (q) {
    return (
      <div class="empty" role="status">
        <Icon name="search" />
        <p class="empty-title">Nothing matches “{q}”</p>
        <p>Every word must appear in a note; the last may be the beginning of one.</p>
        <a class="button" href="/">
          Show all notes
        </a>
      </div>
    );
  }
  return (
    <div class="empty">
      <svg class="empty-drawing" viewBox="0 0 120 88" aria-hidden="true">
        <path d="M22 14h62a8 8 0 0 1 8 8v58H30a8 8 0 0 1-8-8z" />
        <path d="M36 32h40M36 44h30M36 56h36" />
        <path class="accent" d="M84 62l18-18 7 7-18 18-9 2z" />
      </svg>
      <p class="empty-title">Your notebook is open</p>
      <p>
        Write your first note above: plain text, Markdown, pictures, whatever you want to find
        again.
      </p>
    </div>
  );
}

function Failed() {
  const isOffline = connection.value === "offline";
  const actions = (
    <button
      type="button"
      class="button"
      aria-disabled={isRetrying.value}
      onClick={() =>
        void (connection.value === "fine" ? feed.openFeed(feed.query.value) : retryNow())
      }
    >
      <Icon name="retry" />
      {isRetrying.value ? "Trying…" : "Try again"}
    </button>
  );
  return (
    <div class="failed" role="status">
      <Notice
        icon="cloud"
        title={isOffline ? "You are offline" : "Your notes cannot be shown right now"}
        actions={actions}
      >
        {isOffline ? "They appear as soon as Knote can be reached." : feed.feedProblem.value}
        {connection.value !== "fine" && " Knote keeps trying by itself; you can go on writing."}
      </Notice>
    </div>
  );
}

/** What follows the notes that are there, until the next ones take its place. */
function More() {
  const end = useRef<HTMLDivElement>(null);
  const isWatched = feed.hasMore.value && !feed.moreFailed.value;
  useEffect(() => {
    if (!end.current || !isWatched) return;
    const observer = new IntersectionObserver(
      (entries) => entries.at(-1)?.isIntersecting && void feed.loadMore(),
      { rootMargin: "0px 0px 1200px 0px" },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [isWatched]);
  if (!feed.hasMore.value) return <p class="end">That is everything.</p>;
  const load = async () => {
    const last = end.current?.previousElementSibling?.lastElementChild;
    await feed.loadMore();
    await new Promise(requestAnimationFrame);
    const goesOn =
      last?.nextElementSibling?.querySelector("a") ?? end.current?.querySelector("button");
    goesOn?.focus();
  };
  return (
    <div class="more" ref={end}>
      {feed.isLoadingMore.value ? (
        <Loading />
      ) : (
        <>
          {feed.moreFailed.value && <p role="status">More notes could not be loaded.</p>}
          <button type="button" class="button quiet" onClick={() => void load()}>
            Load more
          </button>
        </>
      )}
    </div>
  );
}
