"""Sessions in MongoDB: one document each, found by the hash of its secret, gone when it is over."""

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

# Nobody reads on: who has more of them signs out everywhere.
MOST_LISTED = 200
_USER = lookup("users", "user", {"password": False})

INDEXES = [
    IndexModel([("user", ASCENDING), ("last_seen_at", DESCENDING)], name="user"),
    IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
]


class SessionStore:
    """The `sessions` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._sessions: Collection = database["sessions"]
        self._find = Batched(self._find_all)

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._sessions.create_indexes(INDEXES)

    async def insert(self, session: Document) -> None:
        """Stores a new session."""
        with database_errors():
            await self._sessions.insert_one(session)

    async def find(self, hashed: str, now: datetime) -> tuple[Document, Document] | None:
        """The session that is not over, and its user as they are now: one command."""
        found = await self._find(hashed)
        # MongoDB looks for what has expired once a minute only.
        if found is None or found["expires_at"] <= now or not found["users"]:
            return None
        return found, found["users"][0]

    async def _find_all(self, hashes: Sequence[str]) -> dict[str, Document]:
        with database_errors():
            found = self._sessions.aggregate([{"$match": {"_id": {"$in": hashes}}}, _USER])
            return {session["_id"]: session for session in await found.to_list(len(hashes))}

    async def touch(self, hashed: str, seen_at: datetime, expires_at: datetime) -> None:
        """Notes that the session was used. One that has ended meanwhile stays ended."""
        with database_errors():
            await self._sessions.update_one(
                {"_id": hashed}, {"$set": {"last_seen_at": seen_at, "expires_at": expires_at}}
            )

    async def of_user(self, user_id: str, now: datetime) -> list[Document]:
        """The user's sessions that are not over, the one seen last first."""
        condition = {"user": user_id, "expires_at": {"$gt": now}}
        with database_errors():
            found = self._sessions.find(condition).sort("last_seen_at", DESCENDING)
            return await found.limit(MOST_LISTED).to_list(MOST_LISTED)

    async def end(self, hashed: str) -> Document | None:
        """Ends the session with that secret. Returns it as it was."""
        with database_errors():
            return await self._sessions.find_one_and_delete({"_id": hashed})

    async def end_one(self, user_id: str, session_id: str) -> bool:
        """Ends one of the user's sessions. Returns whether there was such a one."""
        with database_errors():
            result = await self._sessions.delete_one({"user": user_id, "id": session_id})
        return result.deleted_count == 1

    async def end_all(self, user_id: str, *, but: str | None = None) -> None:
        """Ends all of the user's sessions, but for the one whose secret has that hash."""
        condition: Document = {"user": user_id}
        if but is not None:
            condition["_id"] = {"$ne": but}
        with database_errors():
            await self._sessions.delete_many(condition)
