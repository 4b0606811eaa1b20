"""Removes for good the accounts that were deleted long ago, with all that was theirs but the pictures.

The account itself goes last, so that the next run finds it again. Notes go before the pictures they name.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

from knote.audit import audit
from knote.mongo import Document
from knote.notes.store import NoteStore
from knote.users.store import UserStore

RemoveAll = Callable[[str], Awaitable[None]]


class Removal:
    """The accounts, and what removes all that is a user's from somewhere else."""

    def __init__(self, users: UserStore, notes: NoteStore, elsewhere: Sequence[RemoveAll]) -> None:
        self._users = users
        self._notes = notes
        self._elsewhere = elsewhere

    def due(self, deleted_before: datetime) -> AsyncIterator[Document]:
        """The accounts that were deleted before that time."""
        return self._users.deleted(deleted_before)

    async def clear(self, user: Document, at: datetime, *, dry_run: bool) -> int | None:
        """Removes all that is the user's, who from now on cannot be restored. Returns how many notes.

        None when the account has just been restored.
        """
        if dry_run:
            return await self._notes.count_of(user["_id"], with_trash=True)
        if not await self._users.begin_removal(user, at):
            return None
        for remove_all in self._elsewhere:
            await remove_all(user["_id"])
        return await self._notes.remove_all(user["_id"])

    async def end(self, user: Document, *, dry_run: bool) -> bool:
        """Removes the account itself, and with it its name. Returns whether it was this run that did."""
        if dry_run:
            return True
        if not await self._users.remove(user["_id"]):
            return False
        audit("user_removed", user=user["_id"], by="command", address=None)
        return True
