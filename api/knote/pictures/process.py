"""One worker process, and the lines that go to it and come back."""

from __future__ import annotations

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from typing import Final, Self

_COMMAND: Final = (sys.executable, "-m", "knote.pictures.jobs")
_START_SECONDS: Final = 20.0


class WorkerProcess:
    """A process that runs knote.pictures.jobs."""

    def __init__(self, process: Process, jobs: StreamWriter, answers: StreamReader) -> None:
        self._process = process
        self._jobs = jobs
        self._answers = answers

    @classmethod
    async def spawn(cls) -> Self:
        """Start a process; it loads its decoders while its first job is on the way."""
        # What a decoder prints when it breaks is no line of our log, and may hold what it read.
        process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        if process.stdin is None or process.stdout is None:
            raise OSError("a worker process started without pipes")
        return cls(process, process.stdin, process.stdout)

    @property
    def exit_status(self) -> int | None:
        """How the process ended: minus the signal that ended it, None while it runs."""
        return self._process.returncode

    async def begin(self, job: bytes) -> None:
        """Hand over a job and wait until it is begun; a process that cannot begin is ended.

        Raises EOFError or OSError (TimeoutError among them).
        """
        try:
            if self._jobs.is_closing():  # uvloop raises a RuntimeError where asyncio says nothing
                raise EOFError("the process has ended")
            async with asyncio.timeout(_START_SECONDS):
                self._jobs.write(job)
                await self._jobs.drain()
                await self.read_line()
        except BaseException:
            await self.end()
            raise

    async def read_line(self) -> bytes:
        """The next line; raises asyncio.IncompleteReadError, an EOFError, when the process ends."""
        return await self._answers.readuntil(b"\n")

    async def end(self) -> None:
        """Kill the process and wait for its end, even when the caller is cancelled meanwhile."""
        self._jobs.close()
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        await asyncio.shield(self._process.wait())
