"""Which way up a picture is shown: the EXIF orientation, 1 to 8, and the turn that makes it 1."""

from __future__ import annotations

import struct
from typing import Final

from PIL.Image import Transpose

UPRIGHT: Final = 1
ORIENTATION_TAG: Final = 0x0112
SHORT: Final = 3

TURNS: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def swaps_sides(orientation: int) -> bool:
    """Whether width and height change places when the picture is turned upright."""
    return orientation >= 5


def read_orientation(exif: bytes) -> int:
    """The orientation in EXIF data (a TIFF header, `Exif\\0\\0` before it or not).

    Anything unreadable counts as upright, as it does in browsers.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for index in range(entries):
            tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * index)
            if tag == ORIENTATION_TAG:
                upright = kind != SHORT or count != 1 or value not in TURNS
                return UPRIGHT if upright else int(value)
    except struct.error:
        return UPRIGHT
    return UPRIGHT
