"""Boxes of the ISO base media file format, which AVIF is stored in."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from knote.pictures.refusal import PictureRefused


class Box(NamedTuple):
    """One box: its type, where it starts, where its payload starts, and where it ends."""

    kind: bytes
    start: int
    payload: int
    end: int


class Span(NamedTuple):
    """The bytes from `start` up to `end`."""

    start: int
    end: int


def read_boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes between two positions; stops before the first that does not fit."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        payload = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, payload)
            payload += 8
        elif size == 0:
            size = end - start
        if start + size > end or start + size < payload:
            return
        yield Box(kind, start, payload, start + size)
        start += size


def find_box(data: bytes, outer: Box, kind: bytes, *, skip: int = 0) -> Box:
    """The first box of a kind inside another, `skip` bytes into its payload."""
    for box in read_boxes(data, outer.payload + skip, outer.end):
        if box.kind == kind:
            return box
    raise PictureRefused.broken()


class Cursor:
    """Reads big-endian integers of given widths in turn."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data = data
        self._end = end
        self.at = at

    def read(self, width: int) -> int:
        """The next `width` bytes as a number; none of them is 0."""
        if self.at + width > self._end:
            raise PictureRefused.broken()
        self.at += width
        return int.from_bytes(self._data[self.at - width : self.at], "big")
