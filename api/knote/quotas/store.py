"""What was counted of each user in a period, in MongoDB: one document each, gone some time after it."""

from datetime import datetime

from knote.mongo import (
    ASCENDING,
    Collection,
    Database,
    DuplicateKeyError,
    IndexModel,
    ReturnDocument,
    counts,
    database_errors,
)

INDEXES = [IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0)]


class CounterStore:
    """The `counters` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._counters: Collection = counts(database, "counters")

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._counters.create_indexes(INDEXES)

    async def add(self, key: str, count: int, expires_at: datetime) -> int:
        """Adds to what all replicas have counted under the key. Returns what that is now."""
        with database_errors():
            try:
                return await self._add(key, count, expires_at)
            except DuplicateKeyError:  # another replica made it at this moment
                return await self._add(key, count, expires_at)

    async def _add(self, key: str, count: int, expires_at: datetime) -> int:
        found = await self._counters.find_one_and_update(
            {"_id": key},
            {"$inc": {"count": count}, "$setOnInsert": {"expires_at": expires_at}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(found["count"]) if found else count
