"""`python -m bench [ROW ...]`: measures, prints the table, writes results.json and the plots."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Result
from bench.plots import draw
from bench.processes import REST
from bench.rows import ROWS
from bench.stage import open_stage

RESULTS = Path(__file__).parent / "results.json"


def main() -> int:
    """Runs the rows that are named, or all."""
    chosen = sys.argv[1:] or list(ROWS)
    if unknown := set(chosen) - set(ROWS):
        print(f"There is no row {', '.join(sorted(unknown))}. The rows: {', '.join(ROWS)}", file=sys.stderr)
        return 2
    if not sys.argv[1:]:
        RESULTS.unlink(missing_ok=True)
    asyncio.run(_run(chosen))
    return 0


async def _run(chosen: Sequence[str]) -> None:
    this = asyncio.current_task()
    assert this is not None
    # Whoever ends it by kill or timeout ends the servers as well.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    async with open_stage() as stage:
        os.sched_setaffinity(0, {REST})
        print(f"{'':58} {'Knote':>10} {'limit':>10} {'ratio':>7} {'target':>7} {'spread':>7}")
        for name in chosen:
            began = time.monotonic()
            results = await ROWS[name](stage)
            for result in results:
                print(_line(result), flush=True)
            _keep(results)
            print(f"    ({name}: {time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)


def _line(result: Result) -> str:
    mark = " " if result.is_reached else "!"
    sign = "≥" if result.better == "higher" else "≤"
    return (
        f"{mark} {result.row:56} {result.knote:10,.2f} {result.limit:10,.2f} {result.ratio:7.2f} "
        f"{sign}{result.target:6.2f} {result.spread:7.2f}"
    )


def _keep(results: Sequence[Result]) -> None:
    """Writes the results, in place of what these rows had."""
    new = {result.row: result._asdict() for result in results}
    old = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    rows = [new.pop(row["row"], row) for row in old] + list(new.values())
    RESULTS.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    draw(rows)


if __name__ == "__main__":
    sys.exit(main())
