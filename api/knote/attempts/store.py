"""Counts in MongoDB that begin anew after a while: one document each, gone when its time is over."""

from datetime import datetime, timedelta
from typing import NamedTuple

from knote.errors import NotesUnavailable
from knote.mongo import (
    ASCENDING,
    Collection,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    ReturnDocument,
    counts,
    database_errors,
)

_TRIES = 5

INDEXES = [IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0)]


class Count(NamedTuple):
    """How often it was, and when that is forgotten."""

    number: int
    expires_at: datetime


class AttemptStore:
    """The `attempts` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._attempts: Collection = counts(database, "attempts")

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._attempts.create_indexes(INDEXES)

    async def add(self, key: str, now: datetime, lasting: timedelta) -> Count:
        """Counts one more. The first one begins the time after which all are forgotten."""
        # MongoDB looks for what has expired once a minute only.
        is_going_on = {"$gt": ["$expires_at", now]}
        update: list[Document] = [
            {
                "$set": {
                    "number": {"$cond": [is_going_on, {"$add": ["$number", 1]}, 1]},
                    "expires_at": {"$cond": [is_going_on, "$expires_at", now + lasting]},
                }
            }
        ]
        with database_errors():
            for _ in range(_TRIES):
                try:
                    found = await self._attempts.find_one_and_update(
                        {"_id": key}, update, upsert=True, return_document=ReturnDocument.AFTER
                    )
                except DuplicateKeyError:
                    continue  # Somebody else began the same count at this moment.
                return Count(found["number"], found["expires_at"])
        raise NotesUnavailable("Too much of this at once. Try again in a moment.")

    async def take_back(self, keys: list[str]) -> None:
        """Counts one less under each of the keys."""
        with database_errors():
            await self._attempts.update_many(
                {"_id": {"$in": keys}, "number": {"$gt": 0}}, {"$inc": {"number": -1}}
            )
