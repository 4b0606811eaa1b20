"""The tracks of an AVIF sequence: which ones show pictures, and where their frames lie."""

from __future__ import annotations

from typing import Final, NamedTuple

from knote.pictures.formats.boxes import Box, Cursor, Span, find_box, read_boxes
from knote.pictures.limits import Limits
from knote.pictures.refusal import PictureRefused

_PICTURE_HANDLERS: Final = {b"pict", b"auxv"}


class Track(NamedTuple):
    """One picture or alpha track."""

    box: Box
    width: int
    height: int
    frames: int
    spans: list[Span]


def picture_tracks(data: bytes, movie: Box, limits: Limits) -> list[Track]:
    """The tracks of a sequence that hold pictures or their alpha; not sound, not text."""
    tracks = []
    for box in read_boxes(data, movie.payload, movie.end):
        if box.kind != b"trak":
            continue
        media = find_box(data, box, b"mdia")
        handler = find_box(data, media, b"hdlr")
        if data[handler.payload + 8 : handler.payload + 12] in _PICTURE_HANDLERS:
            samples = find_box(data, find_box(data, media, b"minf"), b"stbl")
            tracks.append(_read_track(data, box, samples, limits))
    return tracks


def _read_track(data: bytes, box: Box, samples: Box, limits: Limits) -> Track:
    entry = find_box(data, find_box(data, samples, b"stsd"), b"av01", skip=8)
    size = Cursor(data, entry.payload + 24, entry.end)
    width, height = size.read(2), size.read(2)
    sizes = _sample_sizes(data, find_box(data, samples, b"stsz"), width, height, limits)
    offsets = _chunk_offsets(data, samples, limits)
    per_chunk = _samples_per_chunk(data, find_box(data, samples, b"stsc"), len(offsets), limits)
    spans = []
    sample = 0
    for offset, count in zip(offsets, per_chunk, strict=True):
        length = sum(sizes[sample : sample + count])
        spans.append(Span(offset, offset + length))
        sample += count
    if sample < len(sizes):
        raise PictureRefused.broken()
    return Track(box, width, height, len(sizes), spans)


def _sample_sizes(data: bytes, box: Box, width: int, height: int, limits: Limits) -> list[int]:
    cursor = Cursor(data, box.payload + 4, box.end)
    every, count = cursor.read(4), cursor.read(4)
    limits.check_frames(width, height, count)
    return [every or cursor.read(4) for _ in range(count)]


def _chunk_offsets(data: bytes, samples: Box, limits: Limits) -> list[int]:
    for box in read_boxes(data, samples.payload, samples.end):
        if box.kind in (b"stco", b"co64"):
            cursor = Cursor(data, box.payload + 4, box.end)
            count = cursor.read(4)
            if count > limits.max_frames:
                raise PictureRefused.too_complex()
            return [cursor.read(4 if box.kind == b"stco" else 8) for _ in range(count)]
    raise PictureRefused.broken()


def _samples_per_chunk(data: bytes, box: Box, chunks: int, limits: Limits) -> list[int]:
    cursor = Cursor(data, box.payload + 4, box.end)
    count = cursor.read(4)
    if count > limits.max_frames:
        raise PictureRefused.too_complex()
    runs = [(cursor.read(4), cursor.read(4), cursor.read(4)) for _ in range(count)]
    per_chunk = [0] * chunks
    for first, samples, _ in runs:
        if first < 1:
            raise PictureRefused.broken()
        per_chunk[first - 1 :] = [samples] * max(0, chunks - first + 1)
    return per_chunk
