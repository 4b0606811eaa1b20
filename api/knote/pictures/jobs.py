"""What runs inside a worker process: one picture, within hard limits on memory and processor time.

The API process imports this module too; the decoders are imported by the first job, in the worker.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Final

from knote.pictures.limits import Limits
from knote.pictures.results import Inspected, Variant

if sys.platform != "win32":
    import resource

_PAGE_COUNTS: Final = Path("/proc/self/statm")


def inspect_job(source: Path, target: Path, limits: Limits, cpu_seconds: int) -> Inspected:
    """inspect_picture, limited."""
    from knote.pictures.inspect import inspect_picture

    _limit(limits.max_memory_bytes, cpu_seconds)
    return inspect_picture(source, target, limits)


def variant_job(
    source: Path, target: Path, width: int, memory_bytes: int, cpu_seconds: int
) -> Variant:
    """make_variant, limited."""
    from knote.pictures.variants import make_variant

    _limit(memory_bytes, cpu_seconds)
    return make_variant(source, target, width)


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Limit this process from now on; the processor time it has used so far does not count."""
    # Ctrl-C reaches the whole terminal: the parent decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, round(used.ru_utime + used.ru_stime) + cpu_seconds)
    if _PAGE_COUNTS.exists():
        pages = int(_PAGE_COUNTS.read_text("ascii").split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + memory_bytes)


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, hard))
