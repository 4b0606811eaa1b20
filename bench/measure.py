"""A B A B …: two sides measured in turn, and what that says of their ratio."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple

ROUNDS = 5

Side = Callable[[], Awaitable[float]]


class Result(NamedTuple):
    """One row of the table. `spread` is how far apart the ratios of the rounds lie."""

    row: str
    knote: float
    limit: float
    ratio: float
    target: float
    better: Literal["higher", "lower"]
    spread: float

    @property
    def is_reached(self) -> bool:
        """Whether the ratio is what was aimed at."""
        return self.ratio >= self.target if self.better == "higher" else self.ratio <= self.target


async def in_turn(sides: Sequence[Side], rounds: int = ROUNDS) -> list[list[float]]:
    """What each side measured in each round."""
    found: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for values, side in zip(found, sides, strict=True):
            values.append(await side())
    return found


def compared(
    row: str,
    knote: Sequence[float],
    limit: Sequence[float],
    target: float,
    better: Literal["higher", "lower"] = "higher",
) -> Result:
    """The medians of both sides, the median of the ratios of each round, and their spread."""
    ratios = [ours / theirs for ours, theirs in zip(knote, limit, strict=True)]
    return Result(
        row,
        round(statistics.median(knote), 2),
        round(statistics.median(limit), 2),
        round(statistics.median(ratios), 3),
        target,
        better,
        round(max(ratios) - min(ratios), 3),
    )


async def beside(
    row: str, knote: Side, limit: Side, target: float, better: Literal["higher", "lower"] = "higher"
) -> Result:
    """Knote and its limit in turn."""
    ours, theirs = await in_turn((knote, limit))
    return compared(row, ours, theirs, target, better)
