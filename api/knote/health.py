"""Is the process alive, and is it ready for requests: for probes, not for people."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from typing import Literal, Protocol

from fastapi import Request, Response
from pydantic import BaseModel

from knote.errors import StoreUnavailable
from knote.mongo import Database, database_errors, wait_for_primary
from knote.routing import open_router
from knote.s3 import Bucket

router = open_router("", tag="health", base="")

CACHE_SECONDS = 1.0
CHECK_TIMEOUT_SECONDS = 3.0
PRIMARY_TIMEOUT_SECONDS = 3.0

DependencyState = Literal["ok", "unavailable"]


class Drain:
    """Whether the process is about to stop: the server says so, and `/readyz` tells."""

    def __init__(self) -> None:
        self.is_on = False


class Live(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Ready(BaseModel):
    """What this replica can do.

    `ok`: everything. `degraded`: notes work, pictures do not; it stays in service. `unavailable`:
    nothing, since MongoDB is away. `draining`: it is about to stop and takes no new work.
    """

    status: Literal["ok", "degraded", "unavailable", "draining"]
    mongo: DependencyState
    pictures: DependencyState


class Indexed(Protocol):
    """A store whose reads and writes rely on indexes."""

    async def ensure_indexes(self) -> None:
        """Creates what is missing."""


class Health:
    """Whether the stores answer, asked at most once a second, and whether this replica drains."""

    def __init__(
        self,
        database: Database,
        bucket: Bucket,
        stores: Sequence[Indexed],
        drain: Drain,
    ) -> None:
        self._database = database
        self._bucket = bucket
        self._stores = stores
        self._lock = asyncio.Lock()
        self._checked_at = float("-inf")
        self._answers: tuple[DependencyState, DependencyState] = ("unavailable", "unavailable")
        self._are_indexes_ensured = False
        self._drain = drain

    async def ready(self) -> Ready:
        """The state of this replica and of each store."""
        async with self._lock:
            if time.monotonic() - self._checked_at > CACHE_SECONDS:
                self._answers = await asyncio.gather(
                    _state(self._check_mongo()), _state(self._bucket.check())
                )
                self._checked_at = time.monotonic()
        mongo, pictures = self._answers
        if self._drain.is_on:
            return Ready(status="draining", mongo=mongo, pictures=pictures)
        if mongo != "ok":
            return Ready(status="unavailable", mongo=mongo, pictures=pictures)
        status: Literal["ok", "degraded"] = "ok" if pictures == "ok" else "degraded"
        return Ready(status=status, mongo=mongo, pictures=pictures)

    async def admit(self) -> None:
        """Lets in what needs MongoDB, with its indexes: no write may come before them.

        They are created once in the life of this replica. Raises `NotesUnavailable` while MongoDB is away.
        """
        await wait_for_primary(self._database, timeout_seconds=PRIMARY_TIMEOUT_SECONDS)
        if not self._are_indexes_ensured:
            for store in self._stores:
                await store.ensure_indexes()
            self._are_indexes_ensured = True

    async def _check_mongo(self) -> None:
        await self.admit()
        with database_errors():
            await self._database.command("ping")


async def _state(check: Awaitable[None]) -> DependencyState:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check
    except (StoreUnavailable, TimeoutError):
        return "unavailable"
    return "ok"


@router.get("/livez")
async def livez() -> Live:
    """Whether the process answers. It asks no store, so a store that is away restarts nothing."""
    return Live(status="ok")


@router.get("/readyz", responses={503: {"model": Ready, "description": "Not ready"}})
async def readyz(request: Request, response: Response) -> Ready:
    """Whether this replica takes requests, and what it can reach.

    It stays ready while only the object store is away, and says `degraded`.
    """
    health: Health = request.state.health
    ready = await health.ready()
    response.status_code = 200 if ready.status in {"ok", "degraded"} else 503
    response.headers["Cache-Control"] = "no-store"
    return ready
