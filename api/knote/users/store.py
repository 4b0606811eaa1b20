"""Users in MongoDB: one document an account."""

from collections.abc import AsyncIterator
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
    ReturnDocument,
    Transaction,
    database_errors,
    in_transaction,
)
from knote.pages import Keyset

_NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]
_ACTIVE_ADMIN = {"is_admin": True, "is_disabled": False, "deleted_at": None}
# One whose removal for good has begun does not come back.
_KEPT = {"removal_began_at": {"$exists": False}}

INDEXES = [
    IndexModel([("key", ASCENDING)], name="key", unique=True),
    # At most one account is the one that was made by setup, however many ask at once.
    IndexModel(
        [("is_first", ASCENDING)],
        name="first",
        unique=True,
        partialFilterExpression={"is_first": True},
    ),
    IndexModel(
        [("identities.issuer", ASCENDING), ("identities.subject", ASCENDING)],
        name="identity",
        unique=True,
        partialFilterExpression={"identities.issuer": {"$exists": True}},
    ),
    IndexModel(_NEWEST_FIRST, name="newest"),
    IndexModel([("deleted_at", ASCENDING)], name="deleted"),
]


class UserStore:
    """The `users` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._users: Collection = database["users"]

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._users.create_indexes(INDEXES)

    async def insert(self, document: Document) -> None:
        """Stores a new user. Raises `Conflict` where the name is taken, or the first user is there."""
        with database_errors():
            try:
                await self._users.insert_one(document)
            except DuplicateKeyError as error:
                raise Conflict("This name is taken, or somebody was faster. Look again.") from error

    async def has_any(self) -> bool:
        """Whether there is any account, deleted ones included."""
        with database_errors():
            return await self._users.find_one({}, {"_id": True}) is not None

    async def find(self, user_id: str) -> Document | None:
        """The user of that id."""
        with database_errors():
            return await self._users.find_one({"_id": user_id})

    async def find_by_key(self, key: str) -> Document | None:
        """The user of that name."""
        with database_errors():
            return await self._users.find_one({"key": key})

    async def set_password(self, user: Document, password: str, *, ends_sessions: bool) -> Document | None:
        """Sets what is kept of a password, unless another was set since the user was read.

        Every session knows the `epoch` it was made in: with `ends_sessions` all are over at once.
        """
        with database_errors():
            return await self._users.find_one_and_update(
                {"_id": user["_id"], "password": user["password"]},
                {"$set": {"password": password}, "$inc": {"epoch": int(ends_sessions)}},
                return_document=ReturnDocument.AFTER,
            )

    async def page(self, after: Keyset | None, count: int) -> list[Document]:
        """At most `count` users, newest first, that follow `after`."""
        condition: Document = {}
        if after is not None:
            condition["created_at"] = {"$lte": after.created_at}
            condition["$or"] = [{"created_at": {"$lt": after.created_at}}, {"_id": {"$lt": after.id}}]
        with database_errors():
            return await self._users.find(condition).sort(_NEWEST_FIRST).limit(count).to_list(count)

    async def see(self, user_id: str, at: datetime) -> None:
        """Notes that the user was there."""
        with database_errors():
            await self._users.update_one({"_id": user_id}, {"$max": {"last_seen_at": at}})

    async def change(
        self, user_id: str, update: Document, condition: Document | None = None
    ) -> Document | None:
        """Changes a user that meets the condition. Returns the user after, or None where there is none."""
        with database_errors():
            return await self._users.find_one_and_update(
                {"_id": user_id, **_KEPT, **(condition or {})}, update, return_document=ReturnDocument.AFTER
            )

    async def withdraw(self, user_id: str, update: Document, condition: Document) -> Document | None:
        """Changes a user in a way that may leave no administrator. Returns the user after.

        Raises `Conflict` if it would. Two of them at once, on any replicas, are one after the other: each
        writes to all administrators that it leaves.
        """
        own = {"_id": user_id, **_KEPT, **condition}

        async def act(transaction: Transaction) -> Document | None:
            in_it: dict[str, Any] = {"session": transaction}
            before = await self._users.find_one_and_update(own, update, **in_it)
            if before is None:
                return None
            left = await self._users.update_many(_ACTIVE_ADMIN, {"$inc": {"others_changed": 1}}, **in_it)
            if is_active(before) and before["is_admin"] and not left.matched_count:
                raise Conflict(
                    "This is the last administrator: nobody could look after the accounts any more. Make "
                    "somebody else one first."
                )
            return await self._users.find_one({"_id": user_id}, **in_it)

        return await in_transaction(self._database, act)

    async def deleted(self, before: datetime) -> AsyncIterator[Document]:
        """The users that were deleted before that time."""
        with database_errors():
            async for user in self._users.find({"deleted_at": {"$lt": before}}):
                yield user

    async def begin_removal(self, user: Document, at: datetime) -> bool:
        """Makes sure that a deleted user is not restored any more. Returns False where one just was."""
        condition = {"_id": user["_id"], "deleted_at": user["deleted_at"]}
        with database_errors():
            result = await self._users.update_one(condition, {"$set": {"removal_began_at": at}})
        return result.matched_count == 1

    async def remove(self, user_id: str) -> bool:
        """Removes a user whose removal has begun. Returns whether there was one."""
        condition = {"_id": user_id, "removal_began_at": {"$exists": True}}
        with database_errors():
            return (await self._users.delete_one(condition)).deleted_count == 1

    async def all(self) -> AsyncIterator[Document]:
        """All users, in the order of their names."""
        with database_errors():
            async for user in self._users.find({}).sort("key", ASCENDING):
                yield user


def is_active(user: Document) -> bool:
    """Whether the account may be used."""
    return not user["is_disabled"] and user["deleted_at"] is None
