"""What the container rewriters hand back: the bytes to keep and what they declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from knote.pictures.orientation import UPRIGHT


class Format(StrEnum):
    """A picture format, by its media type; the member's name is Pillow's name for it."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    GIF = "image/gif"
    WEBP = "image/webp"
    AVIF = "image/avif"


@dataclass(frozen=True, slots=True)
class Clean:
    """A picture without metadata.

    `parts` joined are its bytes. `width` and `height` are the stored ones, before `orientation` is
    applied. `redraw` asks for decoding and encoding again although the picture is upright.
    """

    format: Format
    parts: Sequence[bytes | memoryview]
    width: int
    height: int
    frames: int = 1
    orientation: int = UPRIGHT
    redraw: bool = False
    lossless: bool = False

    def tobytes(self) -> bytes:
        """The bytes to keep, in one piece."""
        return b"".join(self.parts)
