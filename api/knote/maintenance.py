"""Opens the stores for a command that runs beside the replicas."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from knote.clock import utc_now
from knote.devices.store import DeviceStore
from knote.fsck import Fsck, FsckReport
from knote.invites.store import InviteStore
from knote.mongo import Database, check_mongo_url, open_database
from knote.notes.store import NoteStore
from knote.pictures.store import PictureStore
from knote.removal import Removal
from knote.s3 import open_bucket
from knote.sessions.store import SessionStore
from knote.settings import Settings
from knote.shares.store import ShareStore
from knote.sweep import Sweep, SweepReport
from knote.tokens.store import TokenStore
from knote.users.store import UserStore


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[tuple[Database, NoteStore, PictureStore]]:
    check_mongo_url(settings)
    async with open_database(settings) as database, open_bucket(settings) as bucket:
        yield database, NoteStore(database), PictureStore(database, bucket)


def removal_of_accounts(database: Database, notes: NoteStore) -> Removal:
    """What removes accounts, with all that is theirs in any collection."""
    elsewhere = (
        SessionStore(database).end_all,
        TokenStore(database).remove_all,
        DeviceStore(database).remove_all,
        InviteStore(database).remove_all,
    )
    return Removal(UserStore(database), notes, elsewhere)


async def sweep(settings: Settings, *, dry_run: bool) -> SweepReport:
    """One sweep with the times of the settings. Raises `StoreUnavailable`."""
    async with _stores(settings) as (database, notes, pictures):
        return await Sweep(
            notes,
            pictures,
            ShareStore(database),
            removal_of_accounts(database, notes),
            account_time=settings.account_grace_time,
            trash_time=settings.trash_time,
            picture_grace_time=settings.picture_grace_time,
            pending_grace_time=settings.pending_grace_time,
            clock=utc_now,
            dry_run=dry_run,
        ).run()


async def fsck(settings: Settings, *, dry_run: bool) -> FsckReport:
    """One check with the times of the settings. Raises `StoreUnavailable`."""
    async with _stores(settings) as (_, notes, pictures):
        return await Fsck(
            notes,
            pictures,
            pending_grace_time=settings.pending_grace_time,
            clock=utc_now,
            dry_run=dry_run,
        ).run()
