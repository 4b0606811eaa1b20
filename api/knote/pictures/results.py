"""What the picture functions hand back; light, because the API process imports it."""

from __future__ import annotations

from typing import NamedTuple


class Inspected(NamedTuple):
    """The picture that was written: its type, its size as shown, and the SHA-256 of its bytes."""

    content_type: str
    width: int
    height: int
    size_bytes: int
    sha256: str
    animated: bool
    frames: int


class Variant(NamedTuple):
    """The smaller copy that was written."""

    content_type: str
    width: int
    height: int
    size_bytes: int
