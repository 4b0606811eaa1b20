"""`python -m bench.page [ROW ...]`: measures the page, prints the table, keeps it in results.json."""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence

from bench.page.notebook import open_notebook
from bench.page.rows import ROWS
from bench.plots import PAGE
from bench.results import HEAD, forget, keep, line


def main() -> int:
    """Measures the rows that are named, or all."""
    chosen = sys.argv[1:] or list(ROWS)
    if unknown := set(chosen) - set(ROWS):
        print(f"There is no row {', '.join(sorted(unknown))}. The rows: {', '.join(ROWS)}", file=sys.stderr)
        return 2
    if not sys.argv[1:]:
        forget(lambda row: row.startswith(PAGE))
    asyncio.run(_run(chosen))
    return 0


async def _run(chosen: Sequence[str]) -> None:
    this = asyncio.current_task()
    assert this is not None
    # Whoever ends it by kill or timeout ends the servers as well.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    async with open_notebook() as addresses:
        print(HEAD)
        for name in chosen:
            began = time.monotonic()
            results = await ROWS[name](addresses)
            for result in results:
                print(line(result), flush=True)
            keep(results)
            print(f"    ({name}: {time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
