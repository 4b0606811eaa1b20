"""What was measured: told as a table, kept in results.json, and drawn."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.measure import Result
from bench.plots import draw

RESULTS = Path(__file__).parent / "results.json"
HEAD = f"{'':58} {'Knote':>10} {'limit':>10} {'ratio':>7} {'target':>7} {'spread':>7}"


def line(result: Result) -> str:
    """One row of the table; a mark in front when the target is missed."""
    mark = " " if result.is_reached else "!"
    sign = "≥" if result.better == "higher" else "≤"
    return (
        f"{mark} {result.row:56} {result.knote:10,.2f} {result.limit:10,.2f} {result.ratio:7.2f} "
        f"{sign}{result.target:6.2f} {result.spread:7.2f}"
    )


def keep(results: Sequence[Result]) -> None:
    """Writes the results, in place of what these rows had."""
    new = {result.row: result._asdict() for result in results}
    rows = [new.pop(row["row"], row) for row in _kept()] + list(new.values())
    RESULTS.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    draw(rows)


def forget(is_old: Callable[[str], bool]) -> None:
    """Removes the rows of that kind, so that none stays that is measured no longer."""
    rows = [row for row in _kept() if not is_old(row["row"])]
    RESULTS.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def _kept() -> list[dict[str, Any]]:
    return list(json.loads(RESULTS.read_text())) if RESULTS.exists() else []
