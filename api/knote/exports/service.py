"""What an export holds: each note as a Markdown file, each picture, and all that is known in notes.json."""

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any, NamedTuple

from knote.audit import audit
from knote.clock import Clock
from knote.errors import NotFound, SignInRequired
from knote.exports.archive import Archive
from knote.exports.names import note_path, picture_path
from knote.mongo import Document
from knote.notes.store import NoteStore
from knote.pages import Keyset
from knote.pictures.references import with_paths
from knote.pictures.store import ObjectName, PictureStore
from knote.s3 import ObjectMissing
from knote.users.store import UserStore, is_active

logger = logging.getLogger(__name__)

_BATCH = 50


class Export(NamedTuple):
    """An export that has begun: a name for its file, and its bytes."""

    file_name: str
    chunks: AsyncGenerator[bytes, None]


class ExportService:
    """All that an account has, as a ZIP archive whose size costs no memory.

    Methods, and the bytes they give, raise `NotesUnavailable` and `PicturesUnavailable` while a store is
    away.
    """

    def __init__(self, users: UserStore, notes: NoteStore, pictures: PictureStore, *, clock: Clock) -> None:
        self._users = users
        self._notes = notes
        self._pictures = pictures
        self._clock = clock

    async def begin(self, user_id: str, *, by: str, address: str | None, while_active: bool = True) -> Export:
        """Begins an export. Raises `NotFound`; with `while_active` it is cut off when the account is."""
        user = await self._users.find(user_id)
        if user is None:
            raise NotFound("There is no such account.")
        now = self._clock()
        chunks = self._chunks(user, now, while_active=while_active)
        first = await anext(chunks)  # so that a store that is away is still told as that
        audit("account_exported", user=user_id, by=by, address=address)
        return Export(f"knote-{now.date().isoformat()}.zip", _preceded(first, chunks))

    async def _chunks(
        self, user: Document, now: datetime, *, while_active: bool
    ) -> AsyncGenerator[bytes, None]:
        archive = Archive()
        missing: list[str] = []
        async for batch in self._picture_batches(user, while_active=while_active):
            for row in batch:
                try:
                    chunks = await self._pictures.get_object(ObjectName(row["_id"], row["upload"], None))
                except ObjectMissing:
                    logger.error("an object is missing; run fsck", extra={"picture": row["_id"]})  # noqa: TRY400
                    missing.append(row["_id"])
                    continue
                path = picture_path(row["_id"], row["content_type"])
                adding = archive.add_bytes(path, row["created_at"], row["size_bytes"], chunks)
                async with aclosing(adding) as parts:
                    async for part in parts:
                        yield part
        async for batch in self._note_batches(user, while_active=while_active):
            paths = await self._paths(user["_id"], batch)
            for note in batch:
                text = with_paths(note["content"], {id_: f"../{path}" for id_, path in paths.items()})
                yield archive.add_text(note_path(note), note["updated_at"], text)
        adding = archive.add_texts("notes.json", now, self._json(user, now, missing))
        async with aclosing(adding) as parts:
            async for part in parts:
                yield part
        yield archive.end()

    async def _json(self, user: Document, now: datetime, missing: list[str]) -> AsyncIterator[str]:
        """Everything, to the letter: one line for each note and each picture."""
        account = {"id": user["_id"], "name": user["name"], "created_at": user["created_at"]}
        yield f'{{"account": {_dump(account)},\n"exported_at": {_dump(now)},\n'
        yield f'"missing_pictures": {_dump(missing)},\n"pictures": ['
        separator = "\n"
        async for batch in self._picture_batches(user, while_active=False):
            for row in batch:
                yield separator + _dump(_picture(row))
                separator = ",\n"
        yield '],\n"notes": ['
        separator = "\n"
        async for batch in self._note_batches(user, while_active=False):
            paths = await self._paths(user["_id"], batch)
            for note in batch:
                yield separator + _dump(_note(note, paths))
                separator = ",\n"
        yield "]}\n"

    async def _picture_batches(self, user: Document, *, while_active: bool) -> AsyncIterator[list[Document]]:
        after = ""
        while batch := await self._pictures.page(user["_id"], after, _BATCH):
            await self._check(user["_id"], while_active=while_active)
            yield batch
            after = batch[-1]["_id"]

    async def _note_batches(self, user: Document, *, while_active: bool) -> AsyncIterator[list[Document]]:
        for is_deleted in (False, True):
            after = None
            while batch := await self._notes.page(user["_id"], None, after, _BATCH, is_deleted=is_deleted):
                await self._check(user["_id"], while_active=while_active)
                yield batch
                after = Keyset(batch[-1]["created_at"], batch[-1]["_id"])

    async def _check(self, user_id: str, *, while_active: bool) -> None:
        """An export may take long: who is disabled meanwhile gets no more of it."""
        if while_active:
            user = await self._users.find(user_id)
            if user is None or not is_active(user):
                raise SignInRequired

    async def _paths(self, owner: str, notes: list[Document]) -> dict[str, str]:
        """Where the pictures that the notes name are in the archive."""
        ids = sorted({picture["id"] for note in notes for picture in note["pictures"]})
        types = await self._pictures.content_types(owner, ids) if ids else {}
        return {id_: picture_path(id_, content_type) for id_, content_type in types.items()}


async def _preceded(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for part in rest:
            yield part


def _note(note: Document, paths: dict[str, str]) -> dict[str, Any]:
    names = ("content", "version", "created_at", "updated_at", "deleted_at")
    return {
        "id": note["_id"],
        "file": note_path(note),
        **{name: note[name] for name in names},
        "pictures": [{**each, "file": paths.get(each["id"])} for each in note["pictures"]],
    }


def _picture(row: Document) -> dict[str, Any]:
    names = ("content_type", "size_bytes", "width", "height", "created_at")
    file = picture_path(row["_id"], row["content_type"])
    return {"id": row["_id"], "file": file, **{name: row[name] for name in names}}


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_in_words)


def _in_words(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
