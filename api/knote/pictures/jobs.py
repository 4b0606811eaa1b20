"""The program of a worker process: one picture after the other, each within hard limits.

Jobs come on stdin and answers go to stdout, one line of JSON each, so that a decoder taken over by a
picture cannot hand the API anything but words and numbers. The end of stdin ends the process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO, Final

from knote.pictures.inspect import inspect_picture
from knote.pictures.limits import Limits
from knote.pictures.refusal import PictureRefused
from knote.pictures.variants import make_variant

if sys.platform != "win32":
    import resource

STARTED: Final = b"started\n"
_PAGE_COUNTS: Final = Path("/proc/self/statm")


def main() -> None:
    """Work until stdin ends."""
    # Ctrl-C reaches the whole terminal; the API decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with _private_stdout() as answers:
        for line in sys.stdin.buffer:
            answers.write(STARTED)
            answers.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")


def _private_stdout() -> BinaryIO:
    """What was stdout; a library that prints there writes to stderr from now on."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    limits = Limits(**job["limits"])
    source, target = Path(job["source"]), Path(job["target"])
    _limit(limits.max_memory_bytes, job["cpu_seconds"])
    try:
        if job["width"] is None:
            return {"done": inspect_picture(source, target, limits)}
        return {"done": make_variant(source, target, job["width"])}
    except PictureRefused as refused:
        return {"refused": list(refused.args)}
    except OSError as error:
        return {"os_error": [error.errno, error.strerror, error.filename and str(error.filename)]}
    except ValueError as error:
        return {"value_error": str(error)}
    except MemoryError:
        return {"refused": list(PictureRefused.too_complex().args)}
    except Exception as error:  # noqa: BLE001 - the API logs what nobody expected, without its words
        return {"failed": "".join([*traceback.format_tb(error.__traceback__), type(error).__name__])}


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Limit this process from now on; the processor time it has used so far does not count."""
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


if __name__ == "__main__":
    main()
