"""JPEG: keeps what decoding needs, JFIF, Adobe and the colour profile; drops the rest."""

from __future__ import annotations

import re
from typing import Final

from knote.pictures.formats.clean import Clean, Format
from knote.pictures.limits import Limits
from knote.pictures.orientation import UPRIGHT, read_orientation
from knote.pictures.refusal import PictureRefused

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP0, APP1, APP2, APP14 = 0xE0, 0xE1, 0xE2, 0xEE

_TABLES: Final = {0xC4, 0xCC, 0xDB, 0xDD}
_HUFFMAN_FRAMES: Final = {0xC0, 0xC1, 0xC2}
_ARITHMETIC_FRAMES: Final = {0xC9, 0xCA}
_BARE_MARKERS: Final = {0x01, *range(0xD0, 0xD8)}

# Inside a scan 0xFF is followed by a zero, a restart marker or fill; anything else ends the scan.
_SCAN_END: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def clean_jpeg(data: bytes, limits: Limits) -> Clean:
    """The first picture in `data`: later ones (MPF) and anything after its end are left out."""
    segments = _Segments(data, limits)
    at = len(b"\xff\xd8")
    while at >= 0:
        at = segments.take(at)
    if segments.frame is None or not segments.scans:
        raise PictureRefused.broken()
    width, height = segments.frame
    return Clean(
        Format.JPEG,
        segments.parts,
        width,
        height,
        orientation=segments.orientation or UPRIGHT,
        redraw=segments.arithmetic,
    )


class _Segments:
    """The segments kept so far."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._view = memoryview(data)
        self._limits = limits
        self._profile_bytes = 0
        self._jfif = False
        self.parts: list[bytes | memoryview] = [b"\xff\xd8"]
        self.frame: tuple[int, int] | None = None
        self.scans = 0
        self.orientation = 0
        self.arithmetic = False

    def take(self, at: int) -> int:
        """Read the segment at or after `at`; the position behind it, -1 after the last."""
        at = self._data.find(b"\xff", at)
        while at >= 0 and self._data[at : at + 1] == b"\xff":
            at += 1
        if at < 0 or at >= len(self._data):
            raise PictureRefused.broken()
        marker, at = self._data[at], at + 1
        if marker == EOI:
            self.parts.append(b"\xff\xd9")
            return -1
        if marker in _BARE_MARKERS or marker == 0:
            return at
        size = int.from_bytes(self._data[at : at + 2], "big")
        end = at + size
        if marker == SOI or size < 2 or end > len(self._data):
            raise PictureRefused.broken()
        if marker == SOS:
            return self._take_scan(at, end)
        self._take_segment(marker, self._view[at + 2 : end])
        return end

    def _take_scan(self, at: int, header_end: int) -> int:
        match = _SCAN_END.search(self._data, header_end)
        if self.frame is None or match is None:
            raise PictureRefused.broken()
        self.scans += 1
        if self.scans > self._limits.max_scans:
            raise PictureRefused.too_complex()
        self.parts += (b"\xff\xda", self._view[at : match.start()])
        return match.start()

    def _take_segment(self, marker: int, payload: memoryview) -> None:
        name = bytes(payload[:12])
        if marker in _HUFFMAN_FRAMES or marker in _ARITHMETIC_FRAMES:
            self._take_frame(marker, payload)
        elif marker in _TABLES:
            self._keep(marker, payload)
        elif 0xC0 <= marker <= 0xCF:
            # Lossless, hierarchical and differential JPEG: no browser shows them.
            raise PictureRefused.unsupported_type()
        elif marker == APP0 and name[:5] == b"JFIF\0" and len(payload) >= 14 and not self._jfif:
            self._jfif = True
            self._keep(marker, name + b"\0\0")
        elif marker == APP1 and name[:6] == b"Exif\0\0" and not self.orientation:
            self.orientation = read_orientation(bytes(payload))
        elif marker == APP2 and name == b"ICC_PROFILE\0":
            self._profile_bytes += len(payload)
            if self._profile_bytes > self._limits.max_profile_bytes:
                raise PictureRefused.too_complex()
            self._keep(marker, payload)
        elif marker == APP14 and name[:5] == b"Adobe" and len(payload) >= 12:
            self._keep(marker, payload[:12])

    def _take_frame(self, marker: int, payload: memoryview) -> None:
        if self.frame is not None or len(payload) < 6:
            raise PictureRefused.broken()
        height, width = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
        self._limits.check_canvas(width, height)
        self.frame = (width, height)
        self.arithmetic = marker in _ARITHMETIC_FRAMES
        self._keep(marker, payload)

    def _keep(self, marker: int, payload: bytes | memoryview) -> None:
        header = bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big")
        self.parts += (header, payload)
