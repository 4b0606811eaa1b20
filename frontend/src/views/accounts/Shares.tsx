import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { createShare, listShares, removeShare, type Share } from "../../api/accounts";
import type { Note } from "../../api/client";
import { notePath } from "../../router";
import { announce, announcement } from "../../state/toasts";
import { Dialog } from "../../ui/Dialog";
import { Select } from "../../ui/Field";
import { Secret } from "../../ui/Secret";
import { Sign } from "../../ui/Sign";
import { Time } from "../../ui/Time";
import { Show, useLoaded } from "./loaded";
import { fieldsOf, Refusal, Submit, useTask } from "./task";
import { daysOf, dayWords, lifetimes } from "./words";

/** Who else may read a note: whoever has one of its links. */
export function Shares({ note, onClose }: { note: Note; onClose: () => void }) {
  const shares = useLoaded((signal) => listShares(note.id, signal));
  const task = useTask();
  const form = useRef<HTMLFormElement>(null);
  const made = useSignal<Awaited<ReturnType<typeof createShare>> | null>(null);
  const submit = async () => {
    if (!form.current) return;
    const { days } = fieldsOf(form.current);
    const isMade = await task.run(async () => {
      made.value = await createShare(note.id, daysOf(days));
    });
    if (isMade) await shares.reload();
  };
  const end = async (share: Share) => {
    if (!(await task.run(() => removeShare(note.id, share.id)))) return;
    if (made.value?.id === share.id) made.value = null;
    announce("The link has ended.");
    await shares.reload();
  };
  return (
    <Dialog title="Share this note" said={announcement.value} onClose={onClose}>
      <p class="panel-intro">
        Whoever has the link reads this note and its pictures as they are at that time, and nothing
        else of yours. Nobody can change it.
      </p>
      {made.value ? (
        <Secret
          key={made.value.id}
          label="The link"
          value={new URL(made.value.url, location.origin).href}
          warning="It is shown this once. If you lose it, end it below and make another."
          say={announce}
        />
      ) : (
        <form
          ref={form}
          class="form share-form"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Select label="The link works" name="days" options={lifetimes} initial="" />
          <Submit task={task} label="Make a link" busy="Making it…" />
        </form>
      )}
      <Refusal task={task} />
      <Show of={shares} what="The links of this note" rows={1}>
        {({ items }) =>
          items.length > 0 && (
            <>
              <h3>Links that work</h3>
              <ul class="rows">
                {items.map((share) => (
                  <ShareRow key={share.id} share={share} end={() => void end(share)} />
                ))}
              </ul>
            </>
          )
        }
      </Show>
      <p class="share-own">
        <a href={notePath(note.id)}>The note's own address</a> opens for you alone.
      </p>
    </Dialog>
  );
}

function ShareRow({ share, end }: { share: Share; end: () => void }) {
  return (
    <li class="row">
      <Sign name="share" />
      <div class="row-text">
        <p class="row-title">
          <Time at={share.created_at} prefix="Made " />
        </p>
        <p class="row-note">
          {share.expires_at
            ? `Works until ${dayWords(share.expires_at)}`
            : "Works until you end it"}
        </p>
      </div>
      <button
        type="button"
        class="button"
        aria-label={`End the link made on ${dayWords(share.created_at)}`}
        onClick={end}
      >
        End
      </button>
    </li>
  );
}
