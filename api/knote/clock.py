"""Where time and ids come from; tests pass their own."""

import base64
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
IdSource = Callable[[], str]


def utc_now() -> datetime:
    """The present in UTC, cut to the millisecond that MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def new_id() -> str:
    """120 random bits as 24 characters of `[a-z2-7]`: unguessable, and needs no coordination."""
    return base64.b32encode(secrets.token_bytes(15)).decode().lower()
