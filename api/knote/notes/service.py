"""What may be done with notes, and what that means."""

import hashlib
import re
from typing import Any, NamedTuple

from pydantic_core import to_json

from knote.asker import Owner, owner_field
from knote.clock import Clock, IdSource
from knote.coalescing import Coalesced
from knote.errors import (
    Conflict,
    ContentTooLarge,
    IdempotencyKeyReused,
    Invalid,
    NotFound,
    PreconditionFailed,
)
from knote.mongo import Document
from knote.notes.schemas import Note
from knote.notes.search import index_terms, parse_query
from knote.notes.store import NoteStore, sized_pictures
from knote.pages import Keyset, decode_cursor, encode_cursor
from knote.pictures.references import picture_ids, picture_url, without_references
from knote.pictures.store import PictureStore
from knote.preconditions import EntityTags

_NOTE_ID = re.compile(r"[a-z2-7]{24}")
_VERSION_TAG = re.compile(r'"([1-9][0-9]{0,17})"')


class EncodedPage(NamedTuple):
    """A page as JSON, and the strong entity tag of these bytes."""

    body: bytes
    etag: str


class NoteService:
    """The notes of each owner. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(
        self,
        notes: NoteStore,
        pictures: PictureStore,
        *,
        max_note_bytes: int,
        clock: Clock,
        new_id: IdSource,
    ) -> None:
        self._notes = notes
        self._pictures = pictures
        self._max_note_bytes = max_note_bytes
        self._clock = clock
        self._new_id = new_id
        self._encoded_page = Coalesced(self._encode_page)

    async def create(self, owner: Owner, content: str, idempotency_key: str | None) -> Note:
        """Writes a new note, or answers the one that the same key and content made before.

        Raises `Invalid`, `ContentTooLarge`, `IdempotencyKeyReused`, and `Conflict` if the key's
        note has been deleted since.
        """
        fields = await self._written(owner, content)
        now = self._clock()
        document = {
            "_id": self._new_id(),
            **owner_field(owner),
            "version": 1,
            "created_at": now,
            "updated_at": now,
            "is_deleted": False,
            "deleted_at": None,
            **fields,
        }
        if idempotency_key is not None:
            document["idempotency"] = {"key": _key(owner, idempotency_key), "content": _digest(content)}
        stored = await self._notes.insert(owner, document)
        if stored is not document:
            _check_replay(stored, content)
        return _note(stored)

    async def read(self, owner: Owner, note_id: str) -> Note:
        """The note as it is now. Raises `NotFound`."""
        document = await self._notes.find(owner, note_id) if _NOTE_ID.fullmatch(note_id) else None
        if document is None:
            raise _not_found()
        return _note(document)

    async def page(self, owner: Owner, limit: int, cursor: str | None, search: str | None) -> dict[str, Any]:
        """The fields of a `Page[Note]`, newest first. Raises `Invalid` for a cursor of another list."""
        search = (search or "").strip()
        scope = f"notes?q={search}" if owner is None else f"notes of {owner}?q={search}"
        after = decode_cursor(cursor, scope=scope) if cursor is not None else None
        query = parse_query(search) if search else None
        if query is not None and not (query.whole or query.starts):
            return {"items": [], "next": None}
        found = await self._notes.page(owner, query, after, limit + 1)
        items = [_fields(document) for document in found[:limit]]
        if len(found) <= limit:
            return {"items": items, "next": None}
        last = Keyset(items[-1]["created_at"], items[-1]["id"])
        return {"items": items, "next": encode_cursor(last, scope=scope)}

    async def encoded_page(
        self, owner: Owner, limit: int, cursor: str | None, search: str | None
    ) -> EncodedPage:
        """The same page as the bytes of an answer. Raises `Invalid` as `page` does.

        Those who open a notebook in the same moment share it.
        """
        return await self._encoded_page(owner, limit, cursor, search)

    async def _encode_page(
        self, owner: Owner, limit: int, cursor: str | None, search: str | None
    ) -> EncodedPage:
        # What the store holds was checked when it was written, and is not checked again.
        body = to_json(await self.page(owner, limit, cursor, search))
        return EncodedPage(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    async def replace(self, owner: Owner, note_id: str, content: str, if_match: EntityTags) -> Note:
        """Writes a new version if the current one is the one named.

        Raises `NotFound`, `PreconditionFailed`, `Invalid`, `ContentTooLarge`.
        """
        fields = await self._written(owner, content)
        if _NOTE_ID.fullmatch(note_id):
            fields["updated_at"] = self._clock()
            document = await self._notes.replace(owner, note_id, _versions(if_match), fields)
            if document is not None:
                return _note(document)
        raise await self._refusal(owner, note_id)

    async def delete(self, owner: Owner, note_id: str, if_match: EntityTags) -> None:
        """Puts the note into the trash if its version is the one named.

        Raises `NotFound`, `PreconditionFailed`.
        """
        if _NOTE_ID.fullmatch(note_id) and await self._notes.delete(
            owner, note_id, _versions(if_match), self._clock()
        ):
            return
        raise await self._refusal(owner, note_id)

    async def restore(self, owner: Owner, note_id: str) -> Note:
        """The note as it was, out of the trash; no change to one that is not in it.

        Raises `NotFound` when it never was or has been swept.
        """
        document = await self._notes.restore(owner, note_id) if _NOTE_ID.fullmatch(note_id) else None
        if document is None:
            raise _not_found()
        return _note(document)

    async def _written(self, owner: Owner, content: str) -> Document:
        """The fields that follow from a note's content."""
        size_bytes = len(content.encode())
        if size_bytes > self._max_note_bytes:
            raise ContentTooLarge(
                f"This note has {size_bytes:,} bytes; at most {self._max_note_bytes:,} are kept. "
                "Shorten it, or split it into several notes.",
                extra={"size_bytes": size_bytes, "max_bytes": self._max_note_bytes},
            )
        if not content.strip():
            raise Invalid("This note is blank. Write something first.", location=("body", "content"))
        ids = picture_ids(content)
        sizes = await self._pictures.claim(owner, ids) if ids else {}
        return {
            "content": content,
            "terms": index_terms(without_references(content)),
            "pictures": sized_pictures(ids, sizes),
        }

    async def _refusal(self, owner: Owner, note_id: str) -> NotFound | PreconditionFailed:
        """Why a conditional write matched nothing."""
        try:
            current = await self.read(owner, note_id)
        except NotFound as error:
            return error
        return PreconditionFailed(
            "This note was changed since you read it. `current` is what it says now: "
            "bring both together and send the new ETag.",
            extra={"current": current.model_dump(mode="json")},
            headers={"ETag": current.etag},
        )


def _check_replay(stored: Document, content: str) -> None:
    """Raises when a note found by its key does not answer a repeated request."""
    if stored["idempotency"]["content"] != _digest(content):
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used for a note with another content. Use a new key.",
            location=("header", "Idempotency-Key"),
        )
    if stored["is_deleted"]:
        raise Conflict(
            "The note that was made with this Idempotency-Key has been deleted since. "
            "Use a new key to write it anew."
        )


def _note(document: Document) -> Note:
    return Note.model_validate(_fields(document))


def _fields(document: Document) -> dict[str, Any]:
    return {
        "id": document["_id"],
        "content": document["content"],
        "version": document["version"],
        "created_at": document["created_at"],
        "updated_at": document["updated_at"],
        "pictures": [
            {
                "id": picture["id"],
                "url": picture_url(picture["id"]),
                "width": picture["width"],
                "height": picture["height"],
            }
            for picture in document["pictures"]
            if picture["width"] is not None
        ],
    }


def _versions(tags: EntityTags) -> list[int] | None:
    """The versions that the tags name; None for any."""
    if tags.is_any:
        return None
    return sorted(int(found[1]) for tag in tags.tags if (found := _VERSION_TAG.fullmatch(tag)))


def _key(owner: Owner, idempotency_key: str) -> str:
    """The key as it is kept. A client's own holds no space, so that no two owners' can be the same."""
    return idempotency_key if owner is None else f"{owner} {idempotency_key}"


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _not_found() -> NotFound:
    return NotFound("There is no such note. It may have been deleted.")
