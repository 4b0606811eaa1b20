"""Runs decoders in processes of their own: a crash, a hang or a memory blow-up stays in there."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from knote.pictures.limits import DEFAULT_LIMITS, Limits
from knote.pictures.process import WorkerProcess
from knote.pictures.refusal import PictureRefused
from knote.pictures.results import Inspected, Variant

logger = logging.getLogger(__name__)

# The kernel's own clock ends a worker whose parent died; the wall clock here comes first.
_CPU_GRACE_SECONDS: Final = 5


class PictureWorker:
    """At most `workers` pictures at once, each in a process, each for at most `timeout_seconds`.

    Waiting for a free process does not count as time. Processes start with the first picture and stay
    for the next ones. Use it as a context manager, or call `aclose`; when the program dies without,
    its workers end by themselves.
    """

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, *, workers: int = 2, timeout_seconds: float = 30.0
    ) -> None:
        self._limits = asdict(limits)
        self._slots = asyncio.Semaphore(workers)
        self._idle: list[WorkerProcess] = []
        self._timeout_seconds = timeout_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the processes that are at rest; running jobs end with their tasks."""
        while self._idle:
            await self._idle.pop().end()

    async def inspect(self, source: Path, target: Path) -> Inspected:
        """inspect_picture in a worker; also refuses what takes too long or breaks its decoder."""
        return Inspected(*await self._run(source, target, None))

    async def make_variant(self, source: Path, target: Path, width: int) -> Variant:
        """make_variant in a worker; also refuses what takes too long or breaks its decoder."""
        return Variant(*await self._run(source, target, width))

    async def _run(self, source: Path, target: Path, width: int | None) -> list[Any]:
        job = {
            "source": str(source),
            "target": str(target),
            "width": width,
            "limits": self._limits,
            "cpu_seconds": math.ceil(self._timeout_seconds) + _CPU_GRACE_SECONDS,
        }
        async with self._slots:
            answer = await self._call(json.dumps(job).encode() + b"\n", target)
        match answer:
            case {"done": list(result)}:
                return result
            case {"refused": [reason, detail]}:
                raise PictureRefused(reason, detail)
            case {"os_error": [number, text, name]}:
                raise OSError(number, text, name)
            case {"value_error": text}:
                raise ValueError(text)
            case {"failed": way}:
                logger.error("a picture worker failed", extra={"way": way})
        raise PictureRefused.broken()

    async def _call(self, line: bytes, target: Path) -> dict[str, Any]:
        """Hand a job to a process and wait; where that ends otherwise, nothing is left at `target`."""
        try:
            worker = await self._start(line)
            answer = await self._answer_of(worker)
        except BaseException:
            _remove(target)
            raise
        self._idle.append(worker)
        return answer

    async def _answer_of(self, worker: WorkerProcess) -> dict[str, Any]:
        """What a process says at the end of its job; one that is not fit to go on is ended."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer: dict[str, Any] = json.loads(await worker.read_line())
        except BaseException as error:
            await worker.end()
            if isinstance(error, TimeoutError):
                raise PictureRefused.too_complex() from None
            if isinstance(error, (EOFError, ValueError, asyncio.LimitOverrunError)):
                logger.warning("a picture ended its worker", extra={"exit_status": worker.exit_status})
                raise PictureRefused.broken() from None
            raise
        return answer

    async def _start(self, line: bytes) -> WorkerProcess:
        """A process that has begun the job. One that died at rest costs nobody an upload."""
        while self._idle:
            worker = self._idle.pop()
            try:
                await worker.begin(line)
            except (EOFError, OSError):
                continue
            return worker
        worker = await WorkerProcess.spawn()
        try:
            await worker.begin(line)
        except EOFError as error:
            raise OSError(f"a picture worker ended as it began, with {worker.exit_status}") from error
        return worker


def _remove(target: Path) -> None:
    target.unlink(missing_ok=True)
