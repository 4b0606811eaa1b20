"""The sweep: removes for good what nobody can reach any more, and what uploads left behind.

It may be killed at any point and run any number of times at once: each removal is conditional on
what was seen, and a row goes before its objects, so that a row never promises what is gone.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TypedDict, TypeVar

from knote.asker import Owner
from knote.clock import Clock
from knote.mongo import Document
from knote.notes.store import NoteStore
from knote.pictures.store import ObjectName, PictureStore
from knote.removal import Removal
from knote.shares.store import ShareStore

_BATCH = 500

Item = TypeVar("Item")


class SweepReport(TypedDict):
    """What a sweep did, or with `dry_run` would have done. Numbers are counts."""

    dry_run: bool
    indexes_dropped: int
    accounts_removed: int
    notes_of_accounts_removed: int
    notes_purged: int
    shares_removed: int
    pictures_marked_unused: int
    pictures_kept_used_again: int
    pictures_removed: int
    uploads_abandoned_removed: int
    objects_removed: int
    bytes_removed: int


class Sweep:
    """One run over the notes, the rows and the bucket, of all owners."""

    def __init__(
        self,
        notes: NoteStore,
        pictures: PictureStore,
        shares: ShareStore,
        accounts: Removal,
        *,
        account_time: timedelta,
        trash_time: timedelta,
        picture_grace_time: timedelta,
        pending_grace_time: timedelta,
        clock: Clock,
        dry_run: bool,
    ) -> None:
        self._notes = notes
        self._pictures = pictures
        self._shares = shares
        self._accounts = accounts
        # By then nothing is under way any more that they began.
        self._account_time = max(account_time, pending_grace_time)
        self._trash_time = trash_time
        self._picture_grace_time = picture_grace_time
        self._pending_grace_time = pending_grace_time
        self._clock = clock
        self._now = clock()
        self._dry_run = dry_run
        self._report = SweepReport(
            dry_run=dry_run,
            indexes_dropped=0,
            accounts_removed=0,
            notes_of_accounts_removed=0,
            notes_purged=0,
            shares_removed=0,
            pictures_marked_unused=0,
            pictures_kept_used_again=0,
            pictures_removed=0,
            uploads_abandoned_removed=0,
            objects_removed=0,
            bytes_removed=0,
        )

    async def run(self) -> SweepReport:
        """Sweeps once. Raises `StoreUnavailable` when a store goes away; what was done stays done."""
        if not self._dry_run:
            dropped = await self._notes.drop_superseded_indexes()
            self._report["indexes_dropped"] = len(dropped)
        await self._remove_accounts()
        self._report["notes_purged"] = await self._notes.purge(
            self._now - self._trash_time, dry_run=self._dry_run
        )
        self._report["shares_removed"] = await self._shares.remove_orphans(dry_run=self._dry_run)
        await self._sweep_abandoned_uploads()
        await self._mark_pictures()
        await self._remove_unused_pictures()
        await self._remove_stray_objects()
        return self._report

    async def _remove_accounts(self) -> None:
        """Removes the accounts whose grace time is over: notes, pictures, and then the account itself."""
        async for user in self._accounts.due(self._now - self._account_time):
            notes = await self._accounts.clear(user, self._clock(), dry_run=self._dry_run)
            if notes is None:
                continue
            self._report["notes_of_accounts_removed"] += notes
            async for row in self._pictures.rows({"owner": user["_id"]}):
                if await self._remove(row):
                    self._report["pictures_removed"] += 1
            if await self._accounts.end(user, dry_run=self._dry_run):
                self._report["accounts_removed"] += 1

    async def _sweep_abandoned_uploads(self) -> None:
        before = self._now - self._pending_grace_time
        condition = {"state": "pending", "pending_since": {"$lt": before}}
        async for row in self._pictures.rows(condition):
            if await self._remove(row):
                self._report["uploads_abandoned_removed"] += 1

    async def _mark_pictures(self) -> None:
        """Starts the grace time of pictures no note names, ends it where one does again."""
        async for batch in _in_batches(self._pictures.rows({"state": "ready"})):
            used = await self._notes.references(_owners(batch))
            newly_unused = [
                row["_id"] for row in batch if row["_id"] not in used and "unused_since" not in row
            ]
            used_again = [row["_id"] for row in batch if row["_id"] in used and "unused_since" in row]
            self._report["pictures_marked_unused"] += len(newly_unused)
            self._report["pictures_kept_used_again"] += len(used_again)
            if newly_unused and not self._dry_run:
                # From now on, not from when this sweep began: it may be a long one.
                await self._pictures.mark_unused(newly_unused, self._clock())
            if used_again and not self._dry_run:
                await self._pictures.mark_used(used_again)

    async def _remove_unused_pictures(self) -> None:
        """Removes pictures whose grace time is over and that, looked at once more, no note names."""
        before = self._clock() - self._picture_grace_time
        condition = {"state": "ready", "unused_since": {"$lte": before}}
        async for batch in _in_batches(self._pictures.rows(condition)):
            used = await self._notes.references(_owners(batch))
            for row in batch:
                if row["_id"] not in used and await self._remove(row):
                    self._report["pictures_removed"] += 1

    async def _remove(self, row: Document) -> bool:
        """Removes a row, unless it has changed since it was read, and then its objects."""
        if not self._dry_run and not await self._pictures.remove_row(row):
            return False
        async for stored in self._pictures.objects(row["_id"]):
            name = ObjectName.parse(stored.key)
            if name is not None and name.upload == row["upload"]:
                await self._remove_object(stored.key, stored.size_bytes)
        return True

    async def _remove_stray_objects(self) -> None:
        """Removes objects that no row accounts for, once they are too old to be part of an upload."""
        before = self._now - self._pending_grace_time
        async for batch in _in_batches(self._pictures.objects()):
            old = [stored for stored in batch if stored.stored_at < before]
            names = {stored.key: ObjectName.parse(stored.key) for stored in old}
            ids = {name.picture_id for name in names.values() if name}
            uploads = await self._uploads(sorted(ids))
            for stored in old:
                name = names[stored.key]
                if name is None or uploads.get(name.picture_id) != name.upload:
                    await self._remove_object(stored.key, stored.size_bytes)

    async def _uploads(self, picture_ids: list[str]) -> dict[str, str]:
        rows = self._pictures.rows({"_id": {"$in": picture_ids}})
        return {row["_id"]: row["upload"] async for row in rows}

    async def _remove_object(self, key: str, size_bytes: int) -> None:
        self._report["objects_removed"] += 1
        self._report["bytes_removed"] += size_bytes
        if not self._dry_run:
            await self._pictures.remove_objects([key])


def _owners(rows: list[Document]) -> dict[str, Owner]:
    return {row["_id"]: row.get("owner") for row in rows}


async def _in_batches(items: AsyncIterator[Item]) -> AsyncIterator[list[Item]]:
    batch: list[Item] = []
    async for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
