"""What the requests of people came to."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol, Self


@dataclass(frozen=True)
class Failure:
    """A request that did not get what it asked for."""

    at: float
    who: str
    what: str
    status: int | None
    said: str
    retry_after: str | None

    @property
    def is_polite(self) -> bool:
        """Whether it was told that Knote is away for now, and when to come again."""
        return self.status == 503 and self.retry_after is not None


class NoteDown(Protocol):
    """Whom people tell what came of a request: who asked, for what, and the failure if it was one."""

    def __call__(
        self, who: str, kind: str, failure: Failure | None, *, second_try: bool = False, pictures: int = 0
    ) -> None: ...


@dataclass
class Tally:
    """What happened between two moments."""

    requests: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    # By kind of request: the longest time from a refusal to the next answer.
    longest_seconds: dict[str, float] = field(default_factory=dict)
    # Answered only on a second connection, as a browser asks when its old one has been closed.
    second_tries: int = 0
    # With pixels of their own, on the pages that a browser has loaded.
    pictures_on_screen: int = 0

    def add(self, other: Self) -> None:
        """Goes on with what happened afterwards."""
        self.requests += other.requests
        self.failures += other.failures
        self.second_tries += other.second_tries
        self.pictures_on_screen += other.pictures_on_screen
        for kind, seconds in other.longest_seconds.items():
            self.longest_seconds[kind] = max(seconds, self.longest_seconds.get(kind, 0))

    def summary(self) -> dict[str, Any]:
        """For the report."""
        return {
            "requests": sum(self.requests.values()),
            "failed": len(self.failures),
            "failed_how": dict(Counter(f"{each.what} {each.status or each.said}" for each in self.failures)),
            "not_503_with_retry_after": sum(not each.is_polite for each in self.failures),
            "longest_seconds": {kind: round(seconds, 1) for kind, seconds in self.longest_seconds.items()},
            "second_tries": self.second_tries,
            "pages_in_the_browser": self.requests["page in the browser"],
            "pictures_on_screen": self.pictures_on_screen,
        }
