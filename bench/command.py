"""The command of both benches: measures rows, prints the table, keeps it in results.json and the plots."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from bench.measure import Result
from bench.results import HEAD, forget, keep, line

T = TypeVar("T")

Rows = Mapping[str, Callable[[T], Awaitable[list[Result]]]]
Opener = Callable[[], AbstractAsyncContextManager[T]]


def measure(rows: Rows[T], open_: Opener[T], *, is_ours: Callable[[str], bool]) -> int:
    """Measures the rows that the command line names, or all, on what `open_` opens.

    `is_ours` says which kept rows are of this bench: those go before all are measured. Returns the status
    to exit with.
    """
    chosen = sys.argv[1:] or list(rows)
    if unknown := set(chosen) - set(rows):
        print(f"There is no row {', '.join(sorted(unknown))}. The rows: {', '.join(rows)}", file=sys.stderr)
        return 2
    if not sys.argv[1:]:
        forget(is_ours)
    asyncio.run(_run(rows, open_, chosen))
    return 0


async def _run(rows: Rows[T], open_: Opener[T], chosen: Sequence[str]) -> None:
    this = asyncio.current_task()
    assert this is not None
    # Whoever ends it by kill or timeout ends the servers as well.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    async with open_() as opened:
        print(HEAD)
        for name in chosen:
            began = time.monotonic()
            results = await rows[name](opened)
            for result in results:
                print(line(result), flush=True)
            keep(results)
            print(f"    ({name}: {time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
