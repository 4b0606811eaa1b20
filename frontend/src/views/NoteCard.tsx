import { useSignal } from "@preact/signals";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Note } from "../api/client";
import { preparedBlocks } from "../markdown";
import { notePath, route } from "../router";
import { discardLeftBehind, leftBehind } from "../state/desk";
import { edits } from "../state/editing";
import { owner, share } from "../state/session";
import { showToast } from "../state/toasts";
import { Icon, type IconName } from "../ui/Icon";
import { Markdown } from "../ui/Markdown";
import { Time } from "../ui/Time";
import { editView, openEdit, prefetchEditing, removeNote } from "./editing";
import { memo } from "./memo";

type Props = { note: Note; isWhole?: boolean; onRemoved?: () => void };

/** One note: read, edited in place, or removed. */
export const NoteCard = memo(({ note, isWhole = false, onRemoved }: Props) => {
  const begun = edits.value.get(note.id);
  // The list stays in the page behind a single note: only the card in sight may be the editor.
  const edit = begun && isWhole === (route.value.kind === "note") ? begun : undefined;
  const titleId = useId();
  const EditView = editView.value;
  const card = useRef<HTMLElement>(null);
  const wasEditing = useRef(false);
  useEffect(() => {
    if (wasEditing.current && !edit) {
      card.current?.querySelector<HTMLElement>("[data-action=edit]")?.focus();
    }
    wasEditing.current = edit !== undefined;
  }, [edit]);
  return (
    <article class="card note" ref={card} aria-labelledby={titleId}>
      <header class="note-head">
        <h2 id={titleId}>
          <a href={notePath(note.id)}>
            <span class="sr-only">Note from </span>
            <Time at={note.created_at} />
          </a>
        </h2>
        {note.version > 1 && <Time at={note.updated_at} prefix="edited " />}
        {!edit && <NoteActions note={note} {...(onRemoved && { onRemoved })} />}
      </header>
      {edit && EditView ? (
        <EditView edit={edit} />
      ) : (
        <>
          <Unfinished note={note} />
          <NoteBody note={note} isWhole={isWhole} />
        </>
      )}
    </article>
  );
});

function NoteActions({ note, onRemoved }: Pick<Props, "note" | "onRemoved">) {
  const isRemoving = useSignal(false);
  const remove = async (event: MouseEvent) => {
    if (isRemoving.value) return;
    isRemoving.value = true;
    const isGone = await removeNote(note, event.detail === 0);
    isRemoving.value = false;
    if (isGone) onRemoved?.();
  };
  return (
    <div class="note-actions" onPointerEnter={prefetchEditing} onFocusIn={prefetchEditing}>
      {owner.value ? (
        <Action name="link" label="Share" onClick={() => share(note)} />
      ) : (
        <Action name="link" label="Copy link" onClick={() => void copyLink(note.id)} />
      )}
      <Action name="edit" label="Edit" onClick={() => void openEdit(note)} />
      <Action name="trash" label="Delete" onClick={(event) => void remove(event)} />
    </div>
  );
}

type ActionProps = { name: IconName; label: string; onClick: (event: MouseEvent) => void };

function Action({ name, label, onClick }: ActionProps) {
  return (
    <button
      type="button"
      class="icon-button"
      data-action={name}
      aria-label={`${label} note`}
      title={label}
      onClick={onClick}
    >
      <Icon name={name} />
    </button>
  );
}

async function copyLink(id: string): Promise<void> {
  const link = new URL(notePath(id), location.origin).href;
  try {
    await navigator.clipboard.writeText(link);
    showToast({ message: "Link copied.", tone: "plain" });
  } catch {
    // Without HTTPS the clipboard is closed to pages: the link can still be read.
    showToast({ message: `The link of this note: ${link}`, tone: "plain" });
  }
}

function Unfinished({ note }: { note: Note }) {
  const draft = leftBehind.value.find((left) => left.note?.id === note.id);
  if (!draft) return null;
  return (
    <div class="unfinished">
      <span>You have an unfinished edit of this note.</span>
      <button type="button" class="link-button" onClick={() => void openEdit(note)}>
        Continue
      </button>
      <button type="button" class="link-button" onClick={() => void discardLeftBehind(draft.id)}>
        Discard
      </button>
    </div>
  );
}

function NoteBody({ note, isWhole }: { note: Note; isWhole: boolean }) {
  const body = useRef<HTMLDivElement>(null);
  const isTall = useSignal(false);
  const isOpen = useSignal(isWhole);
  useLayoutEffect(() => {
    const element = body.current;
    if (!element || isWhole) return;
    const observer = new ResizeObserver(() => {
      if (!isOpen.value) isTall.value = element.scrollHeight > element.clientHeight + 8;
    });
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, [isWhole, isOpen, isTall]);
  const toggle = () => {
    isOpen.value = !isOpen.value;
    if (!isOpen.value) body.current?.closest("article")?.scrollIntoView({ block: "nearest" });
  };
  return (
    <>
      <div
        ref={body}
        class="note-body"
        data-folded={!isOpen.value}
        data-tall={isTall.value}
        onFocusIn={() => {
          if (isTall.value) isOpen.value = true;
        }}
      >
        <Markdown blocks={preparedBlocks(note)} headingsBelow={2} />
      </div>
      {isTall.value && !isWhole && (
        <button type="button" class="unfold" aria-expanded={isOpen.value} onClick={toggle}>
          {isOpen.value ? "Show less" : "Show more"}
        </button>
      )}
    </>
  );
}
