"""Keeps local mode's servers running: starts them together, starts again what ends, stops all."""

import asyncio
import time
from collections.abc import Callable, Sequence

from knote.local.child import ChildServer
from knote.local.errors import LocalModeError

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0


class Supervisor:
    """`say` takes one line for the person at the terminal."""

    def __init__(self, servers: Sequence[ChildServer], *, say: Callable[[str], None]) -> None:
        self._servers = servers
        self._say = say

    async def start(self) -> None:
        """Starts all servers side by side. When one cannot start, none stays."""
        starts = [asyncio.create_task(self._start(server)) for server in self._servers]
        try:
            await asyncio.gather(*starts)
        except BaseException:
            for start in starts:
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
            raise

    async def watch(self) -> None:
        """Starts again whatever ends by itself, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for server in self._servers:
                tasks.create_task(self._watch(server))
                tasks.create_task(_trim_log(server))

    async def stop(self, *, hurry: asyncio.Event) -> None:
        """Stops the servers, last first; once `hurry` is set, kills what is left."""
        for server in reversed(self._servers):
            stopping = asyncio.create_task(server.stop())
            hurried = asyncio.create_task(hurry.wait())
            await asyncio.wait({stopping, hurried}, return_when=asyncio.FIRST_COMPLETED)
            if not stopping.done():
                await server.kill()
            hurried.cancel()
            await asyncio.gather(stopping, hurried, return_exceptions=True)

    async def _start(self, server: ChildServer) -> None:
        began = time.monotonic()
        await server.start()
        self._say(f"  {server.title} is ready ({time.monotonic() - began:.1f} s)")

    async def _watch(self, server: ChildServer) -> None:
        pause = 0.0
        while True:
            began = time.monotonic()
            await server.wait_ended()
            if time.monotonic() - began > _STEADY_SECONDS:
                pause = 0.0
            self._say(f"{server.title} ended unexpectedly: starting it again. Its log: {server.log_path}")
            while not server.is_running:
                await asyncio.sleep(pause)
                pause = min(max(2 * pause, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
                try:
                    await self._start(server)
                except LocalModeError as error:
                    self._say(f"{error}\nTrying again in {pause:.1f} s.")


async def _trim_log(server: ChildServer) -> None:
    while True:
        await asyncio.sleep(60)
        await asyncio.to_thread(server.trim_log)
