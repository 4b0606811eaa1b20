"""What runs have shown: `python -m chaos.figures FILE ...` writes it into docs/reliability.md."""

import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from chaos.checker import check, promised
from chaos.evidence import Evidence, is_answered, over_at
from chaos.history import History, read_history
from chaos.judge_service import HELD, Growth, growths
from chaos.register import NEVER

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- figures: written from the history of a run -->\n", "<!-- end of figures -->\n"
_TITLES = {"open": "An open notebook", "accounts": "With accounts"}
_MEBIBYTE = 1024 * 1024


def figures(history: History) -> str:
    """The figures as Markdown."""
    parts = (_run(history), _calls(history), _faults(history), _growths(history))
    return "\n\n".join([f"### {_TITLES[history.setup.auth]}", *map("\n".join, parts)]) + "\n"


def _run(history: History) -> Iterator[str]:
    setup = history.setup
    calls = history.calls
    seconds = max(over_at(call) for call in calls) - min(call.started for call in calls)
    broken = Counter(violation.invariant for violation in check(history))
    yield (
        f"Seed {setup.seed}, {setup.minutes:g} minutes of faults: {setup.replicas} API processes, "
        f"{setup.members} members of MongoDB, {setup.s3}, {setup.workers} clients{_users(history)}, "
        f"{len(calls):,} requests in {seconds:,.0f} s, {len(history.notes):,} notes and "
        f"{len({row.id for row in history.pictures}):,} pictures at the end."
    )
    yield ""
    held = [number for number in promised(history) if not broken[number]]
    yield f"Promises that held: {', '.join(map(str, held))}." + (
        f" Broken: {', '.join(f'{number} ({count} times)' for number, count in sorted(broken.items()))}."
        if broken
        else " None was broken."
    )


def _users(history: History) -> str:
    users = {call.user for call in history.calls if call.worker >= 0} - {None}
    return f" of {len(users)} users" if users else " of an open notebook"


def _calls(history: History) -> Iterator[str]:
    yield "| request | answered | median | longest | 503, 502, 504 | no answer |"
    yield "|---|---|---|---|---|---|"
    for operation in sorted({call.operation for call in history.calls}):
        calls = [call for call in history.calls if call.operation == operation]
        answered = [over_at(call) - call.started for call in calls if is_answered(call)]
        times = (
            f"{statistics.median(answered) * 1000:.0f} ms | {max(answered):.1f} s" if answered else "- | -"
        )
        failed = sum(call.status is not None and not is_answered(call) for call in calls)
        lost = sum(call.status is None for call in calls)
        yield f"| {operation} | {len(answered):,} | {times} | {failed:,} | {lost:,} |"


def _faults(history: History) -> Iterator[str]:
    yield "| fault | times | whole again after, median | at the latest |"
    yield "|---|---|---|---|"
    settled: dict[str, list[float]] = defaultdict(list)
    for fault in history.faults:
        over = max(other.ended for other in history.faults if other.started <= (fault.settled or fault.ended))
        settled[fault.name].append(NEVER if fault.settled is None else fault.settled - over)
    for name, seconds in sorted(settled.items()):
        median = statistics.median(seconds)
        yield f"| {name} | {len(seconds)} | {_seconds(median)} | {_seconds(max(seconds))} |"


def _seconds(value: float) -> str:
    return "over a minute" if value == NEVER else f"{value:.1f} s"


def _growths(history: History) -> Iterator[str]:
    yield "| process | memory, MiB | file descriptors | connections | threads |"
    yield "|---|---|---|---|---|"
    held: dict[str, dict[str, Growth]] = defaultdict(dict)
    for one in growths(Evidence(history)):
        held[one.process][one.what] = one
    for process, of_one in sorted(held.items()):
        cells = [_change(of_one[what]) for what in HELD]
        yield f"| {process} | {' | '.join(cells)} |"


def _change(growth: Growth) -> str:
    unit = _MEBIBYTE if growth.what == "memory" else 1
    return f"{growth.first / unit:.0f} to {growth.last / unit:.0f} ({growth.per_minute / unit:+.0f})"


def main() -> int:
    """Writes the figures of the histories that are named into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    found = "\n".join(figures(read_history(Path(each))) for each in sys.argv[1:])
    PAGE.write_text(f"{before}{_BEGIN}\n{found}\n{_END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
