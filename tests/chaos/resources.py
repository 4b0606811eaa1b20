"""What each process holds: memory, file descriptors, connections, threads, at intervals."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import psutil

from chaos.history import Process
from chaos.system import System

_EVERY_SECONDS = 2.0


def processes_of(system: System) -> dict[str, int]:
    """The processes by name; those that do not run at the moment are missing."""
    found = {one.name: one.pid for one in system.fleet.replicas if one.is_alive}
    found |= {one.data_dir.name: one.pid for one in system.servers if one.is_running}
    return found | {"nginx": system.web.pid}


def sample(name: str, pid: int, *, at: float) -> Process | None:
    """What the process holds now; None when it is gone."""
    try:
        process = psutil.Process(pid)
        # The work of nginx is done by its children, which a reload replaces.
        counted = [process, *process.children()] if name == "nginx" else [process]
        return Process(
            name=name,
            pid=pid,
            at=at,
            memory_bytes=sum(one.memory_info().rss for one in counted),
            file_descriptors=sum(one.num_fds() for one in counted),
            connections=sum(len(one.net_connections("tcp")) for one in counted),
            threads=sum(one.num_threads() for one in counted),
        )
    except psutil.Error:
        return None


@contextlib.asynccontextmanager
async def sampled(system: System, record: Callable[[Process], None]) -> AsyncIterator[None]:
    """Samples of all processes for as long as this lasts."""

    async def take() -> None:
        while True:
            at = time.monotonic()
            for name, pid in processes_of(system).items():
                if (one := sample(name, pid, at=at)) is not None:
                    record(one)
                await asyncio.sleep(0)
            await asyncio.sleep(_EVERY_SECONDS)

    taking = asyncio.create_task(take())
    try:
        yield
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
