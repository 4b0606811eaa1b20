"""Invites in MongoDB: one document each, found by the hash of its secret, gone when used or over."""

from datetime import datetime
from typing import Any

from knote.errors import Conflict
from knote.mongo import (
    ASCENDING,
    DESCENDING,
    Collection,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    Transaction,
    database_errors,
    in_transaction,
)
from knote.users.store import is_active

# Nobody reads on: who has made more of them has lost count.
MOST_LISTED = 200

INDEXES = [
    IndexModel([("hash", ASCENDING)], name="hash", unique=True),
    IndexModel([("created_by", ASCENDING)], name="creator"),
    IndexModel([("created_at", DESCENDING)], name="newest"),
    IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
]


class InviteStore:
    """The `invites` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._invites: Collection = database["invites"]
        self._users: Collection = database["users"]

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._invites.create_indexes(INDEXES)

    async def insert(self, invite: Document) -> None:
        """Stores a new invite."""
        with database_errors():
            await self._invites.insert_one(invite)

    async def find(self, hashed: str, now: datetime) -> Document | None:
        """The invite with that secret, if it is not over."""
        with database_errors():
            return await self._invites.find_one({"hash": hashed, "expires_at": {"$gt": now}})

    async def open(self, now: datetime) -> list[Document]:
        """The invites that are not over, the newest first."""
        with database_errors():
            found = self._invites.find({"expires_at": {"$gt": now}}).sort("created_at", DESCENDING)
            return await found.limit(MOST_LISTED).to_list(MOST_LISTED)

    async def spend(self, hashed: str, now: datetime, user: Document) -> Document | None:
        """Removes the invite with that secret and stores the new user: both or neither. Returns the user.

        None where there is no such invite any more, or who made it is no active administrator now. Raises
        `Conflict` where the user's name is taken; the invite is then still there.
        """

        async def act(transaction: Transaction) -> Document | None:
            in_it: dict[str, Any] = {"session": transaction}
            invite = await self._invites.find_one_and_delete(
                {"hash": hashed, "expires_at": {"$gt": now}}, **in_it
            )
            if invite is None:
                return None
            host = await self._users.find_one({"_id": invite["created_by"]}, **in_it)
            if host is None or not is_active(host) or not host["is_admin"]:
                return None
            made = {**user, "is_admin": invite["is_admin"]}
            await self._users.insert_one(made, **in_it)
            return made

        try:
            return await in_transaction(self._database, act)
        except DuplicateKeyError as error:
            raise Conflict("This name is taken. Take another one.") from error

    async def remove(self, invite_id: str) -> bool:
        """Removes an invite. Returns whether there was one."""
        with database_errors():
            return (await self._invites.delete_one({"_id": invite_id})).deleted_count == 1

    async def remove_all(self, user_id: str) -> None:
        """Removes what that administrator made."""
        with database_errors():
            await self._invites.delete_many({"created_by": user_id})
