"""API tokens in MongoDB: one document each, found by the hash of its secret."""

from collections.abc import Sequence
from datetime import datetime

from knote.coalescing import Batched
from knote.mongo import (
    ASCENDING,
    DESCENDING,
    Collection,
    Database,
    Document,
    IndexModel,
    database_errors,
    lookup,
)

_USER = lookup("users", "user", {"password": False})

INDEXES = [
    IndexModel([("hash", ASCENDING)], name="hash", unique=True),
    IndexModel([("user", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)], name="user"),
]


class TokenStore:
    """The `tokens` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._tokens: Collection = database["tokens"]
        self._find = Batched(self._find_all)

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._tokens.create_indexes(INDEXES)

    async def insert(self, token: Document) -> None:
        """Stores a new token."""
        with database_errors():
            await self._tokens.insert_one(token)

    async def find(self, hashed: str) -> tuple[Document, Document] | None:
        """The token of that hash, over or not, and its user as they are now: one command."""
        found = await self._find(hashed)
        if found is None or not found["users"]:
            return None
        return found, found["users"][0]

    async def _find_all(self, hashes: Sequence[str]) -> dict[str, Document]:
        with database_errors():
            found = self._tokens.aggregate([{"$match": {"hash": {"$in": hashes}}}, _USER])
            return {token["hash"]: token for token in await found.to_list(len(hashes))}

    async def touch(self, token_id: str, used_at: datetime) -> None:
        """Notes that the token was used. One that has been revoked meanwhile stays revoked."""
        with database_errors():
            await self._tokens.update_one({"_id": token_id}, {"$set": {"last_used_at": used_at}})

    async def count_of(self, user_id: str) -> int:
        """How many tokens the user has."""
        with database_errors():
            return await self._tokens.count_documents({"user": user_id})

    async def of_user(self, user_id: str) -> list[Document]:
        """The user's tokens, the newest first, those that are over included."""
        order = [("created_at", DESCENDING), ("_id", DESCENDING)]
        with database_errors():
            return await self._tokens.find({"user": user_id}).sort(order).to_list(None)

    async def remove(self, user_id: str, token_id: str) -> bool:
        """Removes one of the user's tokens. Returns whether there was such a one."""
        with database_errors():
            result = await self._tokens.delete_one({"_id": token_id, "user": user_id})
        return result.deleted_count == 1

    async def remove_all(self, user_id: str) -> None:
        """Removes all tokens of a user who is removed for good."""
        with database_errors():
            await self._tokens.delete_many({"user": user_id})
