/** Which notes are being edited; what editing does is loaded when the first edit begins. */
import { type Signal, signal } from "@preact/signals";
import type { Note } from "../api/client";
import type { Editor } from "./editor";
import type { Uploads } from "./uploads";

export type EditState =
  | { kind: "idle" }
  | { kind: "pictures" }
  | { kind: "saving" }
  | { kind: "waiting"; message: string }
  | { kind: "refused"; message: string }
  | { kind: "conflict"; theirs: Note }
  | { kind: "gone" };

export type Edit = {
  noteId: string;
  editor: Editor;
  uploads: Uploads;
  state: Signal<EditState>;
  /** The other version, kept in view while both are brought together by hand. */
  merging: Signal<Note | null>;
  isResumed: boolean;
};

/** By note id. */
export const edits = signal<ReadonlyMap<string, Edit>>(new Map());
