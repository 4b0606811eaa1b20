"""GIF: keeps palettes, frames, timing and the loop count; drops comments and the rest."""

from __future__ import annotations

import struct
from typing import Final

from knote.pictures.formats.clean import Clean, Format
from knote.pictures.limits import Limits
from knote.pictures.refusal import PictureRefused

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
GRAPHIC_CONTROL, APPLICATION, PLAIN_TEXT = 0xF9, 0xFF, 0x01

_LOOPS: Final = {b"NETSCAPE2.0", b"ANIMEXTS1.0"}


def clean_gif(data: bytes, limits: Limits) -> Clean:
    """The GIF in `data`; its screen is widened to hold every frame, as decoders do."""
    blocks = _Blocks(data, limits)
    while blocks.take():
        pass
    if not blocks.frames:
        raise PictureRefused.broken()
    size = (blocks.width, blocks.height)
    return Clean(Format.GIF, blocks.finish(), *size, frames=blocks.frames, lossless=True)


class _Blocks:
    """A cursor over the blocks of a GIF, and those kept so far."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._view = memoryview(data)
        self._limits = limits
        self._control = b""
        self._looped = False
        self._parts: list[bytes | memoryview] = []
        self.width, self.height, self._flags = struct.unpack_from("<HHB", data, 6)
        self._at = 13 + _palette_bytes(self._flags)
        if self.width and self.height:
            limits.check_canvas(self.width, self.height)
        self.frames = 0

    def finish(self) -> list[bytes | memoryview]:
        """All that is kept, from header to trailer."""
        screen = struct.pack("<HH", self.width, self.height)
        palette = self._view[10 : 13 + _palette_bytes(self._flags)]
        return [self._view[:6], screen, palette, *self._parts, b";"]

    def take(self) -> bool:
        """Read one block; False after the trailer. A missing trailer means a file cut short."""
        if self._at >= len(self._data):
            raise PictureRefused.broken()
        kind = self._data[self._at]
        if kind == TRAILER:
            return False
        if kind == EXTENSION:
            self._take_extension()
        elif kind == IMAGE:
            self._take_image()
        else:
            raise PictureRefused.broken()
        return True

    def _take_extension(self) -> None:
        label, start = self._data[self._at + 1], self._at + 2
        self._at = self._skip_blocks(start)
        first = self._data[start + 1 : start + 1 + self._data[start]]
        if label == GRAPHIC_CONTROL and len(first) == 4:
            self._control = b"!\xf9\x04" + first + b"\0"
        elif label == PLAIN_TEXT:
            self._control = b""
        elif label == APPLICATION and first[:11] in _LOOPS and not self._looped:
            loop = self._data[start + 12 : start + 16]
            if loop[:2] == b"\x03\x01" and len(loop) == 4:
                self._looped = True
                self._parts.append(b"!\xff\x0b" + first[:11] + loop + b"\0")

    def _take_image(self) -> None:
        left, top, width, height, flags = struct.unpack_from("<HHHHB", self._data, self._at + 1)
        end = self._skip_blocks(self._at + 11 + _palette_bytes(flags))
        if not width or not height:
            raise PictureRefused.broken()
        self.frames += 1
        self.width, self.height = max(self.width, left + width), max(self.height, top + height)
        self._limits.check_canvas(self.width, self.height)
        self._limits.check_frames(self.width, self.height, self.frames)
        self._parts += (self._control, self._view[self._at : end])
        self._control = b""
        self._at = end

    def _skip_blocks(self, at: int) -> int:
        """The position behind a chain of data blocks and its terminator."""
        data = self._data
        try:
            while size := data[at]:
                at += 1 + size
        except IndexError:
            raise PictureRefused.broken() from None
        return at + 1


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
