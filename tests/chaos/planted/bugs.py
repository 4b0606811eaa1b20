"""What can be broken: each function breaks one thing of Knote in the process that calls it."""

import asyncio
import contextlib
import functools
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

from knote import middleware, mongo
from knote.asker import Asker, Owner
from knote.coalescing import Coalesced
from knote.errors import NotesUnavailable, StoreUnavailable
from knote.fsck import Fsck
from knote.mongo import Document
from knote.notes import store as notes
from knote.notes.service import NoteService, _fields
from knote.notes.store import NoteStore
from knote.pictures import store as pictures
from knote.pictures.store import PREFIX, ObjectName, PictureStore
from knote.primary import ConfirmedPrimary
from knote.s3 import StoredObject
from knote.server import Server
from knote.sessions.service import SessionService
from knote.sessions.store import SessionStore
from knote.sweep import Sweep

_LEAKED: list[socket.socket] = []
_MOST_LEAKED = 1000


def no_idempotency_index() -> None:
    """A repeated create is one more note."""
    notes.INDEXES[:] = [index for index in notes.INDEXES if index.document["name"] != "idempotency"]


def unconditional_replace() -> None:
    """A write overwrites whichever version there is."""
    current = notes._current
    notes._current = lambda owner, note_id, versions: current(owner, note_id, versions and None)


def reads_from_secondaries() -> None:
    """Reads go to a secondary, which may be behind."""
    driver: Any = mongo
    driver.ReadPreference = SimpleNamespace(PRIMARY=driver.ReadPreference.SECONDARY)


def primary_at_once() -> None:
    """A primary is used as soon as it is elected."""
    ConfirmedPrimary.__call__ = lambda self, servers: [*servers]  # type: ignore[method-assign] # noqa: ARG005


def shared_too_long() -> None:
    """A page that was read for one is given for a moment to whoever else asks for it."""

    async def begin(self: Coalesced[*tuple[Any, ...], Any], arguments: tuple[Any, ...]) -> Any:
        forget = functools.partial(self._next.pop, arguments, None)
        asyncio.get_running_loop().call_later(0.1, forget)
        return await self._function(*arguments)

    Coalesced._begin = begin  # type: ignore[method-assign]


def majority_off() -> None:
    """A write is acknowledged when the primary has it, and reads show what may be rolled back."""
    driver: Any = mongo
    read_concern = driver.ReadConcern
    driver._ACKNOWLEDGED = driver.WriteConcern(w=1)
    driver.ReadConcern = lambda _: read_concern("local")


def offset_paging() -> None:
    """The next page begins after so many notes, wherever those are by then."""

    async def page(
        self: NoteService, owner: Owner, limit: int, cursor: str | None, search: str | None
    ) -> dict[str, Any]:
        skipped = int(cursor or 0)
        found = await self._notes.page(owner, None, None, skipped + limit + 1)
        following = str(skipped + limit) if len(found) > skipped + limit else None
        return {
            "items": [_fields(document) for document in found[skipped : skipped + limit]],
            "next": following,
        }

    NoteService.page = page  # type: ignore[method-assign]


def early_ack() -> None:
    """An upload is acknowledged before its object is stored."""
    put_object = PictureStore.put_object
    under_way = set()

    async def put_later(self: PictureStore, name: ObjectName, path: Path, content_type: str) -> None:
        kept = Path(tempfile.mkdtemp(), "object")
        shutil.copy(path, kept)

        async def put() -> None:
            with contextlib.suppress(StoreUnavailable):
                await put_object(self, name, kept, content_type)
            shutil.rmtree(kept.parent)

        task = asyncio.create_task(put())
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    PictureStore.put_object = put_later  # type: ignore[method-assign]


def sweep_without_recheck() -> None:
    """A sweep removes what was unused when it looked, whatever has come to use it since."""

    async def remove_unused(self: Sweep) -> None:
        before = self._now - self._picture_grace_time
        condition = {"state": "ready", "unused_since": {"$lte": before}}
        rows = [row async for row in self._pictures.rows(condition)]
        used = await self._notes.references({row["_id"]: row.get("owner") for row in rows})
        # As long as a large notebook takes.
        await asyncio.sleep(1)
        for row in rows:
            if row["_id"] not in used:
                await self._pictures._rows.delete_one({"_id": row["_id"]})
                await self._pictures.remove_objects([ObjectName(row["_id"], row["upload"], None).key])

    Sweep._remove_unused_pictures = remove_unused  # type: ignore[method-assign]


def colliding_keys() -> None:
    """Pictures are stored under names that two of them may have."""
    name: Any = ObjectName
    name.key = property(
        lambda self: f"{PREFIX}{self.picture_id[0] * 64}/{'a' * 24}/{self.variant or 'original'}"
    )


def undeleting_replace() -> None:
    """A write takes a note out of the trash."""
    replace = NoteStore.replace

    async def replace_any(
        self: NoteStore, owner: Owner, note_id: str, versions: list[int] | None, fields: Document
    ) -> Document | None:
        return await replace(
            self, owner, note_id, versions, {**fields, "is_deleted": False, "deleted_at": None}
        )

    notes._current = lambda owner, note_id, versions: {  # noqa: ARG005
        "_id": note_id,
        "version": {"$in": versions},
    }
    NoteStore.replace = replace_any  # type: ignore[method-assign]


def blind_fsck() -> None:
    """Stray objects are fine with fsck."""

    async def check_strays(self: Fsck, objects: list[StoredObject], *, row: Document | None) -> None:
        self._report["objects"] += len(objects)

    Fsck._check_strays = check_strays  # type: ignore[method-assign]


def missing_when_down() -> None:
    """A note that cannot be read is answered as one that is not there."""
    find = NoteStore.find

    async def find_or_not(self: NoteStore, owner: Owner, note_id: str) -> Document | None:
        try:
            return await find(self, owner, note_id)
        except NotesUnavailable:
            return None

    NoteStore.find = find_or_not  # type: ignore[method-assign]


def untold_errors() -> None:
    """What the driver raises is a fault of Knote's own."""
    driver: Any = mongo
    driver._UNAVAILABLE = ()
    driver._PASSING_CODES = frozenset()


def end_at_once() -> None:
    """SIGTERM ends the process, and whatever it was about."""

    def handle_exit(self: Server, sig: int, frame: FrameType | None) -> None:
        os._exit(0)

    Server.handle_exit = handle_exit  # type: ignore[method-assign]


def crash_when_down() -> None:
    """The process ends when MongoDB does not answer."""

    def end(self: NotesUnavailable, detail: str) -> None:
        os._exit(1)

    NotesUnavailable.__init__ = end  # type: ignore[method-assign, assignment]


def leak() -> None:
    """Each request leaves a connection open."""
    call = middleware.RequestContext.__call__
    host, _, port = os.environ["MINIO_HOST"].removeprefix("http://").partition(":")

    async def call_and_leak(self: middleware.RequestContext, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and len(_LEAKED) < _MOST_LEAKED:
            _LEAKED.append(socket.create_connection((host, int(port))))
        await call(self, scope, receive, send)

    middleware.RequestContext.__call__ = call_and_leak  # type: ignore[method-assign]


def forgetful_stores() -> None:
    """The stores forget whose a note or picture is."""
    for store in (notes, pictures):
        vars(store)["owned_by"] = lambda owner: {}  # noqa: ARG005


def remembered_sessions() -> None:
    """A replica goes on with whomever it has seen once."""
    asker = SessionService.asker
    seen: dict[str, Asker] = {}

    async def asker_as_ever(self: SessionService, secret: str) -> Asker | None:
        if secret not in seen and (found := await asker(self, secret)) is not None:
            seen[secret] = found
        return seen.get(secret)

    SessionService.asker = asker_as_ever  # type: ignore[method-assign]


def signed_out_when_down() -> None:
    """A session that cannot be read is taken for one that is over."""
    find = SessionStore.find

    async def find_or_not(self: SessionStore, hashed: str, now: datetime) -> tuple[Document, Document] | None:
        try:
            return await find(self, hashed, now)
        except NotesUnavailable:
            return None

    SessionStore.find = find_or_not  # type: ignore[method-assign]


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        no_idempotency_index,
        unconditional_replace,
        reads_from_secondaries,
        primary_at_once,
        shared_too_long,
        majority_off,
        offset_paging,
        early_ack,
        sweep_without_recheck,
        colliding_keys,
        undeleting_replace,
        blind_fsck,
        missing_when_down,
        untold_errors,
        end_at_once,
        crash_when_down,
        leak,
        forgetful_stores,
        remembered_sessions,
        signed_out_when_down,
    )
}
