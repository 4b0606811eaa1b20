import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isAbort, type Note, Problem, readNote } from "../api/client";
import { prepareNote } from "../markdown";
import { go } from "../router";
import { recoveries, retryNow, watched } from "../state/connection";
import { lastPut, notes } from "../state/feed";
import { Icon } from "../ui/Icon";
import { Notice } from "../ui/Notice";
import { Skeleton } from "../ui/Skeleton";
import { NoteCard } from "./NoteCard";

type View =
  | { kind: "loading" }
  | { kind: "shown"; note: Note }
  | { kind: "missing" }
  | { kind: "failed"; message: string };

/** One note at its own address. */
export function NotePage({ id }: { id: string }) {
  const known = notes.peek().find((note) => note.id === id);
  const view = useSignal<View>(known ? { kind: "shown", note: known } : { kind: "loading" });
  useEffect(() => {
    const abort = new AbortController();
    const load = async () => {
      try {
        const note = await watched(readNote(id, abort.signal));
        await prepareNote(note);
        view.value = { kind: "shown", note };
      } catch (error) {
        if (isAbort(error)) return;
        view.value = explain(error);
      }
    };
    const stop = recoveries.subscribe(() => void load());
    return () => {
      abort.abort();
      stop();
    };
  }, [id, view]);
  useSignalEffect(() => {
    if (lastPut.value?.id === id) view.value = { kind: "shown", note: lastPut.value };
  });
  return (
    <section class="list single" aria-label="Note">
      <a class="button quiet back" href="/">
        <Icon name="back" />
        All notes
      </a>
      <NoteView view={view.value} />
    </section>
  );
}

function explain(error: unknown): View {
  const status = error instanceof Problem ? error.status : -1;
  if ([400, 404, 422].includes(status)) return { kind: "missing" };
  return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
}

function NoteView({ view }: { view: View }) {
  switch (view.kind) {
    case "loading":
      return <Skeleton count={1} />;
    case "shown":
      return <NoteCard note={view.note} isWhole onRemoved={goHome} />;
    case "missing":
      return (
        <div class="empty">
          <Icon name="search" />
          <p class="empty-title">There is no note here</p>
          <p>It may have been deleted, or the link is incomplete.</p>
        </div>
      );
    case "failed":
      return (
        <Notice
          icon="cloud"
          title="This note cannot be shown right now"
          actions={
            <button type="button" class="button" onClick={() => void retryNow()}>
              Try again
            </button>
          }
        >
          {view.message}
        </Notice>
      );
  }
}

const goHome = () => go("/");
