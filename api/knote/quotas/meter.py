"""Counts what each user does in a period, over all replicas, at the price of a command now and then."""

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from knote.clock import Clock
from knote.quotas.store import CounterStore

# A replica tells the others after every fiftieth part of the limit.
_PARTS = 50


class Excess(NamedTuple):
    """That somebody has done so much in this period that nothing more is allowed, and when it is again."""

    counted: int
    retry_after_seconds: int


class _Tally:
    """What this replica knows of one user in one period."""

    def __init__(self, key: str, ends_at: datetime) -> None:
        self.key = key
        self.ends_at = ends_at
        self.told = 0  # by all replicas, when this one last told what it had counted
        self.untold = 0  # by this one since then
        self.lock = asyncio.Lock()


class Meter:
    """Counts up to `limit` in each `period`; a limit of 0 is none.

    A replica counts by itself. Before it lets through more than a step (a fiftieth of the limit, or 1)
    that the others know nothing of, it adds that to the one count in MongoDB, and is told what that has
    come to. So one request in a step costs a command, and all replicas together let through less than
    the limit and a step for each of them. A new period begins with the clock's minute or hour.
    """

    def __init__(
        self, what: str, limit: int, period: timedelta, counters: CounterStore, clock: Clock
    ) -> None:
        self.limit = limit
        self.step = max(1, limit // _PARTS)
        self._what = what
        self._period = period
        self._counters = counters
        self._clock = clock
        self._number = -1
        self._tallies: dict[str, _Tally] = {}

    async def count(self, user: str) -> Excess | None:
        """Counts one more of the user's, unless they are at the limit: that is what comes back then."""
        if not self.limit:
            return None
        now = self._clock()
        tally = self._tally_of(user, now)
        while tally.untold >= self.step:
            await self._tell(tally)
        count = tally.told + tally.untold
        if count >= self.limit:
            return Excess(count, max(1, math.ceil((tally.ends_at - now).total_seconds())))
        tally.untold += 1
        return None

    def _tally_of(self, user: str, now: datetime) -> _Tally:
        number = int(now.timestamp() // self._period.total_seconds())
        if number != self._number:
            self._number, self._tallies = number, {}
        if user not in self._tallies:
            ends_at = datetime.fromtimestamp((number + 1) * self._period.total_seconds(), UTC)
            self._tallies[user] = _Tally(f"{self._what} {number} {user}", ends_at)
        return self._tallies[user]

    async def _tell(self, tally: _Tally) -> None:
        async with tally.lock:
            if (count := tally.untold) >= self.step:  # nobody was faster
                tally.told = await self._counters.add(tally.key, count, tally.ends_at + self._period)
                tally.untold -= count
