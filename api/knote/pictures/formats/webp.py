"""WebP: keeps the image, alpha, animation and colour profile chunks of the RIFF container."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from knote.pictures.formats.clean import Clean, Format
from knote.pictures.limits import Limits
from knote.pictures.orientation import UPRIGHT, read_orientation
from knote.pictures.refusal import PictureRefused

PROFILE_FLAG, ALPHA_FLAG, ANIMATION_FLAG = 0x20, 0x10, 0x02

_IMAGES: Final = {b"VP8 ", b"VP8L"}
_KEPT: Final = _IMAGES | {b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH"}
_FRAME_HEADER_BYTES: Final = 16


class Chunk(NamedTuple):
    """One RIFF chunk: its type and its data without padding."""

    kind: bytes
    data: memoryview


def clean_webp(data: bytes, limits: Limits) -> Clean:
    """The WebP in `data`; unknown chunks go, inside frames too, and VP8X flags follow the rest."""
    (size,) = struct.unpack_from("<I", data, 4)
    chunks = list(_read_chunks(memoryview(data)[12:], size - 4))
    if not chunks:
        raise PictureRefused.broken()
    width, height = _canvas(chunks[0])
    limits.check_canvas(width, height, layered=True)
    kept = _kept_chunks(chunks)
    frames = max(1, sum(chunk.kind == b"ANMF" for chunk in kept))
    limits.check_frames(width, height, frames)
    if sum(len(chunk.data) for chunk in kept if chunk.kind == b"ICCP") > limits.max_profile_bytes:
        raise PictureRefused.too_complex()
    body = [part for chunk in kept for part in _written(chunk)]
    header = b"RIFF" + struct.pack("<I", 4 + sum(map(len, body))) + b"WEBP"
    exif = next((bytes(chunk.data) for chunk in chunks if chunk.kind == b"EXIF"), b"")
    return Clean(
        Format.WEBP,
        [header, *body],
        width,
        height,
        frames=frames,
        orientation=read_orientation(exif) if chunks[0].kind == b"VP8X" else UPRIGHT,
        lossless=not any(chunk.kind == b"VP8 " for chunk in _image_chunks(kept)),
    )


def _read_chunks(data: memoryview, size: int) -> Iterator[Chunk]:
    """The chunks in the first `size` bytes; a container longer than its file is cut short."""
    if size > len(data):
        raise PictureRefused.broken()
    at = 0
    while at + 8 <= size:
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > size:
            raise PictureRefused.broken()
        yield Chunk(kind, data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2


def _canvas(first: Chunk) -> tuple[int, int]:
    """Width and height, declared by the first chunk."""
    kind, data = first
    if kind == b"VP8X" and len(data) == 10:
        return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
    if kind == b"VP8 " and bytes(data[3:6]) == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and bytes(data[:1]) == b"\x2f":
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise PictureRefused.broken()


def _kept_chunks(chunks: list[Chunk]) -> list[Chunk]:
    if chunks[0].kind != b"VP8X":
        return chunks[:1]
    kept = [_kept_frame(c) if c.kind == b"ANMF" else c for c in chunks[1:] if c.kind in _KEPT]
    kinds = {chunk.kind for chunk in kept}
    flags = chunks[0].data[0] & ALPHA_FLAG
    flags |= PROFILE_FLAG if b"ICCP" in kinds else 0
    flags |= ANIMATION_FLAG if b"ANIM" in kinds else 0
    header = bytes((flags, 0, 0, 0)) + bytes(chunks[0].data[4:])
    if b"VP8X" in kinds or (b"ANMF" in kinds) != (b"ANIM" in kinds):
        raise PictureRefused.broken()
    return [Chunk(b"VP8X", memoryview(header)), *kept]


def _kept_frame(frame: Chunk) -> Chunk:
    inner = frame.data[_FRAME_HEADER_BYTES:]
    kept = [c for c in _read_chunks(inner, len(inner)) if c.kind in _IMAGES | {b"ALPH"}]
    parts = [frame.data[:_FRAME_HEADER_BYTES], *(part for c in kept for part in _written(c))]
    return Chunk(b"ANMF", memoryview(b"".join(parts)))


def _image_chunks(chunks: list[Chunk]) -> Iterator[Chunk]:
    for chunk in chunks:
        if chunk.kind == b"ANMF":
            inner = chunk.data[_FRAME_HEADER_BYTES:]
            yield from _read_chunks(inner, len(inner))
        else:
            yield chunk


def _written(chunk: Chunk) -> tuple[bytes | memoryview, ...]:
    header = chunk.kind + struct.pack("<I", len(chunk.data))
    return (header, chunk.data, b"\0" * (len(chunk.data) % 2))
