"""Opens the stores for a command that runs beside the replicas."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from knote.clock import utc_now
from knote.fsck import Fsck, FsckReport
from knote.mongo import check_mongo_url, open_database
from knote.notes.store import NoteStore
from knote.pictures.store import PictureStore
from knote.s3 import open_bucket
from knote.settings import Settings
from knote.sweep import Sweep, SweepReport


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[tuple[NoteStore, PictureStore]]:
    check_mongo_url(settings)
    async with open_database(settings) as database, open_bucket(settings) as bucket:
        yield NoteStore(database), PictureStore(database, bucket)


async def sweep(settings: Settings, *, dry_run: bool) -> SweepReport:
    """One sweep with the times of the settings. Raises `StoreUnavailable`."""
    async with _stores(settings) as (notes, pictures):
        return await Sweep(
            notes,
            pictures,
            trash_time=settings.trash_time,
            picture_grace_time=settings.picture_grace_time,
            pending_grace_time=settings.pending_grace_time,
            clock=utc_now,
            dry_run=dry_run,
        ).run()


async def fsck(settings: Settings, *, dry_run: bool) -> FsckReport:
    """One check with the times of the settings. Raises `StoreUnavailable`."""
    async with _stores(settings) as (notes, pictures):
        return await Fsck(
            notes,
            pictures,
            pending_grace_time=settings.pending_grace_time,
            clock=utc_now,
            dry_run=dry_run,
        ).run()
