"""Keyset pages: the envelope of every list, and the cursor that says where the next page starts."""

import base64
import binascii
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Generic, NamedTuple, TypeVar

from fastapi import Query
from pydantic import BaseModel

from knote.errors import Invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

T = TypeVar("T")

PageSize = Annotated[int, Query(ge=1, le=100, description="How many items at the most.")]


class Page(BaseModel, Generic[T]):
    """One page of a list. `next` is the cursor of the following page, null on the last one."""

    items: list[T]
    next: str | None


class Keyset(NamedTuple):
    """The sort key of the last item of a page: the next page holds what sorts after it."""

    created_at: datetime
    id: str


def encode_cursor(keyset: Keyset, *, scope: str) -> str:
    """An opaque, URL-safe cursor that is good for the list named by `scope` alone."""
    milliseconds = (keyset.created_at - EPOCH) // _MILLISECOND
    text = f"{milliseconds}.{keyset.id}.{_digest(scope)}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *, scope: str) -> Keyset:
    """The keyset in `cursor`. Raises `Invalid` when it is malformed or of another list."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        milliseconds, id_, digest = text.split(".")
        if not (milliseconds.removeprefix("-").isdecimal() and len(milliseconds) <= 15):
            raise ValueError(milliseconds)
        keyset = Keyset(EPOCH + int(milliseconds) * _MILLISECOND, id_)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise Invalid(
            "This cursor is not one that Knote gave out. Start again without a cursor.",
            location=("query", "cursor"),
        ) from error
    if digest != _digest(scope):
        raise Invalid(
            "This cursor belongs to another list or search. Start again without a cursor.",
            location=("query", "cursor"),
        )
    return keyset


def _digest(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:12]
