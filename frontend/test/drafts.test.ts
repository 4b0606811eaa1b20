import { beforeEach, expect, test } from "vitest";
import { DraftStore, newDraft } from "../src/state/drafts";
import { memory } from "../src/state/storage";

let storage: Storage;
beforeEach(() => {
  storage = memory();
});

test("a draft is read as it was saved", () => {
  const store = new DraftStore(storage, "tab");
  const draft = { ...newDraft(), text: "  kept\n", sent: "earlier" };
  store.save(draft);
  expect(store.read(draft.id)).toMatchObject({ text: "  kept\n", sent: "earlier", key: draft.key });
});

test("a tab whose draft was taken over goes on in a copy and destroys nothing", () => {
  const [one, other] = [new DraftStore(storage, "one"), new DraftStore(storage, "other")];
  const draft = one.save({ ...newDraft(), text: "from one" });
  other.adopt(draft.id);
  other.save({ ...draft, text: "from the other" });
  const copy = one.save({ ...draft, text: "from one, longer" });
  expect(copy.id).not.toBe(draft.id);
  expect(
    one
      .list()
      .map(({ text }) => text)
      .sort(),
  ).toEqual(["from one, longer", "from the other"]);
});

test("an emptied draft leaves nothing behind, unless an attempt to publish it is open", () => {
  const store = new DraftStore(storage, "tab");
  const draft = store.save({ ...newDraft(), text: "x" });
  store.save({ ...draft, text: "", sent: "x" });
  expect(storage.length).toBe(2);
  store.save({ ...draft, text: "", sent: null });
  expect(storage.length).toBe(0);
});

test("broken entries are passed over", () => {
  storage.setItem("knote.draft.a", "{not json");
  storage.setItem("knote.draft.b", "7");
  expect(new DraftStore(storage, "tab").list()).toEqual([]);
});

test("nobody lists, reads or removes the drafts of another", () => {
  const ada = new DraftStore(storage, "tab", "ada");
  const others = [new DraftStore(storage, "tab", "grace"), new DraftStore(storage, "tab")];
  const draft = ada.save({ ...newDraft(), text: "a secret" });
  for (const other of others) {
    expect(other.list()).toEqual([]);
    expect(other.read(draft.id)).toBeNull();
    expect(other.adopt(draft.id)).toBeNull();
    other.remove(draft.id);
    other.save({ ...draft, text: "not hers" });
  }
  expect(ada.list().map(({ text }) => text)).toEqual(["a secret"]);
});
