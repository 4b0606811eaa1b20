"""Runs decoders in processes of their own: a crash, a hang or a memory blow-up stays in there."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import anyio
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from knote.pictures.jobs import inspect_job, variant_job
from knote.pictures.limits import DEFAULT_LIMITS, Limits
from knote.pictures.refusal import PictureRefused
from knote.pictures.results import Inspected, Variant

Result = TypeVar("Result")

# The kernel's own clock ends a worker whose parent died; the wall clock here comes first.
_CPU_GRACE_SECONDS: Final = 5


class PictureWorker:
    """At most `workers` pictures at once, each in a process, each for at most `timeout_seconds`.

    Waiting for a free process does not count as time. Processes start with the first picture, stay
    for the next ones, and end with the event loop. The program's main module is loaded in them too,
    so it must do nothing on import, and import little.
    """

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, *, workers: int = 2, timeout_seconds: float = 30.0
    ) -> None:
        self._limits = limits
        self._slots = CapacityLimiter(workers)
        self._processes = CapacityLimiter(math.inf)
        self._timeout_seconds = timeout_seconds
        self._cpu_seconds = math.ceil(timeout_seconds) + _CPU_GRACE_SECONDS

    async def inspect(self, source: Path, target: Path) -> Inspected:
        """inspect_picture in a worker; also refuses what takes too long or breaks its decoder."""
        return await self._run(target, inspect_job, source, target, self._limits, self._cpu_seconds)

    async def make_variant(self, source: Path, target: Path, width: int) -> Variant:
        """make_variant in a worker; also refuses what takes too long or breaks its decoder."""
        limits = (self._limits.max_memory_bytes, self._cpu_seconds)
        return await self._run(target, variant_job, source, target, width, *limits)

    async def _run(self, target: Path, job: Callable[..., Result], *args: object) -> Result:
        async with self._slots:
            try:
                with anyio.fail_after(self._timeout_seconds):
                    return await to_process.run_sync(
                        job, *args, cancellable=True, limiter=self._processes
                    )
            except TimeoutError:
                target.unlink(missing_ok=True)
                raise PictureRefused.too_complex() from None
            except BrokenWorkerProcess:
                target.unlink(missing_ok=True)
                raise PictureRefused.broken() from None
            except anyio.get_cancelled_exc_class():
                target.unlink(missing_ok=True)
                raise
