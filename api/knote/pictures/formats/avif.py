"""AVIF: a copy of the same length in which everything the picture does not need is zero.

Positions in an AVIF file are absolute, so nothing is moved: boxes that are not kept become `free`,
items that are not part of the picture lose their type, and media data is copied only where the
picture refers to it.
"""

from __future__ import annotations

from typing import Final

from knote.pictures.formats.boxes import Box, Span, read_boxes
from knote.pictures.formats.clean import Clean, Format
from knote.pictures.formats.items import FULL_BOX_BYTES, item_entries, item_spans, picture_items
from knote.pictures.formats.tracks import Track, picture_tracks
from knote.pictures.limits import Limits
from knote.pictures.refusal import PictureRefused

_CONTAINERS: Final = {
    b"meta": FULL_BOX_BYTES, b"iprp": 0, b"ipco": 0,
    b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"edts": 0,
}  # fmt: skip
_WHOLE: Final = {
    b"ftyp", b"pitm", b"iloc", b"iref", b"ipma", b"ispe", b"pixi", b"av1C", b"colr", b"pasp",
    b"clap", b"irot", b"imir", b"auxC", b"a1op", b"lsel", b"a1lx", b"clli", b"mdcv", b"cclv",
    b"amve", b"vmhd", b"nmhd", b"dinf", b"elst", b"tref", b"stts", b"stsc", b"stsz", b"stco",
    b"co64", b"stss", b"ctts", b"sdtp",
}  # fmt: skip
_TIMED: Final = {b"mvhd", b"tkhd", b"mdhd"}
_COMPRESSOR_NAME: Final = Span(50, 82)  # from the start of the first sample entry


def clean_avif(data: bytes, limits: Limits) -> Clean:
    """The AVIF in `data`; width and height are the largest declared, decoding has those shown."""
    boxes = list(read_boxes(data, 0, len(data)))
    copy = _Copy(data, boxes, limits)
    for box in boxes:
        copy.take(box)
    if not copy.frames:
        raise PictureRefused.broken()
    return Clean(Format.AVIF, [copy.finish()], copy.width, copy.height, frames=copy.frames)


class _Copy:
    """The copy: zeros first, then what is kept."""

    def __init__(self, data: bytes, boxes: list[Box], limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._media = [Span(box.payload, box.end) for box in boxes if box.kind == b"mdat"]
        self._items: set[int] = set()
        self._tracks: dict[int, Track] = {}
        self._bytes = bytearray(boxes[-1].end if boxes else 0)
        self.width = self.height = self.frames = 0

    def finish(self) -> bytes:
        return bytes(self._bytes)

    def take(self, box: Box) -> None:
        """Copy a top-level box, or leave it empty."""
        if box.kind == b"meta":
            self._take_items(box)
        elif box.kind == b"moov":
            self._take_tracks(box)
        elif box.kind == b"mdat":
            self._keep(box.start, box.payload)
        elif box.kind == b"ftyp":
            self._keep(box.start, box.end)
        else:
            self._blank(box)

    def _take_items(self, meta: Box) -> None:
        if self._items:
            raise PictureRefused.broken()
        self._items = picture_items(self._data, meta)
        in_file, in_meta = item_spans(self._data, meta, self._items)
        inner = read_boxes(self._data, meta.payload + FULL_BOX_BYTES, meta.end)
        own = [box for box in inner if box.kind == b"idat"][:1]
        self._walk(meta)
        for span in in_file:
            self._keep_media(span, self._media)
        for box in own:
            self._keep(box.start, box.payload)
            for span in in_meta:
                moved = Span(box.payload + span.start, box.payload + span.end)
                self._keep_media(moved, [Span(box.payload, box.end)])
        for item, kind_at, entry in item_entries(self._data, meta):
            kept = item in self._items
            self._keep(entry.start, kind_at + 4 * kept)
            if not kept:
                self._bytes[kind_at : kind_at + 4] = b"null"
        self.frames = max(self.frames, 1)

    def _take_tracks(self, movie: Box) -> None:
        tracks = picture_tracks(self._data, movie, self._limits)
        self._tracks = {track.box.start: track for track in tracks}
        self._walk(movie)
        for track in tracks:
            self._see(track.width, track.height)
            self.frames = max(self.frames, track.frames)
            for span in track.spans:
                self._keep_media(span, self._media)

    def _walk(self, outer: Box) -> None:
        """Copy what is known inside a container, blank the rest."""
        inside = outer.payload + _CONTAINERS[outer.kind]
        self._keep(outer.start, inside)
        for box in read_boxes(self._data, inside, outer.end):
            if box.kind == b"trak" and box.start not in self._tracks:
                self._blank(box)
            elif box.kind in _CONTAINERS and box.kind not in (b"meta", b"moov"):
                self._walk(box)
            elif box.kind in _WHOLE:
                self._keep(box.start, box.end)
                self._see_extents(box)
            elif not self._take_part(box):
                self._blank(box)

    def _take_part(self, box: Box) -> bool:
        """Copy a box that is kept without the text or the times in it."""
        data, payload = self._data, box.payload
        if box.kind in _TIMED:
            self._keep(box.start, payload + 4)
            self._keep(payload + (20 if data[payload] else 12), box.end)
        elif box.kind == b"hdlr":
            self._keep(box.start, payload + 12)
        elif box.kind == b"stsd":
            self._keep(box.start, payload + 8 + _COMPRESSOR_NAME.start)
            self._keep(payload + 8 + _COMPRESSOR_NAME.end, box.end)
        elif box.kind == b"iinf":
            self._keep(box.start, payload + FULL_BOX_BYTES + (4 if data[payload] else 2))
        else:
            return box.kind == b"idat"
        return True

    def _see_extents(self, box: Box) -> None:
        if box.kind == b"ispe":
            size = self._data[box.payload + 4 : box.payload + 12]
            self._see(int.from_bytes(size[:4], "big"), int.from_bytes(size[4:], "big"))

    def _see(self, width: int, height: int) -> None:
        self._limits.check_canvas(width, height, layered=True)
        self.width, self.height = max(self.width, width), max(self.height, height)

    def _keep_media(self, span: Span, within: list[Span]) -> None:
        if not any(outer.start <= span.start and span.end <= outer.end for outer in within):
            raise PictureRefused.broken()
        self._keep(span.start, span.end)

    def _keep(self, start: int, end: int) -> None:
        self._bytes[start:end] = self._data[start:end]

    def _blank(self, box: Box) -> None:
        self._keep(box.start, box.start + 4)
        self._bytes[box.start + 4 : box.start + 8] = b"free"
        self._keep(box.start + 8, box.payload)
