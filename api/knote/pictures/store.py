"""Pictures in MongoDB and in the bucket: a row says what the bucket holds.

A row is `pending` before its object is stored and `ready` after. Each upload stores under a key of
its own, `pictures/<id>/<upload>/original`, so nothing is ever overwritten, and removing an old
object can never hit a new one. A smaller variant lies beside its original as `w<width>`.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from knote.asker import Owner, owned_by
from knote.coalescing import Batched
from knote.errors import StoreUnavailable
from knote.mongo import (
    ASCENDING,
    Collection,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    ReturnDocument,
    database_errors,
)
from knote.s3 import Bucket, StoredObject

PREFIX = "pictures/"
_KEY = re.compile(r"pictures/([0-9a-f]{64})/([a-z2-7]{24})/(original|w([0-9]{1,5}))")

# What a row must still say for the sweep to remove it.
_SEEN = ("owner", "state", "upload", "unused_since", "pending_since")
_SIZES = {"width": True, "height": True, "unused_since": True}

INDEXES = [
    IndexModel([("state", ASCENDING), ("_id", ASCENDING)], name="state"),
    IndexModel([("unused_since", ASCENDING)], name="unused", sparse=True),
    # All that is asked of an owner's pictures together is in it.
    IndexModel(
        [("owner", ASCENDING), ("state", ASCENDING), ("_id", ASCENDING), ("size_bytes", ASCENDING)],
        name="of_owner",
    ),
]


class ObjectName(NamedTuple):
    """What an object's key says: whose it is, of which upload, and which variant (None: original)."""

    picture_id: str
    upload: str
    variant: str | None

    @property
    def key(self) -> str:
        """The key in the bucket, of `[a-z0-9/]` alone."""
        return f"{PREFIX}{self.picture_id}/{self.upload}/{self.variant or 'original'}"

    @classmethod
    def parse(cls, key: str) -> "ObjectName | None":
        """The name in a key; None for a key that Knote does not make."""
        found = _KEY.fullmatch(key)
        return cls(found[1], found[2], f"w{found[4]}" if found[4] else None) if found else None


class Usage(NamedTuple):
    """What an owner's pictures take up."""

    pictures: int
    stored_bytes: int


class PictureStore:
    """The `pictures` collection and the bucket.

    Methods raise `NotesUnavailable` while MongoDB is away, `PicturesUnavailable` while the bucket is.
    """

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self._rows: Collection = database["pictures"]
        self._bucket = bucket
        self._peek = Batched(self._peek_all)

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._rows.create_indexes(INDEXES)

    async def find(self, owner: Owner, picture_id: str) -> Document | None:
        """The row of an owner's picture that is ready."""
        row = await self.peek(picture_id)
        return row if row is not None and row.get("owner") == owner else None

    async def peek(self, picture_id: str) -> Document | None:
        """The row of anybody's picture that is ready: for who looks whose it is, or after the stores."""
        return await self._peek(picture_id)

    async def _peek_all(self, picture_ids: Sequence[str]) -> dict[str, Document]:
        condition = {"_id": {"$in": picture_ids}, "state": "ready"}
        with database_errors():
            found = await self._rows.find(condition).to_list(len(picture_ids))
        return {row["_id"]: row for row in found}

    async def usage(self, owner: Owner) -> Usage:
        """What the owner's pictures take up, those included that are just being stored.

        That is the files themselves, without their smaller variants.
        """
        is_ready = {"$cond": [{"$eq": ["$state", "ready"]}, 1, 0]}
        total = {"_id": None, "pictures": {"$sum": is_ready}, "stored_bytes": {"$sum": "$size_bytes"}}
        stages = [{"$match": owned_by(owner)}, {"$group": total}]
        with database_errors():
            found = await self._rows.aggregate(stages).to_list(1)
        return Usage(found[0]["pictures"], found[0]["stored_bytes"]) if found else Usage(0, 0)

    async def stored_bytes(self, owners: list[str]) -> dict[str, int]:
        """How much the pictures of each of these accounts take up; one without pictures is not there."""
        total = {"_id": "$owner", "stored_bytes": {"$sum": "$size_bytes"}}
        stages: list[Document] = [
            {"$match": {"owner": {"$in": owners}, "state": "ready"}},
            {"$group": total},
        ]
        with database_errors():
            return {each["_id"]: each["stored_bytes"] async for each in self._rows.aggregate(stages)}

    async def reuse(self, owner: Owner, picture_ids: list[str]) -> Document | None:
        """The row of an owner's ready picture that is uploaded again; its time without use starts anew."""
        with database_errors():
            return await self._rows.find_one_and_update(
                _ready(owner, picture_ids),
                {"$unset": {"unused_since": True}},
                return_document=ReturnDocument.AFTER,
            )

    async def claim(self, owner: Owner, picture_ids: list[str]) -> dict[str, tuple[int, int]]:
        """Width and height of the owner's pictures among these, for a note of theirs about to name them.

        One that the sweep has marked as unused is unmarked first: whatever is returned here stays
        for the grace time at least, and by then the note is there to be seen by the sweep.
        """
        condition = _ready(owner, picture_ids)
        with database_errors():
            rows = await self._rows.find(condition, _SIZES).to_list(None)
            if any("unused_since" in row for row in rows):
                await self._rows.update_many(condition, {"$unset": {"unused_since": True}})
                return await self.sizes(owner, picture_ids)
        return _sizes(rows)

    async def sizes(self, owner: Owner, picture_ids: list[str]) -> dict[str, tuple[int, int]]:
        """Width and height of those of the owner's pictures that are ready."""
        with database_errors():
            rows = await self._rows.find(_ready(owner, picture_ids), _SIZES).to_list(None)
        return _sizes(rows)

    async def begin(
        self, owner: Owner, name: ObjectName, at: datetime, *, size_bytes: int | None = None
    ) -> bool:
        """Writes the pending row that accounts for the object about to be stored.

        With `size_bytes` the row takes that room up from now on. Returns False when the id is taken by a
        row that is not the owner's.
        """
        own = {"_id": name.picture_id, **owned_by(owner)}
        row = {"state": "pending", "upload": name.upload, "pending_since": at}
        if size_bytes is not None:
            row["size_bytes"] = size_bytes
        with database_errors():
            try:
                await self._rows.update_one(own, {"$setOnInsert": row}, upsert=True)
            except DuplicateKeyError:
                # The same picture is being uploaded at the same time: its row serves both. A write, unlike
                # a read, sees it before a majority has it.
                return (await self._rows.update_one(own, {"$setOnInsert": row})).matched_count == 1
        return True

    async def take_back(self, owner: Owner, name: ObjectName) -> None:
        """Removes the pending row that this upload made, and with it the room that it takes up."""
        made = {"_id": name.picture_id, "state": "pending", "upload": name.upload, **owned_by(owner)}
        with database_errors():
            await self._rows.delete_one(made)

    async def complete(
        self, owner: Owner, name: ObjectName, fields: Document, *, upsert: bool = True
    ) -> Document | None:
        """Makes the row ready with this upload's object.

        Returns None when another upload of the same picture was first: its object is the one kept. Without
        `upsert` it also does when the row is gone, and with it the room that it had taken up.
        """
        with database_errors():
            try:
                return await self._rows.find_one_and_update(
                    {"_id": name.picture_id, "state": "pending", **owned_by(owner)},
                    {
                        "$set": {"state": "ready", "upload": name.upload, **fields},
                        "$unset": {"pending_since": True},
                    },
                    upsert=upsert,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                return None

    async def add_variant(self, name: ObjectName, fields: Document) -> None:
        """Notes in the row that a variant is in the bucket."""
        condition = {"_id": name.picture_id, "upload": name.upload, "state": "ready"}
        with database_errors():
            await self._rows.update_one(condition, {"$set": {f"variants.{name.variant}": fields}})

    async def forget_variant(self, name: ObjectName) -> None:
        """Takes back that a variant is in the bucket."""
        condition = {"_id": name.picture_id, "upload": name.upload}
        with database_errors():
            await self._rows.update_one(condition, {"$unset": {f"variants.{name.variant}": True}})

    async def rows(self, condition: Document | None = None) -> AsyncIterator[Document]:
        """All rows that meet the condition, in the order of their ids."""
        with database_errors():
            async for row in self._rows.find(condition or {}).sort("_id", ASCENDING):
                yield row

    async def page(self, owner: Owner, after: str, count: int) -> list[Document]:
        """At most `count` of the owner's pictures that are ready, in the order of their ids."""
        condition = {**owned_by(owner), "state": "ready", "_id": {"$gt": after}}
        with database_errors():
            return await self._rows.find(condition).sort("_id", ASCENDING).limit(count).to_list(count)

    async def content_types(self, owner: Owner, picture_ids: list[str]) -> dict[str, str]:
        """The types of those of the owner's pictures that are ready."""
        with database_errors():
            found = self._rows.find(_ready(owner, picture_ids), {"content_type": True})
            return {row["_id"]: row["content_type"] async for row in found}

    async def adopt(self, picture_ids: list[str], owner: str) -> int:
        """Gives those of the pictures that are ready and still shared to an account. Returns how many."""
        with database_errors():
            result = await self._rows.update_many(_ready(None, picture_ids), {"$set": {"owner": owner}})
        return result.modified_count

    async def count_of(self, owner: Owner, state: str) -> int:
        """How many rows of the owner are in that state."""
        with database_errors():
            return await self._rows.count_documents({**owned_by(owner), "state": state})

    async def mark_unused(self, picture_ids: list[str], at: datetime) -> None:
        """Starts the grace time of pictures that no note names."""
        with database_errors():
            await self._rows.update_many(
                {
                    "_id": {"$in": picture_ids},
                    "state": "ready",
                    "unused_since": {"$exists": False},
                },
                {"$set": {"unused_since": at}},
            )

    async def mark_used(self, picture_ids: list[str]) -> None:
        """Ends the grace time of pictures that a note names again."""
        with database_errors():
            await self._rows.update_many({"_id": {"$in": picture_ids}}, {"$unset": {"unused_since": True}})

    async def remove_row(self, row: Document) -> bool:
        """Removes a row if it is still what was seen. Returns whether. Its objects come after it."""
        seen = {name: row.get(name) for name in _SEEN}
        with database_errors():
            return (await self._rows.delete_one({"_id": row["_id"], **seen})).deleted_count == 1

    async def demote(self, row: Document, at: datetime) -> None:
        """Takes back that a row is ready, since its object is gone: the next upload stores it again."""
        with database_errors():
            await self._rows.update_one(
                {"_id": row["_id"], "state": "ready", "upload": row["upload"]},
                {
                    "$set": {"state": "pending", "pending_since": at},
                    "$unset": {"unused_since": True, "variants": True},
                },
            )

    async def put_object(self, name: ObjectName, path: Path, content_type: str) -> None:
        """Stores one object."""
        await self._bucket.put(name.key, path, content_type=content_type)

    async def get_object(
        self, name: ObjectName, first: int = 0, last: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of one object from `first` to `last`, both included. Raises `ObjectMissing`."""
        return await self._bucket.get(name.key, first=first, last=last)

    async def signed_url(self, name: ObjectName) -> str:
        """A short-lived URL under which the object store gives one object to anybody."""
        return await self._bucket.sign(name.key)

    async def object_size_bytes(self, name: ObjectName) -> int:
        """The size of one object. Raises `ObjectMissing`."""
        return await self._bucket.size_bytes(name.key)

    async def remove_objects(self, keys: list[str]) -> None:
        """Removes objects for good."""
        await self._bucket.delete(keys)

    async def discard(self, name: ObjectName) -> None:
        """Removes an object that lost a race; one left behind is found by the sweep."""
        try:
            await self.remove_objects([name.key])
        except StoreUnavailable:
            return

    def objects(self, picture_id: str = "") -> AsyncIterator[StoredObject]:
        """All objects in the bucket, or those of one picture."""
        return self._bucket.list(f"{PREFIX}{picture_id}/" if picture_id else PREFIX)


def _ready(owner: Owner, picture_ids: list[str]) -> Document:
    return {"_id": {"$in": picture_ids}, "state": "ready", **owned_by(owner)}


def _sizes(rows: list[Document]) -> dict[str, tuple[int, int]]:
    return {row["_id"]: (row["width"], row["height"]) for row in rows}
