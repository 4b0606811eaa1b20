import { useEffect, useRef } from "preact/hooks";
import type { Note } from "../api/client";
import { type DiffLine, diffLines } from "../diff";
import type { Edit } from "../state/editing";
import { keepMine, mergeByHand, takeTheirs } from "../state/edits";
import { Time } from "../ui/Time";

/** Somebody else changed the note meanwhile: both texts, and what to do. */
export function Conflict({ edit, theirs }: { edit: Edit; theirs: Note }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const mine = edit.editor.text.value;
  const lines = diffLines(mine, theirs.content.replace(/\r\n?/g, "\n"));
  return (
    <section class="conflict" aria-labelledby={`conflict-${edit.noteId}`}>
      <h3 id={`conflict-${edit.noteId}`} tabIndex={-1} ref={title}>
        Somebody else changed this note meanwhile
      </h3>
      <p>Nothing is lost. These are both texts; what differs is marked.</p>
      <div class="versions">
        <Version title="Yours" lines={lines.before} mark="mine" />
        <Version title="Theirs" lines={lines.after} mark="theirs" at={theirs.updated_at} />
      </div>
      <div class="conflict-actions">
        <button type="button" class="button primary" onClick={() => mergeByHand(edit, theirs)}>
          Bring both together
        </button>
        <button type="button" class="button" onClick={() => void keepMine(edit, theirs)}>
          Keep mine
        </button>
        <button type="button" class="button" onClick={() => void takeTheirs(edit, theirs)}>
          Take theirs
        </button>
      </div>
    </section>
  );
}

type VersionProps = { title: string; lines: DiffLine[]; mark: "mine" | "theirs"; at?: string };

function Version({ title, lines, mark, at }: VersionProps) {
  return (
    <div class="version" data-mark={mark}>
      <h4>
        {title} {at && <Time at={at} />}
      </h4>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it */}
      <section class="version-text" aria-label={`${title}, text`} tabIndex={0}>
        {lines.map(({ text, isCommon }, index) =>
          isCommon ? (
            <p key={index}>{text || "\u00a0"}</p>
          ) : (
            <p key={index}>
              <mark>{text || "\u00a0"}</mark>
            </p>
          ),
        )}
      </section>
    </div>
  );
}

/** Their text, to copy from while writing. */
export function OtherVersion({ content }: { content: string }) {
  return (
    <details class="other-version" open>
      <summary>The other version</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys must reach it */}
      <section class="version-text" aria-label="The other version, text" tabIndex={0}>
        {content}
      </section>
    </details>
  );
}
