/**
 * Drafts in localStorage. Each has one owner, the tab that writes it, so that tabs never overwrite each
 * other: a tab that finds its draft taken goes on in a copy, and a draft whose tab is gone can be adopted.
 * Who signs in has drafts apart from everybody else's, under keys that begin with the user's id.
 */
import { newId } from "./ids";

export type Draft = {
  id: string;
  /** The note this is an edit of, with the version the edit began from; null for a new note. */
  note: { id: string; version: number } | null;
  text: string;
  /** The idempotency key of the note to be. */
  key: string;
  /** What was last sent under `key` without a clear answer: it may be stored already. */
  sent: string | null;
  updatedAt: number;
};

type Meta = Omit<Draft, "id" | "text"> & { owner: string };

export function newDraft(note: Draft["note"] = null): Draft {
  return { id: newId(), note, text: "", key: newId(), sent: null, updatedAt: 0 };
}

export class DraftStore {
  readonly #storage: Storage;
  readonly #owner: string;
  readonly #prefix: string;

  /** `owner` is the tab, `user` whose drafts these are: empty in an open notebook. */
  constructor(storage: Storage, owner: string, user = "") {
    this.#storage = storage;
    this.#owner = owner;
    this.#prefix = user ? `knote@${user}.` : "knote.";
  }

  read(id: string): Draft | null {
    const meta = this.#meta(id);
    if (!meta) return null;
    const { owner: _owner, ...rest } = meta;
    return { ...rest, id, text: this.#storage.getItem(this.#textKey(id)) ?? "" };
  }

  /**
   * Writes the draft and gives back the one to go on with: a copy under a new id if another tab owns it.
   * Throws when the browser has no room left.
   */
  save(draft: Draft): Draft {
    const owner = this.#meta(draft.id)?.owner;
    const mine = !owner || owner === this.#owner ? draft : { ...draft, id: newId() };
    const { id, text, ...rest } = mine;
    if (text === "" && mine.sent === null && !mine.note) {
      this.remove(id);
      return mine;
    }
    this.#storage.setItem(this.#textKey(id), text);
    this.#storage.setItem(
      this.#metaKey(id),
      JSON.stringify({ ...rest, updatedAt: Date.now(), owner: this.#owner } satisfies Meta),
    );
    return mine;
  }

  /** Makes this tab the owner. */
  adopt(id: string): Draft | null {
    const meta = this.#meta(id);
    if (meta) {
      const taken = { ...meta, owner: this.#owner, updatedAt: Date.now() };
      this.#storage.setItem(this.#metaKey(id), JSON.stringify(taken));
    }
    return this.read(id);
  }

  remove(id: string): void {
    if (this.#meta(id)?.owner === this.#owner || !this.#meta(id)) {
      this.#storage.removeItem(this.#metaKey(id));
      this.#storage.removeItem(this.#textKey(id));
    }
  }

  /** All drafts with something in them, newest first. */
  list(): Draft[] {
    const drafts: Draft[] = [];
    for (let index = 0; index < this.#storage.length; index += 1) {
      const key = this.#storage.key(index) ?? "";
      const start = this.#metaKey("");
      const draft = key.startsWith(start) ? this.read(key.slice(start.length)) : null;
      if (draft?.text.trim()) drafts.push(draft);
    }
    return drafts.sort((a, b) => b.updatedAt - a.updatedAt);
  }

  #metaKey(id: string): string {
    return `${this.#prefix}draft.${id}`;
  }

  #textKey(id: string): string {
    return `${this.#prefix}text.${id}`;
  }

  #meta(id: string): Meta | null {
    try {
      const meta: unknown = JSON.parse(this.#storage.getItem(this.#metaKey(id)) ?? "null");
      return meta && typeof meta === "object" && "key" in meta ? (meta as Meta) : null;
    } catch {
      return null;
    }
  }
}
