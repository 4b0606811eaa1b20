"""The image streams of a PNG: proof that they hold every pixel, and nothing else."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from knote.pictures.formats.png import CHANNELS, read_chunks
from knote.pictures.refusal import PictureRefused

# Interlacing stores seven smaller images: left, top, step across, step down.
_PASSES: Final = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_INFLATE_STEP: Final = 8192  # deflate grows at most 1032-fold: 8 MiB at a time


def check_streams(data: bytes) -> None:
    """Inflate every image stream of a clean PNG and refuse one that is short, long or damaged.

    Pillow accepts a stream that ends early and leaves the rest black. No pixels are held here.
    """
    header = memoryview(b"")
    expected, pieces = 0, list[memoryview]()
    for kind, body in read_chunks(data):
        if kind == b"IHDR":
            header = body
            expected = _image_bytes(header, *struct.unpack_from(">II", body))
        elif kind == b"fcTL":
            if pieces:
                _check_stream(pieces, expected)
            expected, pieces = _image_bytes(header, *struct.unpack_from(">II", body, 4)), []
        elif kind in (b"IDAT", b"fdAT"):
            pieces.append(body[4:] if kind == b"fdAT" else body)
    _check_stream(pieces, expected)


def _check_stream(pieces: list[memoryview], expected: int) -> None:
    inflater = zlib.decompressobj()
    total = 0
    for piece in pieces:
        for at in range(0, len(piece), _INFLATE_STEP):
            if inflater.eof:
                raise PictureRefused.broken()
            total += len(inflater.decompress(piece[at : at + _INFLATE_STEP]))
            if total > expected:
                raise PictureRefused.broken()
    if total != expected or not inflater.eof or inflater.unused_data:
        raise PictureRefused.broken()


def _image_bytes(header: memoryview, width: int, height: int) -> int:
    """How many bytes an image has before compression: its rows, each with a filter byte."""
    bits_per_pixel = header[8] * CHANNELS[header[9]]
    passes = _PASSES if header[12] else ((0, 0, 1, 1),)
    total = 0
    for left, top, step_x, step_y in passes:
        columns, rows = -((left - width) // step_x), -((top - height) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits_per_pixel + 7) // 8)
    return total
