"""For how long what somebody makes is good: a number of days, or for good."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field


def _whole(value: object) -> object:
    """JSON knows one kind of number: 7.0 is 7."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


LifeInDays = Annotated[int, Field(ge=1, le=3650), BeforeValidator(_whole)]


def end_of(days: int | None, now: datetime) -> datetime | None:
    """When it is over; None is never."""
    return None if days is None else now + timedelta(days=days)
