"""Notes in MongoDB: one document a note, each operation one command unless it fails."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from knote.asker import Owner, owned_by
from knote.errors import NotesUnavailable
from knote.mongo import (
    ASCENDING,
    DESCENDING,
    BulkWriteError,
    Collection,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    ReturnDocument,
    UpdateOne,
    database_errors,
    drop_superseded,
)
from knote.notes.search import Query
from knote.pages import Keyset

_NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]
# The terms serve the index alone: they are larger than the text they come from.
_READ = {"terms": False}
_BATCH = 500
_DUPLICATE_KEY = 11000  # as the server numbers its errors
_REPLAY_PAUSES_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

INDEXES = [
    IndexModel([("owner", ASCENDING), ("is_deleted", ASCENDING), *_NEWEST_FIRST], name="newest_of_owner"),
    IndexModel(
        [("owner", ASCENDING), ("is_deleted", ASCENDING), ("terms", ASCENDING), *_NEWEST_FIRST],
        name="search_of_owner",
    ),
    IndexModel([("deleted_at", ASCENDING)], name="trash", partialFilterExpression={"is_deleted": True}),
    IndexModel([("pictures.id", ASCENDING)], name="pictures"),
    IndexModel(
        [("idempotency.key", ASCENDING)],
        name="idempotency",
        unique=True,
        partialFilterExpression={"idempotency.key": {"$exists": True}},
    ),
]
# Replicas from before there were owners make and use the first; the second took its place.
SUPERSEDED = {"newest": "newest_of_owner", "search": "search_of_owner"}


class NoteStore:
    """The `notes` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._notes: Collection = database["notes"]

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._notes.create_indexes(INDEXES)

    async def drop_superseded_indexes(self) -> list[str]:
        """Drops indexes whose successors are there. Returns the names of those it dropped."""
        return await drop_superseded(self._notes, SUPERSEDED)

    async def insert(self, owner: Owner, document: Document) -> Document:
        """Stores a new note of the owner, or finds the one they made with the same idempotency key.

        The one found was committed by a majority: it may be told as acknowledged.
        """
        with database_errors():
            for pause_seconds in _REPLAY_PAUSES_SECONDS:
                try:
                    await self._notes.insert_one(document)
                except DuplicateKeyError:
                    # By the key alone, so that its index is the one that serves.
                    key = document["idempotency"]["key"]
                    found = await self._notes.find_one({"idempotency.key": key}, _READ)
                    if found is not None and found.get("owner") == owner:
                        return found
                    # Another replica is writing it this moment and no majority has it yet.
                    await asyncio.sleep(pause_seconds)
                else:
                    return document
        raise NotesUnavailable(
            "The same note is just being written by another request. Try again in a moment."
        )

    async def find(self, owner: Owner, note_id: str) -> Document | None:
        """The owner's note, unless it is deleted or never was."""
        with database_errors():
            return await self._notes.find_one(_current(owner, note_id, None), _READ)

    async def page(
        self,
        owner: Owner,
        query: Query | None,
        after: Keyset | None,
        count: int,
        *,
        is_deleted: bool = False,
    ) -> list[Document]:
        """At most `count` notes of the owner, newest first, that follow `after` and answer `query`."""
        condition = {**page_filter(owner, query, after), "is_deleted": is_deleted}
        with database_errors():
            found = self._notes.find(condition, _READ)
            return await found.sort(_NEWEST_FIRST).limit(count).to_list(count)

    async def replace(
        self, owner: Owner, note_id: str, versions: list[int] | None, fields: Document
    ) -> Document | None:
        """Sets `fields` and counts the version up, if the note's version is one of `versions`.

        `versions` of None means whichever it is. Returns the note after, or None if none matched.
        """
        with database_errors():
            return await self._notes.find_one_and_update(
                _current(owner, note_id, versions),
                {"$set": fields, "$inc": {"version": 1}},
                projection=_READ,
                return_document=ReturnDocument.AFTER,
            )

    async def delete(self, owner: Owner, note_id: str, versions: list[int] | None, at: datetime) -> bool:
        """Puts the note into the trash, if its version is one of `versions`. Returns whether."""
        with database_errors():
            result = await self._notes.update_one(
                _current(owner, note_id, versions), {"$set": {"is_deleted": True, "deleted_at": at}}
            )
        return result.matched_count == 1

    async def restore(self, owner: Owner, note_id: str) -> Document | None:
        """Takes the owner's note out of the trash. None if it never was or has been swept."""
        with database_errors():
            return await self._notes.find_one_and_update(
                {"_id": note_id, **owned_by(owner)},
                {"$set": {"is_deleted": False, "deleted_at": None}},
                projection=_READ,
                return_document=ReturnDocument.AFTER,
            )

    async def purge(self, deleted_before: datetime, *, dry_run: bool) -> int:
        """Removes for good what anybody deleted before that time. Returns how many notes."""
        condition = {"is_deleted": True, "deleted_at": {"$lt": deleted_before}}
        with database_errors():
            if dry_run:
                return await self._notes.count_documents(condition)
            return (await self._notes.delete_many(condition)).deleted_count

    async def remove_all(self, owner: str) -> int:
        """Removes for good all notes of an account. Returns how many."""
        removed = 0
        with database_errors():
            # Part by part: each command has a time in which it must be done.
            while found := await self._ids({"owner": owner}):
                result = await self._notes.delete_many({"_id": {"$in": found}, "owner": owner})
                removed += result.deleted_count
        return removed

    async def _ids(self, condition: Document) -> list[str]:
        found = await self._notes.find(condition, {"_id": True}).limit(_BATCH).to_list(_BATCH)
        return [note["_id"] for note in found]

    async def references(self, owners: Mapping[str, Owner]) -> set[str]:
        """Which pictures are named by a note of their owner, deleted but not yet swept ones included.

        `owners` holds the owner of each picture by its id. What is an account's and what is of the shared
        notebook keep each other: an adoption may be halfway.
        """
        condition = {"pictures.id": {"$in": list(owners)}}
        with database_errors():
            notes = await self._notes.find(condition, {"pictures.id": True, "owner": True}).to_list(None)
        named: dict[str, set[Owner]] = defaultdict(set)
        for note in notes:
            for picture in note["pictures"]:
                named[picture["id"]].add(note.get("owner"))
        return {id_ for id_, owner in owners.items() if _keeps(named[id_], owner)}

    async def shared(self, count: int) -> list[Document]:
        """The ids of at most `count` notes of the shared notebook, and the pictures they name."""
        with database_errors():
            found = self._notes.find(owned_by(None), {"pictures.id": True})
            return await found.limit(count).to_list(count)

    async def adopt(self, note_ids: list[str], owner: str) -> int:
        """Gives those of the notes that are still shared to an account. Returns how many."""
        condition: Document = {"_id": {"$in": note_ids}, **owned_by(None)}
        keyed = {**condition, "idempotency.key": {"$exists": True}}
        keyless = {**condition, "idempotency.key": {"$exists": False}}
        with database_errors():
            adopted = (await self._notes.update_many(keyless, {"$set": {"owner": owner}})).modified_count
            found = await self._notes.find(keyed, {"idempotency.key": True}).to_list(len(note_ids))
            return adopted + await self._adopt_keyed(found, owner)

    async def _adopt_keyed(self, notes: list[Document], owner: str) -> int:
        """Gives notes to an account, with their keys, by which the account's requests find them again."""
        if not notes:
            return 0
        changes = [
            UpdateOne(
                {"_id": note["_id"], **owned_by(None)},
                {"$set": {"owner": owner, "idempotency.key": f"{owner} {note['idempotency']['key']}"}},
            )
            for note in notes
        ]
        try:
            return (await self._notes.bulk_write(changes, ordered=False)).modified_count
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or {each["code"] for each in failed} - {_DUPLICATE_KEY}:
                raise
            adopted = int(error.details["nModified"])
            twins = [notes[each["index"]]["_id"] for each in failed]
        # A request was repeated after its first note had gone to the account: both are kept.
        change: Document = {"$set": {"owner": owner}, "$unset": {"idempotency": True}}
        kept = await self._notes.update_many({"_id": {"$in": twins}, **owned_by(None)}, change)
        return adopted + kept.modified_count

    async def lacking_pictures(self, owner: str) -> AsyncIterator[Document]:
        """The account's notes that name pictures which were not there when they were written."""
        condition = {"owner": owner, "pictures": {"$elemMatch": {"width": None}}}
        with database_errors():
            async for note in self._notes.find(condition, {"version": True, "pictures": True}):
                yield note

    async def count(self) -> int:
        """About how many notes there are, of all owners, deleted ones included."""
        with database_errors():
            return await self._notes.estimated_document_count()

    async def count_of(self, owner: Owner, *, with_trash: bool = False) -> int:
        """How many notes the owner has."""
        condition = owned_by(owner) if with_trash else {**owned_by(owner), "is_deleted": False}
        with database_errors():
            return await self._notes.count_documents(condition)

    async def naming_pictures(self) -> AsyncIterator[Document]:
        """The `owner`, `version` and `pictures` of each note that names any, deleted ones included."""
        condition = {"pictures.id": {"$exists": True}}
        read = {"owner": True, "version": True, "pictures": True}
        with database_errors():
            async for note in self._notes.find(condition, read):
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


def page_filter(owner: Owner, query: Query | None, after: Keyset | None) -> Document:
    """The condition of a list, in the shape that its indexes serve."""
    condition: dict[str, Any] = {**owned_by(owner), "is_deleted": False}
    if after is not None:
        condition["created_at"] = {"$lte": after.created_at}
        condition["$or"] = [{"created_at": {"$lt": after.created_at}}, {"_id": {"$lt": after.id}}]
    if query is not None:
        condition["$and"] = [
            *({"terms": word} for word in sorted(query.whole)),
            *({"terms": {"$elemMatch": _starting_with(word)}} for word in sorted(query.starts)),
        ]
    return condition


def _keeps(owners_of_notes: set[Owner], owner: Owner) -> bool:
    if owner is None:
        return bool(owners_of_notes)
    return not owners_of_notes.isdisjoint({owner, None})


def _starting_with(word: str) -> Document:
    """The range of terms that start with `word`: unlike a pattern, it always bounds an index scan."""
    return {"$gte": word, "$lt": word + chr(0x10FFFF)}


def _current(owner: Owner, note_id: str, versions: list[int] | None) -> Document:
    condition: dict[str, Any] = {"_id": note_id, **owned_by(owner), "is_deleted": False}
    if versions is not None:
        condition["version"] = {"$in": versions}
    return condition
