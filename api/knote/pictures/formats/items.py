"""The items of an AVIF still: which ones make the picture, and where their bytes lie."""

from __future__ import annotations

from typing import Final

from knote.pictures.formats.boxes import Box, Cursor, Span, find_box, read_boxes
from knote.pictures.refusal import PictureRefused

FULL_BOX_BYTES: Final = 4
_PICTURE_ITEMS: Final = {b"av01", b"grid", b"iovl", b"iden"}
_MAX_ITEMS: Final = 4096


def picture_items(data: bytes, meta: Box) -> set[int]:
    """The ids of the primary item, what it is made of and its alpha.

    Thumbnails, EXIF, XMP and pictures nothing refers to are not among them.
    """
    primary = find_box(data, meta, b"pitm", skip=FULL_BOX_BYTES)
    version = data[primary.payload]
    cursor = Cursor(data, primary.payload + FULL_BOX_BYTES, primary.end)
    kept, kinds = {cursor.read(4 if version else 2)}, item_kinds(data, meta)
    references = _references(data, meta)
    while True:
        parts = {t for kind, a, to in references if kind == b"dimg" and a in kept for t in to}
        alphas = {a for kind, a, to in references if kind == b"auxl" and kept & set(to)}
        if parts | alphas <= kept:
            break
        kept |= parts | alphas
    return {item for item in kept if kinds.get(item) in _PICTURE_ITEMS}


def item_kinds(data: bytes, meta: Box) -> dict[int, bytes]:
    """The type of each item, by id."""
    return {item: data[at : at + 4] for item, at, _ in item_entries(data, meta)}


def item_entries(data: bytes, meta: Box) -> list[tuple[int, int, Box]]:
    """Each entry of the item table: the item's id, the position of its type, and its box."""
    table = find_box(data, meta, b"iinf", skip=FULL_BOX_BYTES)
    skip = FULL_BOX_BYTES + (4 if data[table.payload] else 2)
    entries: list[tuple[int, int, Box]] = []
    for box in read_boxes(data, table.payload + skip, table.end):
        version = data[box.payload]
        if box.kind != b"infe" or version not in (2, 3) or len(entries) >= _MAX_ITEMS:
            raise PictureRefused.broken()
        cursor = Cursor(data, box.payload + FULL_BOX_BYTES, box.end)
        item = cursor.read(2 if version == 2 else 4)
        cursor.read(2)
        entries.append((item, cursor.at, box))
        cursor.read(4)
    return entries


def item_spans(data: bytes, meta: Box, items: set[int]) -> tuple[list[Span], list[Span]]:
    """Where the bytes of `items` lie: in the file, and in the meta box's own data (`idat`)."""
    table = find_box(data, meta, b"iloc", skip=FULL_BOX_BYTES)
    version = data[table.payload]
    cursor = Cursor(data, table.payload + FULL_BOX_BYTES, table.end)
    sizes = cursor.read(2)
    offset_size, length_size, base_size, index_size = (sizes >> s & 15 for s in (12, 8, 4, 0))
    in_file: list[Span] = []
    in_meta: list[Span] = []
    for _ in range(cursor.read(2 if version < 2 else 4)):
        item = cursor.read(2 if version < 2 else 4)
        method = cursor.read(2) & 15 if version else 0
        cursor.read(2)
        base = cursor.read(base_size)
        for _ in range(cursor.read(2)):
            cursor.read(index_size if version else 0)
            start = base + cursor.read(offset_size)
            length = cursor.read(length_size)
            if item not in items:
                continue
            if method > 1 or not length:
                raise PictureRefused.broken()
            (in_meta if method else in_file).append(Span(start, start + length))
    return in_file, in_meta


def _references(data: bytes, meta: Box) -> list[tuple[bytes, int, tuple[int, ...]]]:
    """The references between items: kind, from, to."""
    found: list[tuple[bytes, int, tuple[int, ...]]] = []
    for table in read_boxes(data, meta.payload + FULL_BOX_BYTES, meta.end):
        if table.kind != b"iref":
            continue
        width = 4 if data[table.payload] else 2
        for box in read_boxes(data, table.payload + FULL_BOX_BYTES, table.end):
            cursor = Cursor(data, box.payload, box.end)
            origin, count = cursor.read(width), cursor.read(2)
            found.append((box.kind, origin, tuple(cursor.read(width) for _ in range(count))))
            if len(found) > _MAX_ITEMS:
                raise PictureRefused.too_complex()
    return found
