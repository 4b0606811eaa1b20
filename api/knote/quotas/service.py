"""What each user may do in a minute and in an hour, and what they are told beyond that."""

from datetime import timedelta

from knote.clock import Clock
from knote.errors import TooManyRequests
from knote.quotas.meter import Excess, Meter
from knote.quotas.store import CounterStore
from knote.settings import Settings


class QuotaService:
    """The quotas of each user. The shared notebook has none.

    Methods raise `TooManyRequests`, and now and then `NotesUnavailable` while MongoDB is away.
    """

    def __init__(self, counters: CounterStore, settings: Settings, *, clock: Clock) -> None:
        minute, hour = timedelta(minutes=1), timedelta(hours=1)
        self._requests = Meter("requests", settings.requests_per_minute, minute, counters, clock)
        self._uploads = Meter("uploads", settings.uploads_per_hour, hour, counters, clock)

    async def count_request(self, user: str) -> None:
        """Counts a request, of whatever kind."""
        if excess := await self._requests.count(user):
            raise _too_many("made", "requests", "minute", excess, self._requests.limit)

    async def count_upload(self, user: str) -> None:
        """Counts a picture that is uploaded, whether it is kept or not."""
        if excess := await self._uploads.count(user):
            raise _too_many("sent", "pictures", "hour", excess, self._uploads.limit)


def _too_many(verb: str, what: str, period: str, excess: Excess, limit: int) -> TooManyRequests:
    return TooManyRequests(
        f"You have {verb} {excess.counted:,} {what} in this {period}; {limit:,} are allowed. "
        f"Try again in {excess.retry_after_seconds:,} seconds.",
        retry_after_seconds=excess.retry_after_seconds,
        extra={"count": excess.counted, "limit": limit},
    )
