"""The history by what it is about: what was seen of each note, and which calls may have changed it."""

import dataclasses
import functools
import re
from collections import defaultdict
from typing import NamedTuple

from chaos.history import Call, History, StoredNote, digest
from chaos.register import NEVER, Act, Contradiction, Step, contradiction

CANNOT_TELL = 500
_ETAG = re.compile(r'"([1-9][0-9]*)"')
_ACTS = {"replace": Act.WRITE, "delete": Act.DELETE, "restore": Act.RESTORE}
_OF_NOTES = frozenset({"create", "list", "search", "read", "replace", "delete", "restore"})
_REFERENCE = re.compile(r"/api/v1/pictures/([0-9a-f]{64})")


@dataclasses.dataclass(frozen=True)
class Violation:
    """One broken promise, for a person to read; `calls` are the numbers of those that show it."""

    invariant: int
    text: str
    calls: tuple[int, ...] = ()

    def __str__(self) -> str:
        """In words."""
        return f"invariant {self.invariant}: {self.text}"


class Shown(NamedTuple):
    """One version of one note as one answer showed it."""

    call: Call
    version: int
    content: str
    created_at: str


class Span(NamedTuple):
    """A time during which something surely was so."""

    start: float
    end: float


def is_answered(call: Call) -> bool:
    """Whether the answer says what became of the request."""
    return call.status is not None and call.status < CANNOT_TELL


def over_at(call: Call) -> float:
    """When the client had the answer, or knew that there was none."""
    return next((at for at in (call.ended, call.lost) if at is not None), NEVER)


def version_of(etag: str) -> int:
    """The version that an ETag names; 0 for none."""
    found = _ETAG.fullmatch(etag)
    return int(found[1]) if found else 0


@dataclasses.dataclass
class Note:
    """All there is about one note."""

    id: str
    shown: list[Shown] = dataclasses.field(default_factory=list)
    creates: list[Call] = dataclasses.field(default_factory=list)
    # Replace, delete, restore and read, answered or not.
    calls: list[Call] = dataclasses.field(default_factory=list)

    @property
    def user(self) -> str | None:
        """Who made it; None in an open notebook."""
        return self.creates[0].user if self.creates else None

    @functools.cached_property
    def contents(self) -> dict[int, dict[str, Shown]]:
        """For each version the contents that it was shown with, and who showed each first."""
        found: dict[int, dict[str, Shown]] = defaultdict(dict)
        for one in self.shown:
            found[one.version].setdefault(one.content, one)
        return found

    @functools.cached_property
    def shown_spans(self) -> list[Span]:
        """When the note was surely there to be seen, in the order of time.

        It begins with an answer that shows it, and ends where a delete may take effect: one that
        succeeded, or one without an answer whose version had not surely passed.
        """
        known = sorted((one.call.started, over_at(one.call), one.version) for one in self.shown)
        spans: list[Span] = []
        at = min((ended for _, ended, _ in known), default=NEVER)
        for delete in self._deletes:
            if delete.started > at:
                spans.append(Span(at, delete.started))
            at = max(at, self._shown_again(delete, known))
        return [*spans, Span(at, NEVER)] if at < NEVER else spans

    def _shown_again(self, delete: Call, known: list[tuple[float, float, int]]) -> float:
        """When this delete surely no longer hides the note."""
        version = version_of(delete.request["if_match"])
        after = over_at(delete) if is_answered(delete) else NEVER
        return min((end for start, end, seen in known if start >= after or seen > version), default=NEVER)

    @property
    def _deletes(self) -> list[Call]:
        """Those that may have taken effect, by their starts."""
        found = [
            call
            for call in self.calls
            if call.operation == "delete" and (call.status == 204 or not is_answered(call))
        ]
        return sorted(found, key=lambda call: call.started)

    def steps(self) -> list[Step]:
        """The calls as steps of a register."""
        found = [
            Step(one.call.number, one.call.started, over_at(one.call), Act.SHOWN, one.version)
            for one in self.shown
            if one.call.operation not in {"create", "replace", "restore"} or one.call.status == 412
        ]
        for call in self.creates:
            found += self._step_of_create(call)
        for call in self.calls:
            found += self._step(call)
        return found

    def _step_of_create(self, call: Call) -> list[Step]:
        if not is_answered(call):
            return [Step(call.number, call.started, NEVER, Act.CREATE)]
        if call.status == 201:
            return [Step(call.number, call.started, over_at(call), Act.CREATE, call.response["version"])]
        return [Step(call.number, call.started, over_at(call), Act.HIDDEN)] if call.status == 409 else []

    def _step(self, call: Call) -> list[Step]:
        version = version_of(call.request.get("if_match", ""))
        if not is_answered(call):
            if call.operation == "read" or (call.operation == "replace" and not self.may_have_written(call)):
                return []
            return [Step(call.number, call.started, NEVER, _ACTS[call.operation], version)]
        act: Act | None = None
        match call.operation, call.status:
            case "restore", 404:
                act = Act.ABSENT
            case _, 404:
                act = Act.HIDDEN
            # It was not that version, and was by the time its content was looked up.
            case (("replace" | "delete"), 412) if call.response["current"]["version"] == version:
                act = Act.HIDDEN
            case ("replace", 200) | ("delete", 204):
                act = _ACTS[call.operation]
            case "restore", 200:
                act, version = Act.RESTORE, call.response["version"]
        return [Step(call.number, call.started, over_at(call), act, version)] if act else []

    def may_have_written(self, call: Call) -> bool:
        """Whether a replace without an answer can be what made the next version."""
        shown = self.contents.get(version_of(call.request["if_match"]) + 1)
        return not shown or digest(call.request["content"]) in shown

    def overwritten_from(self, version: int) -> float:
        """From when on this may no longer be the version."""
        starts = (
            call.started
            for call in self.calls
            if call.operation == "replace"
            and version_of(call.request["if_match"]) == version
            and (call.status == 200 or (not is_answered(call) and self.may_have_written(call)))
        )
        return min(starts, default=NEVER)


def scoped(user: str | None, key: str) -> str:
    """A key of a user's, as it is known here: others may use the same."""
    return key if user is None else f"{user} {key}"


class Evidence:
    """The history, looked through once."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.began = min((call.started for call in history.calls), default=0.0)
        self.calls = {call.number: call for call in history.calls}
        self.texts: dict[str, str] = {}
        self.creates: dict[str, list[Call]] = defaultdict(list)
        self.notes: dict[str, Note] = {}
        self.walks: dict[str, list[Call]] = defaultdict(list)
        self.uploads: dict[str, list[Call]] = defaultdict(list)
        self.fetches: dict[str, list[Call]] = defaultdict(list)
        # Users by the ids that the answers to their sign-ins tell.
        self.users: dict[str, str] = {}
        for call in history.calls:
            self._sort(call)
        self._give_creates_to_notes()

    def _sort(self, call: Call) -> None:
        if "content" in call.request:
            self.texts.setdefault(digest(call.request["content"]), call.request["content"])
        match call.operation:
            case "create":
                self.creates[scoped(call.user, call.key)].append(call)
            case "list" | "search":
                self.walks[scoped(call.user, call.key)].append(call)
            case "upload":
                self.uploads[call.response["id"] if call.status in {200, 201} else call.key].append(call)
            case "fetch":
                self.fetches[call.key].append(call)
            case "read" | "replace" | "delete" | "restore":
                self._note(call.key).calls.append(call)
            case "sign-in" if call.status == 201:
                self.users[call.response["user"]["id"]] = str(call.user)
        if is_answered(call) and isinstance(call.response, dict) and call.operation in _OF_NOTES:
            self._sort_answer(call)

    def _sort_answer(self, call: Call) -> None:
        note = call.response.get("current", call.response)
        if "content" in note:
            shown = Shown(call, note["version"], note["content"], note["created_at"])
            self._note(note["id"]).shown.append(shown)
        for id_, version, content, created_at in call.response.get("items", ()):
            self._note(id_).shown.append(Shown(call, version, content, created_at))

    def _give_creates_to_notes(self) -> None:
        """A create belongs to the note that answered its key, that says its key, or has its text."""
        key_of: dict[str, str] = {}
        for id_, note in self.notes.items():
            for content in note.contents.get(1, ()):
                for key in self.keys_of_text.get(content, ()):
                    key_of[id_] = key
        for stored in self.history.notes:
            if (stored_key := self.key_of(stored)) is not None:
                key_of[stored.id] = stored_key
        for key, calls in self.creates.items():
            for call in calls:
                if call.status == 201:
                    key_of[call.response["id"]] = key
        for id_, key in key_of.items():
            self._note(id_).creates = self.creates.get(key, [])

    def key_of(self, stored: StoredNote) -> str | None:
        """The key that a note in MongoDB was made with, as it is known here."""
        if stored.idempotency_key is None:
            return None
        user = None if stored.owner is None else self.users.get(stored.owner, stored.owner)
        return scoped(user, stored.idempotency_key)

    @functools.cached_property
    def contradictions(self) -> list[tuple[Note, Contradiction]]:
        """For each note the first answer, or final state, that no order of the calls to it explains."""
        final = {note.id: note for note in self.history.notes}
        ends = (max(call.started, over_at(call)) for call in self.history.calls if over_at(call) < NEVER)
        over = max(ends, default=0.0) + 1
        found = []
        for note in self.notes.values():
            if not note.creates:
                continue  # Nobody made it: that is what is wrong with it.
            steps = note.steps()
            if (stored := final.get(note.id)) is not None:
                act = Act.TRASHED if stored.is_deleted else Act.SHOWN
                steps.append(Step(0, over, over, act, stored.version))
            if (wrong := contradiction(steps)) is not None:
                found.append((note, wrong))
        return found

    @functools.cached_property
    def keys_of_text(self) -> dict[str, set[str]]:
        """The keys that creates with each text had."""
        found: dict[str, set[str]] = defaultdict(set)
        for key, calls in self.creates.items():
            for call in calls:
                found[digest(call.request["content"])].add(key)
        return found

    def _note(self, id_: str) -> Note:
        return self.notes.setdefault(id_, Note(id_))

    def describe(self, *numbers: int) -> str:
        """Calls in words."""
        return "; ".join(self._describe(number) for number in numbers)

    def _describe(self, number: int) -> str:
        call = self.calls.get(number)
        if call is None:
            return "the final state of MongoDB"
        times = f"{self.at(call.started)}-{self.at(over_at(call))}"
        where = f" for {call.proof or call.user}" if call.user else ""
        where += f" on {call.replica}" if call.replica else ""
        answer = f"{call.status}" if call.status is not None else f"no answer ({call.error})"
        match = f" If-Match {call.request['if_match']}" if "if_match" in call.request else ""
        shown = ""
        if isinstance(call.response, dict):
            note = call.response.get("current", call.response)
            if "version" in note:
                shown = f", version {note['version']} “{self.text(note['content'])}”"
        return f"call {number} ({call.operation}{match} by {call.worker}{where}, {times}: {answer}{shown})"

    def at(self, time: float) -> str:
        """A time, counted from the beginning of the run."""
        return f"{time - self.began:.3f} s" if time < NEVER else "never"

    def text(self, content: str) -> str:
        """The beginning of the text that a digest stands for."""
        text = self.texts.get(content)
        return f"unknown text {content}" if text is None else text[:40].strip()


def references(text: str) -> set[str]:
    """The ids of the pictures that a text names."""
    return set(_REFERENCE.findall(text))
