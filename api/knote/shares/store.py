"""Shares in MongoDB: one document each. Whose they are is for their note to say, which may change hands."""

from datetime import datetime
from typing import NamedTuple

from knote.asker import Owner
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
from knote.users.store import is_active

_NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]
_NOTE = {"owner": True, "pictures": True}
_USERS = lookup("users", "notes.owner", {"is_disabled": True, "deleted_at": True})
_NOTE_WITH_CONTENT = {**_NOTE, "content": True, "updated_at": True}

INDEXES = [
    IndexModel([("note", ASCENDING), *_NEWEST_FIRST], name="note"),
    # One that works for good has no time here.
    IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
]


class Found(NamedTuple):
    """A share that works, its note, and whose that is."""

    share: Document
    note: Document

    @property
    def owner(self) -> Owner:
        """The account that the note belongs to; None for the shared notebook."""
        return self.note.get("owner")


class ShareStore:
    """The `shares` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._shares: Collection = database["shares"]

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._shares.create_indexes(INDEXES)

    async def insert(self, share: Document) -> None:
        """Stores a new share."""
        with database_errors():
            await self._shares.insert_one(share)

    async def find(self, share_id: str, now: datetime, *, with_content: bool) -> Found | None:
        """The share and its note as they are now, in one command.

        None when it is revoked or over, its note is in the trash, or the note's account may not be used.
        """
        note = _NOTE_WITH_CONTENT if with_content else _NOTE
        stages = [{"$match": {"_id": share_id}}, _looked_up_note(note), _USERS]
        with database_errors():
            found = await self._shares.aggregate(stages).to_list(1)
        if not found or not found[0]["notes"]:
            return None
        share = found[0]
        # MongoDB looks for what has expired once a minute only.
        if share["expires_at"] is not None and share["expires_at"] <= now:
            return None
        if "owner" in share["notes"][0] and not any(is_active(user) for user in share["users"]):
            return None
        return Found(share, share["notes"][0])

    async def of_note(self, note_id: str, now: datetime) -> list[Document]:
        """The shares of a note that are not over, the newest first."""
        condition = {"note": note_id}
        with database_errors():
            found = await self._shares.find(condition).sort(_NEWEST_FIRST).to_list(None)
        return [share for share in found if share["expires_at"] is None or now < share["expires_at"]]

    async def remove(self, note_id: str, share_id: str) -> bool:
        """Removes one of the note's shares. Returns whether there was such a one."""
        with database_errors():
            result = await self._shares.delete_one({"_id": share_id, "note": note_id})
        return result.deleted_count == 1

    async def remove_orphans(self, *, dry_run: bool) -> int:
        """Removes the shares of notes that are gone for good. Returns how many."""
        stages: list[Document] = [
            _looked_up_note({"_id": True}, in_trash=True),
            {"$match": {"notes": []}},
            {"$project": {"_id": True}},
        ]
        with database_errors():
            ids = [share["_id"] async for share in self._shares.aggregate(stages)]
            if ids and not dry_run:
                await self._shares.delete_many({"_id": {"$in": ids}})
        return len(ids)


def _looked_up_note(fields: Document, *, in_trash: bool = False) -> Document:
    return lookup("notes", "note", fields, where=None if in_trash else {"is_deleted": False})
