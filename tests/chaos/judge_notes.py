"""What is promised of notes: they are kept, in one chain of versions, and shown as they are."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from chaos.evidence import Evidence, Note, Violation, over_at, version_of
from chaos.history import Call, digest
from chaos.register import Act, Contradiction, Step

_WORD = re.compile(r"[a-z0-9]+")


def acknowledged_notes_are_kept(evidence: Evidence) -> Iterator[Violation]:
    """1. Every acknowledged create is there, exactly once for each idempotency key.

    All acknowledged attempts with one key name one note, and no two notes begin with the text of one
    key. At the end MongoDB holds exactly one note with each acknowledged key (in the trash, where it
    was deleted), at most one with a key that was never acknowledged, and none with a key that nobody
    sent. An acknowledged note never reads as absent for good, unless a delete explains it.
    """
    stored = defaultdict(list)
    for note in evidence.history.notes:
        stored[evidence.key_of(note)].append(note.id)
    for key, calls in evidence.creates.items():
        made = {call.response["id"]: call.number for call in calls if call.status == 201}
        there = stored.pop(key, [])
        if len(made) > 1:
            text = f"key {key} made {len(made)} notes: {evidence.describe(*made.values())}"
            yield Violation(1, text, (*made.values(),))
        if len(there) > 1:
            text = f"MongoDB holds {len(there)} notes with key {key}: {', '.join(there)}"
            yield Violation(1, text, (*made.values(),))
        if evidence.history.is_complete and not {*made} <= {*there}:
            text = f"MongoDB does not hold the note of key {key}: {evidence.describe(*made.values())}"
            yield Violation(1, text, (*made.values(),))
    for unknown, there in stored.items():
        yield Violation(1, f"MongoDB holds notes with key {unknown}, which nobody sent: {', '.join(there)}")
    yield from _doubles(evidence)
    yield from _unexplained(evidence, 1)


def _doubles(evidence: Evidence) -> Iterator[Violation]:
    """Notes that nobody made, and notes that begin with the same text, which was sent with one key."""
    began_with: dict[str, dict[str, int]] = defaultdict(dict)
    for note in evidence.notes.values():
        if note.shown and not note.creates:
            number = note.shown[0].call.number
            yield Violation(1, f"nobody made note {note.id}: {evidence.describe(number)}", (number,))
        for content, shown in note.contents.get(1, {}).items():
            began_with[content][note.id] = shown.call.number
    for content, ids in began_with.items():
        if len(ids) > len(evidence.keys_of_text.get(content, ())):
            text = f"“{evidence.text(content)}” is {len(ids)} notes, more often than it was sent: "
            yield Violation(1, text + evidence.describe(*ids.values()), (*ids.values(),))


def versions_form_a_chain(evidence: Evidence) -> Iterator[Violation]:
    """2. The versions of a note form a chain, and what was acknowledged last is what is read.

    A write that names version n and succeeds makes version n + 1 with the text that was sent, and no
    second one does. One version has one text, one note one time of creation, and an ETag names the
    version it comes with. A version that is shown was written by somebody: by a call that was
    acknowledged, or by one without an answer. What MongoDB holds at the end is where the chain ends.
    """
    for note in evidence.notes.values():
        yield from _writes(evidence, note)
        yield from _contents(evidence, note)
    yield from _unexplained(evidence, 2)


def _writes(evidence: Evidence, note: Note) -> Iterator[Violation]:
    writers: dict[int, int] = {}
    for call in note.calls:
        if call.operation != "replace" or call.status != 200:
            continue
        version = version_of(call.request["if_match"])
        if version in writers:
            both = (writers[version], call.number)
            text = f"two writes from version {version} of note {note.id}: {evidence.describe(*both)}"
            yield Violation(2, text, both)
        writers[version] = call.number
        promised = (version + 1, digest(call.request["content"]))
        if (call.response["version"], call.response["content"]) != promised:
            text = f"not what was to be written: {evidence.describe(call.number)}"
            yield Violation(2, text, (call.number,))


def _contents(evidence: Evidence, note: Note) -> Iterator[Violation]:
    for version, contents in note.contents.items():
        numbers = tuple(shown.call.number for shown in contents.values())
        if len(contents) > 1:
            text = f"version {version} of note {note.id} has several texts: {evidence.describe(*numbers)}"
            yield Violation(2, text, numbers)
        if any(content not in evidence.texts for content in contents):
            yield Violation(2, f"nobody wrote this: {evidence.describe(*numbers)}", numbers)
    times = {shown.created_at: shown.call.number for shown in note.shown}
    if len(times) > 1:
        text = f"note {note.id} was created at several times: {evidence.describe(*times.values())}"
        yield Violation(2, text, (*times.values(),))
    for shown in note.shown:
        etag = shown.call.headers.get("etag")
        if etag is not None and "items" not in shown.call.response and version_of(etag) != shown.version:
            number = shown.call.number
            yield Violation(
                2, f"ETag {etag} came with another version: {evidence.describe(number)}", (number,)
            )


def reads_are_never_stale(evidence: Evidence) -> Iterator[Violation]:
    """3. A read that starts after an acknowledged write has ended shows that state or a later one.

    Whichever replica answers, and in lists too. More than that: for each note there is one order of
    all calls to it that explains every answer, and in which no call comes before one that had ended
    when it started. A call without an answer may have its effect at any time after its start, or never.
    """
    yield from _unexplained(evidence, 3)


def deleted_notes_stay_deleted(evidence: Evidence) -> Iterator[Violation]:
    """6. What was deleted does not come back unless somebody restores it.

    An answer that shows a note, and starts after a delete of it has ended, needs a restore that was
    under way or done in between. A restore without an answer counts once, at any time after its start.
    """
    yield from _unexplained(evidence, 6)


def _unexplained(evidence: Evidence, invariant: int) -> Iterator[Violation]:
    """The answers that no order of calls explains, as far as they break this promise."""
    for note, wrong in evidence.contradictions:
        if _broken_promise(evidence, note, wrong) == invariant:
            step = wrong.step
            could = " or ".join(str(state) for state in wrong.states)
            text = f"note {note.id}: {evidence.describe(step.call)} shows what cannot be. It was {could} then"
            before = _last_changes(note, step)
            if before:
                text += f", after {evidence.describe(*before)}"
            yield Violation(invariant, text, (step.call, *before))


def _last_changes(note: Note, step: Step) -> list[int]:
    """The two acknowledged calls that last changed the note before this one started."""
    before = [
        call
        for call in [*note.creates, *note.calls]
        if call.operation != "read" and call.status in {200, 201, 204} and over_at(call) <= step.started
    ]
    return [call.number for call in sorted(before, key=over_at)[-2:]]


def _broken_promise(evidence: Evidence, note: Note, wrong: Contradiction) -> int:
    step, states = wrong.step, wrong.states
    is_known = any(state.version for state in states)
    if step.act in {Act.SHOWN, Act.CREATE, Act.WRITE} and not any(state.is_shown for state in states):
        return 6 if is_known else 2
    if step.act in {Act.WRITE, Act.DELETE} or step.version > max(state.version for state in states):
        return 2
    # Out of sight for a while, or gone for good?
    later = [shown.version for shown in note.shown if shown.call.started > step.ended]
    later += [stored.version for stored in evidence.history.notes if stored.id == note.id and step.call]
    if step.act in {Act.HIDDEN, Act.ABSENT}:
        return 3 if later else 1
    return 3 if any(version > step.version for version in later) else 2


def lists_are_whole(evidence: Evidence) -> Iterator[Violation]:
    """4. What existed throughout a walk through all pages appears in it exactly once.

    Nothing appears twice, whatever else happens; everything comes newest first; and nothing appears
    that no create has made. A search shows all notes that always had its words, and only texts that do.
    """
    for pages in evidence.walks.values():
        answered = [page for page in pages if page.status == 200]
        if answered:
            yield from _shown_in(evidence, answered)
            yield from _order_of(evidence, answered)
            if answered[-1].response["next"] is None:
                yield from _missing_in(evidence, answered)


def _items(pages: list[Call]) -> list[tuple[int, str, str, str]]:
    """Each item as the number of its call, its id, its text and its time of creation."""
    return [
        (page.number, id_, content, created_at)
        for page in pages
        for id_, _, content, created_at in page.response["items"]
    ]


def _shown_in(evidence: Evidence, pages: list[Call]) -> Iterator[Violation]:
    items = _items(pages)
    counts = Counter(id_ for _, id_, *_ in items)
    words = _words_of(pages[0])
    for number, id_, content, _ in items:
        if counts[id_] > 1:
            text = f"note {id_} appears {counts[id_]} times in one walk: {evidence.describe(number)}"
            yield Violation(4, text, (number,))
        if not evidence.notes[id_].creates:
            yield Violation(4, f"note {id_} never existed: {evidence.describe(number)}", (number,))
        if words and not _has(evidence.texts.get(content, ""), words):
            text = f"note {id_} does not have the words {words}: {evidence.describe(number)}"
            yield Violation(4, text, (number,))


def _order_of(evidence: Evidence, pages: list[Call]) -> Iterator[Violation]:
    items = _items(pages)
    keys = [(datetime.fromisoformat(created_at), id_) for _, id_, _, created_at in items]
    for (number, *_), newer, older in zip(items[1:], keys, keys[1:], strict=False):
        if newer < older:
            text = f"note {older[1]} comes after note {newer[1]}, which is older: {evidence.describe(number)}"
            yield Violation(4, text, (number,))


def _missing_in(evidence: Evidence, pages: list[Call]) -> Iterator[Violation]:
    start, end = pages[0].started, over_at(pages[-1])
    shown = {id_ for _, id_, *_ in _items(pages)}
    words = _words_of(pages[0])
    for id_, note in evidence.notes.items():
        if note.user != pages[0].user:
            continue
        if id_ in shown or not any(span.start < start and end < span.end for span in note.shown_spans):
            continue
        if words and not _always_has(note, words):
            continue
        first = min(note.shown, key=lambda one: over_at(one.call)).call.number
        numbers = (pages[0].number, pages[-1].number, first)
        text = f"note {id_} is missing in the walk between the first two of these, and the third shows it: "
        yield Violation(4, text + evidence.describe(*numbers), numbers)


def _words_of(page: Call) -> list[str]:
    return _words(page.request.get("q", ""))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _has(text: str, words: list[str]) -> bool:
    """Whether the text has all words; the last may be the beginning of one."""
    has = set(_words(text))
    return has.issuperset(words[:-1]) and any(word.startswith(words[-1]) for word in has)


def _always_has(note: Note, words: list[str]) -> bool:
    """Whether every text that was ever sent for the note has the words."""
    sent: list[Any] = [call.request.get("content") for call in [*note.creates, *note.calls]]
    texts = [text for text in sent if text is not None]
    return bool(texts) and all(_has(text, words) for text in texts)
