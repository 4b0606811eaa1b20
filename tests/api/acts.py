"""What tests of tokens, shares and limits have in common: a clock to move, bearers, and the audit log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from knote.clock import utc_now
from knote.settings import Settings


class Moment:
    """A clock that a test moves."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or utc_now()

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        """Lets time pass."""
        self.now += timedelta(**time)


def bearer(secret: str) -> dict[str, str]:
    """What a program sends."""
    return {"Authorization": f"Bearer {secret}"}


def database_of(settings: Settings) -> str:
    """The name of the test's database."""
    return settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]


@contextmanager
def audited(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, Any]]]:
    """The lines of the audit log that are written meanwhile, there at the end."""
    lines: list[dict[str, Any]] = []
    with caplog.at_level(logging.INFO, logger="knote.audit"):
        yield lines
    lines += [vars(record) for record in caplog.records if record.name == "knote.audit"]
