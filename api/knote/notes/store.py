"""Notes in MongoDB: one document a note, each operation one command unless it fails."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from knote.errors import NotesUnavailable
from knote.mongo import (
    ASCENDING,
    DESCENDING,
    Collection,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    ReturnDocument,
    database_errors,
)
from knote.notes.search import Query
from knote.pages import Keyset

_NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]
# The terms serve the index alone: they are larger than the text they come from.
_READ = {"terms": False}
_REPLAY_PAUSES_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

INDEXES = [
    IndexModel([("is_deleted", ASCENDING), *_NEWEST_FIRST], name="newest"),
    IndexModel([("is_deleted", ASCENDING), ("terms", ASCENDING), *_NEWEST_FIRST], name="search"),
    IndexModel([("pictures.id", ASCENDING)], name="pictures"),
    IndexModel(
        [("idempotency.key", ASCENDING)],
        name="idempotency",
        unique=True,
        partialFilterExpression={"idempotency.key": {"$exists": True}},
    ),
]


class NoteStore:
    """The `notes` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._notes: Collection = database["notes"]

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._notes.create_indexes(INDEXES)

    async def insert(self, document: Document) -> Document:
        """Stores a new note, or finds the one that was made with the same idempotency key.

        The one found was committed by a majority: it may be told as acknowledged.
        """
        with database_errors():
            for pause_seconds in _REPLAY_PAUSES_SECONDS:
                try:
                    await self._notes.insert_one(document)
                except DuplicateKeyError:
                    key = document["idempotency"]["key"]
                    if found := await self._notes.find_one({"idempotency.key": key}, _READ):
                        return found
                    # Another replica is writing it this moment and no majority has it yet.
                    await asyncio.sleep(pause_seconds)
                else:
                    return document
        raise NotesUnavailable(
            "The same note is just being written by another request. Try again in a moment."
        )

    async def find(self, note_id: str) -> Document | None:
        """The note, unless it is deleted or never was."""
        with database_errors():
            return await self._notes.find_one({"_id": note_id, "is_deleted": False}, _READ)

    async def page(self, query: Query | None, after: Keyset | None, count: int) -> list[Document]:
        """At most `count` notes, newest first, that follow `after` and answer `query`."""
        with database_errors():
            found = self._notes.find(page_filter(query, after), _READ)
            return await found.sort(_NEWEST_FIRST).limit(count).to_list(count)

    async def replace(self, note_id: str, versions: list[int] | None, fields: Document) -> Document | None:
        """Sets `fields` and counts the version up, if the note's version is one of `versions`.

        `versions` of None means whichever it is. Returns the note after, or None if none matched.
        """
        with database_errors():
            return await self._notes.find_one_and_update(
                _current(note_id, versions),
                {"$set": fields, "$inc": {"version": 1}},
                projection=_READ,
                return_document=ReturnDocument.AFTER,
            )

    async def delete(self, note_id: str, versions: list[int] | None, at: datetime) -> bool:
        """Puts the note into the trash, if its version is one of `versions`. Returns whether."""
        with database_errors():
            result = await self._notes.update_one(
                _current(note_id, versions), {"$set": {"is_deleted": True, "deleted_at": at}}
            )
        return result.matched_count == 1

    async def restore(self, note_id: str) -> Document | None:
        """Takes the note out of the trash. None if it never was or has been swept."""
        with database_errors():
            return await self._notes.find_one_and_update(
                {"_id": note_id},
                {"$set": {"is_deleted": False, "deleted_at": None}},
                projection=_READ,
                return_document=ReturnDocument.AFTER,
            )

    async def purge(self, deleted_before: datetime, *, dry_run: bool) -> int:
        """Removes for good what was deleted before that time. Returns how many notes."""
        condition = {"is_deleted": True, "deleted_at": {"$lt": deleted_before}}
        with database_errors():
            if dry_run:
                return await self._notes.count_documents(condition)
            return (await self._notes.delete_many(condition)).deleted_count

    async def references(self, picture_ids: list[str]) -> set[str]:
        """Which of the pictures are named by a note, deleted but not yet swept ones included."""
        condition = {"pictures.id": {"$in": picture_ids}}
        with database_errors():
            named = await self._notes.find(condition, {"pictures.id": True}).to_list(None)
        return {picture["id"] for note in named for picture in note["pictures"]} & {*picture_ids}

    async def count(self) -> int:
        """About how many notes there are, deleted ones included."""
        with database_errors():
            return await self._notes.estimated_document_count()

    async def naming_pictures(self) -> AsyncIterator[Document]:
        """The `version` and `pictures` of each note that names any, deleted ones included."""
        condition = {"pictures.id": {"$exists": True}}
        with database_errors():
            async for note in self._notes.find(condition, {"version": True, "pictures": True}):
                yield note

    async def set_pictures(self, note: Document, sizes: dict[str, tuple[int, int]]) -> None:
        """Lists the sizes of a note's pictures anew, unless it was written meanwhile."""
        pictures = sized_pictures([picture["id"] for picture in note["pictures"]], sizes)
        condition = {"_id": note["_id"], "version": note["version"]}
        with database_errors():
            await self._notes.update_one(condition, {"$set": {"pictures": pictures}})


def sized_pictures(picture_ids: list[str], sizes: dict[str, tuple[int, int]]) -> list[Document]:
    """What a note keeps of the pictures it names; one without a size is not there to be shown."""
    return [
        {"id": id_, "width": width, "height": height}
        for id_ in picture_ids
        for width, height in [sizes.get(id_, (None, None))]
    ]


def page_filter(query: Query | None, after: Keyset | None) -> Document:
    """The condition of a list, in the shape that its indexes serve."""
    condition: dict[str, Any] = {"is_deleted": False}
    if after is not None:
        condition["created_at"] = {"$lte": after.created_at}
        condition["$or"] = [{"created_at": {"$lt": after.created_at}}, {"_id": {"$lt": after.id}}]
    if query is not None:
        condition["$and"] = [
            *({"terms": word} for word in sorted(query.whole)),
            *({"terms": {"$elemMatch": _starting_with(word)}} for word in sorted(query.starts)),
        ]
    return condition


def _starting_with(word: str) -> Document:
    """The range of terms that start with `word`: unlike a pattern, it always bounds an index scan."""
    return {"$gte": word, "$lt": word + chr(0x10FFFF)}


def _current(note_id: str, versions: list[int] | None) -> Document:
    condition: dict[str, Any] = {"_id": note_id, "is_deleted": False}
    if versions is not None:
        condition["version"] = {"$in": versions}
    return condition
