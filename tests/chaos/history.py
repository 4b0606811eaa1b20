"""What happened, as it was written down: the only thing the checker goes by. JSON, one record a line.

All times are seconds on one monotonic clock.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, TypeVar


@dataclasses.dataclass(frozen=True)
class Setup:
    """What was run, and what the run was promised. The first record."""

    kind: ClassVar[str] = "setup"

    seed: int
    minutes: float
    workers: int
    replicas: int
    members: int
    s3: str
    picture_grace_seconds: float
    # How long after the end of a fault it may still be felt.
    settling_seconds: float = 10
    # One notebook for whoever reaches it, or one for each account: `open` or `accounts`.
    auth: str = "open"


@dataclasses.dataclass(frozen=True)
class Call:
    """One request and its answer.

    `operation` is create, read, list, search, replace, delete, restore, upload or fetch; with accounts
    also sign-in, sign-out, sign-out-everywhere, revoke, change-password, make-token, revoke-token, account
    (one's own), sessions (the list of them), or trespass, which is any of the first on what is another's.
    `key` says what belongs together: the idempotency key of a create, the id of the note or picture, the
    SHA-256 of an upload, one walk through the pages of a list, a user. `request` holds:

    - create: `content`; replace: `content`, `if_match`; delete: `if_match`;
    - list, search: `page` (0, 1, ...), `limit`, and `q` for search;
    - upload: `sha256`, `size_bytes`, `pixels_sha256`; fetch: `width` (or null);
    - sign-in: `password`, and `gives`, what the session is called that it begins;
    - make-token: `gives`, what the token is called;
    - sign-out, revoke, revoke-token: `ends`, the session or token that it ends;
    - change-password: `password`, `new_password`, `gives`. Passwords are numbers: a user's first is 0, and
      none comes a second time;
    - trespass: `method`, `path`, and `of`, whose it is.

    `response` is the JSON of the answer, condensed, or of a picture `sha256`, `size_bytes` and, when
    the reader looked, `pixels_sha256`. `replica` is the API process that answered; None when nginx
    did, or nobody. `user` is who asked, and `proof` the session or token that said so; None in an open
    notebook, and of who is not signed in.
    """

    kind: ClassVar[str] = "call"

    number: int
    worker: int
    operation: str
    key: str
    attempt: int
    started: float
    # When the last byte of the answer was there; None when that never was.
    ended: float | None
    replica: str | None
    request: dict[str, Any]
    status: int | None
    response: Any
    headers: dict[str, str]
    error: str | None
    # When the client knew that no answer would come.
    lost: float | None = None
    user: str | None = None
    proof: str | None = None


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault, by the name of its kind. `settled` is when, after its end, all was whole again."""

    kind: ClassVar[str] = "fault"

    name: str
    started: float
    ended: float
    settled: float | None
    target: str = ""


@dataclasses.dataclass(frozen=True)
class Chore:
    """One run of `sweep` or `fsck`: its arguments, exit status and the JSON it printed (None: none).

    `phase` is `during`, or after the workload has ended: `found` for the fsck that looks at what the
    run has left, `swept` for the sweep after it, `clean` for the fsck after that.
    """

    kind: ClassVar[str] = "chore"

    command: str
    phase: str
    started: float
    ended: float
    status: int
    report: dict[str, Any] | None


@dataclasses.dataclass(frozen=True)
class Process:
    """What one process held at one time."""

    kind: ClassVar[str] = "process"

    name: str
    pid: int
    at: float
    memory_bytes: int
    file_descriptors: int
    connections: int
    threads: int


@dataclasses.dataclass(frozen=True)
class StoredNote:
    """A note as MongoDB holds it at the end. `owner` is the id of a user, or None."""

    kind: ClassVar[str] = "stored_note"

    id: str
    version: int
    content: str
    is_deleted: bool
    idempotency_key: str | None
    pictures: list[str]
    owner: str | None = None


@dataclasses.dataclass(frozen=True)
class StoredPicture:
    """A picture's row as MongoDB holds it at the end.

    `folder` is where its upload stores; `objects` maps keys to promised sizes. `phase` is `found` before
    the last sweep, or `end`.
    """

    kind: ClassVar[str] = "stored_picture"

    id: str
    state: str
    sha256: str | None
    folder: str
    objects: dict[str, int]
    phase: str = "end"
    owner: str | None = None


@dataclasses.dataclass(frozen=True)
class StoredObject:
    """An object as the bucket holds it, in the same two phases; `sha256` at the end only."""

    kind: ClassVar[str] = "stored_object"

    key: str
    size_bytes: int
    sha256: str
    phase: str = "end"


Record = Setup | Call | Fault | Chore | Process | StoredNote | StoredPicture | StoredObject
_KINDS: dict[str, type[Record]] = {
    one.kind: one for one in (Setup, Call, Fault, Chore, Process, StoredNote, StoredPicture, StoredObject)
}
R = TypeVar("R", bound=Record)


def digest(content: str) -> str:
    """What stands for a text in the history."""
    return hashlib.sha256(content.encode()).hexdigest()[:20]


def condensed(response: Any) -> Any:
    """The JSON of an answer with texts as their digests, and without what nobody asks for later.

    A note keeps `id`, `version`, `content` (its digest), `created_at` and `pictures` (ids). A page
    keeps `next` and `items`, each as id, version, digest and time of creation, or of a session as id and
    whether it is the one that asks. A problem keeps its `type`, and `current`. A token is not kept.
    """
    if not isinstance(response, dict):
        return response
    if "items" in response:
        return {"items": [_item(one) for one in response["items"]], "next": response["next"]}
    if "content" in response:
        kept = {name: response[name] for name in ("id", "version", "created_at")}
        pictures = [picture["id"] for picture in response["pictures"]]
        return {**kept, "content": digest(response["content"]), "pictures": pictures}
    if str(response.get("type", "")).startswith("urn:"):
        current = {"current": condensed(response["current"])} if "current" in response else {}
        return {"type": response["type"], **current}
    return {name: value for name, value in response.items() if name != "token"}


def _item(item: dict[str, Any]) -> list[Any]:
    if "is_current" in item:
        return [item["id"], item["is_current"]]
    return [item["id"], item["version"], digest(item["content"]), item["created_at"]]


def write_history(path: Path, records: Iterable[Record]) -> None:
    """Writes the records into a new file. Calls hold their responses condensed."""
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            line = {"kind": record.kind, **vars(record)}
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


@dataclasses.dataclass
class History:
    """All records of a run, each kind in the order it was written in."""

    setup: Setup
    calls: list[Call] = dataclasses.field(default_factory=list)
    faults: list[Fault] = dataclasses.field(default_factory=list)
    chores: list[Chore] = dataclasses.field(default_factory=list)
    processes: list[Process] = dataclasses.field(default_factory=list)
    notes: list[StoredNote] = dataclasses.field(default_factory=list)
    pictures: list[StoredPicture] = dataclasses.field(default_factory=list)
    objects: list[StoredObject] = dataclasses.field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether the final state is in it."""
        return any(chore.phase == "clean" for chore in self.chores)

    @classmethod
    def of(cls, records: Iterable[Record]) -> "History":
        """The records in their places."""
        all_ = list(records)

        def those(kind: type[R]) -> list[R]:
            return [record for record in all_ if isinstance(record, kind)]

        (setup,) = those(Setup)
        return cls(
            setup,
            calls=those(Call),
            faults=those(Fault),
            chores=those(Chore),
            processes=those(Process),
            notes=those(StoredNote),
            pictures=those(StoredPicture),
            objects=those(StoredObject),
        )


def read_history(path: Path) -> History:
    """The history in a file."""
    with path.open(encoding="utf-8") as file:
        return History.of(_record(json.loads(line)) for line in file)


def _record(line: dict[str, Any]) -> Record:
    kind = _KINDS[line.pop("kind")]
    return kind(**line)
