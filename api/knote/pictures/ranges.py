"""The arithmetic of `Range: bytes=…`, RFC 9110 section 14."""

import re
from typing import NamedTuple

from knote.errors import RangeNotSatisfiable

_SINGLE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class ByteRange(NamedTuple):
    """The bytes from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size_bytes(self) -> int:
        """How many bytes that is."""
        return self.last - self.first + 1


def parse_range(value: str | None, size_bytes: int) -> ByteRange | None:
    """The part of `size_bytes` bytes that a Range header asks for; None means all of it.

    Several ranges at once, other units and what follows no grammar are answered with all, as the RFC
    allows. Raises `RangeNotSatisfiable` for a range that lies outside.
    """
    found = _SINGLE.fullmatch(value) if value else None
    if found is None or not (found[1] or found[2]):
        return None
    if found[1]:
        first = int(found[1])
        last = int(found[2]) if found[2] else size_bytes - 1
        if last < first and found[2]:
            return None
    else:
        first = max(0, size_bytes - int(found[2]))
        last = size_bytes - 1
    if first >= size_bytes:
        raise RangeNotSatisfiable(
            f"This picture has {size_bytes} bytes; the range lies outside them.",
            headers={"Content-Range": f"bytes */{size_bytes}"},
        )
    return ByteRange(first, min(last, size_bytes - 1))
