"""PNG and APNG: keeps the chunks that make pixels, colours and motion; drops the rest."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from knote.pictures.formats.clean import Clean, Format
from knote.pictures.limits import Limits
from knote.pictures.orientation import UPRIGHT, read_orientation
from knote.pictures.refusal import PictureRefused

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
COLOUR_CHUNKS: Final = (b"cHRM", b"cICP", b"gAMA", b"sBIT", b"sRGB", b"mDCV", b"cLLI", b"pHYs")

CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_EXACT_BYTES: Final = {
    b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9,
}  # fmt: skip
_REPEATED: Final = {b"IDAT", b"fdAT", b"fcTL"}
_MOST_BYTES: Final = {b"sBIT": 4, b"bKGD": 6, b"tRNS": 256}
_PROFILE_BYTES: Final = 1024 * 1024  # Pillow inflates no larger one


class Chunk(NamedTuple):
    """One chunk: its type and its data."""

    kind: bytes
    data: memoryview


def read_chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks of a PNG up to its end, checksums checked; bytes behind the end are not read."""
    view = memoryview(data)
    at = len(SIGNATURE)
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        body = view[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise PictureRefused.broken()
        yield Chunk(kind, body)
        if kind == b"IEND":
            return
        at += 12 + length


def clean_png(data: bytes, limits: Limits) -> Clean:
    """The PNG in `data`, with its critical, colour and animation chunks only."""
    chunks = _Chunks(limits)
    for chunk in read_chunks(data):
        chunks.take(chunk)
    frames = chunks.finish()
    return Clean(
        Format.PNG,
        chunks.parts,
        chunks.width,
        chunks.height,
        frames=frames,
        orientation=chunks.orientation,
        lossless=True,
    )


class _Chunks:
    """The chunks kept so far."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen: set[bytes] = set()
        self._declared_frames = 0
        self._frames = 0
        self._sequence = 0
        self.parts: list[bytes | memoryview] = [SIGNATURE]
        self.width = self.height = 0
        self._image_ended = False
        self._still_first = False
        self.orientation = UPRIGHT

    def take(self, chunk: Chunk) -> None:
        """Keep the chunk, read it or leave it out, as its type asks."""
        kind, data = chunk
        if (kind == b"IHDR") == bool(self._seen):
            raise PictureRefused.broken()
        if kind in self._seen and kind not in _REPEATED:
            return
        self._check_order(kind)
        self._seen.add(kind)
        if kind == b"IHDR":
            self._take_header(data)
        elif kind in (b"acTL", b"fcTL", b"fdAT"):
            self._take_animation(kind, data)
        elif kind == b"iCCP":
            self._take_profile(data)
        elif kind == b"eXIf":
            self.orientation = read_orientation(bytes(data))
        elif kind in (b"PLTE", b"IDAT", b"IEND") or _fits(kind, data):
            self._keep(kind, data)
        elif kind[:1].isupper() or kind == b"tRNS":
            raise PictureRefused.broken()

    def _check_order(self, kind: bytes) -> None:
        """The chunks of the first image stand together, and before those of later frames."""
        if kind != b"IDAT":
            self._image_ended |= b"IDAT" in self._seen
        elif self._image_ended or b"fdAT" in self._seen:
            raise PictureRefused.broken()

    def finish(self) -> int:
        """How many pictures are stored, once all that was declared has been seen."""
        if b"IDAT" not in self._seen or self._frames != self._declared_frames:
            raise PictureRefused.broken()
        return max(1, self._frames + self._still_first)

    def _take_header(self, data: memoryview) -> None:
        self.width, self.height = struct.unpack_from(">II", data)
        if len(data) != 13 or data[9] not in CHANNELS or data[12] > 1:
            raise PictureRefused.broken()
        self._limits.check_canvas(self.width, self.height)
        self._keep(b"IHDR", data)

    def _take_animation(self, kind: bytes, data: memoryview) -> None:
        if kind == b"acTL":
            if b"IDAT" in self._seen or len(data) != 8:
                raise PictureRefused.broken()
            self._declared_frames = int.from_bytes(data[:4], "big")
            if not self._declared_frames:
                raise PictureRefused.broken()
            self._limits.check_frames(self.width, self.height, self._declared_frames)
        elif not self._declared_frames:
            return
        else:
            (sequence,) = struct.unpack_from(">I", data)
            if sequence != self._sequence or (kind == b"fcTL" and len(data) != 26):
                raise PictureRefused.broken()
            self._sequence += 1
        if kind == b"fcTL":
            # A still picture, for viewers that know no animation, may stand before the first frame.
            self._still_first |= not self._frames and b"IDAT" in self._seen
            self._frames += 1
            width, height, left, top = struct.unpack_from(">IIII", data, 4)
            if not width or not height or left + width > self.width or top + height > self.height:
                raise PictureRefused.broken()
        if kind == b"fdAT" and not self._frames:
            raise PictureRefused.broken()
        self._keep(kind, data)

    def _take_profile(self, data: memoryview) -> None:
        _, _, packed = bytes(data).partition(b"\0")
        inflater = zlib.decompressobj()
        try:
            profile = inflater.decompress(packed[1:], min(self._limits.max_profile_bytes, _PROFILE_BYTES))
        except zlib.error:
            return
        if inflater.unconsumed_tail:
            raise PictureRefused.too_complex()
        if inflater.eof:
            self._keep(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))

    def _keep(self, kind: bytes, data: bytes | memoryview) -> None:
        checksum = zlib.crc32(data, zlib.crc32(kind))
        self.parts += (struct.pack(">I4s", len(data), kind), data, checksum.to_bytes(4, "big"))


def _fits(kind: bytes, data: memoryview) -> bool:
    """Whether this is a known ancillary chunk of a length its meaning allows."""
    return len(data) == _EXACT_BYTES.get(kind) or len(data) <= _MOST_BYTES.get(kind, -1)
