/** What changes a note is a part of its own, fetched when somebody reaches for its buttons. */
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import type { Note } from "../api/client";
import type { Edit } from "../state/editing";
import { showToast } from "../state/toasts";

type Part = typeof import("./NoteEdit");

export const editView = signal<ComponentType<{ edit: Edit }> | null>(null);

let loading: Promise<Part> | null = null;

function load(): Promise<Part> {
  loading ??= import("./NoteEdit").then((part) => {
    editView.value = part.NoteEdit;
    return part;
  });
  loading.catch(() => {
    loading = null;
  });
  return loading;
}

export function prefetchEditing(): void {
  void load().catch(() => undefined);
}

async function use<T>(act: (part: Part) => Promise<T>): Promise<T | undefined> {
  let part: Part;
  try {
    part = await load();
  } catch {
    showToast({
      message: "A part of the page could not be loaded. Try again when Knote can be reached.",
      tone: "bad",
    });
    return undefined;
  }
  return act(part);
}

export async function openEdit(note: Note): Promise<void> {
  await use((part) => part.startEdit(note));
}

/** True once the note is gone. */
export async function removeNote(note: Note, wasByKey: boolean): Promise<boolean> {
  return (await use((part) => part.removeWithUndo(note, wasByKey))) ?? false;
}
