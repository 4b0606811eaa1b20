"""Deciding whether bytes are a picture, and writing the clean ones that are kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

from knote.pictures.formats import Clean, Format, clean_picture
from knote.pictures.formats.scanlines import check_streams
from knote.pictures.limits import DEFAULT_LIMITS, Limits
from knote.pictures.orientation import UPRIGHT
from knote.pictures.pixels import Decoded, decode_picture, refusing
from knote.pictures.refusal import PictureRefused
from knote.pictures.results import Inspected
from knote.pictures.upright import draw_upright


def inspect_picture(source: Path, target: Path, limits: Limits = DEFAULT_LIMITS) -> Inspected:
    """Write the picture in `source` to `target`, clean and upright, and decode what was written.

    Synchronous and heavy: PictureWorker runs it in another process. Raises PictureRefused, after
    which there is no target; an OSError is the disk's.
    """
    data = source.read_bytes()
    try:
        with refusing():
            picture = _upright(clean_picture(data, limits), limits)
        del data
        sha256, size_bytes = _write(target, picture)
        with refusing():
            decoded = _validate(target, picture, limits)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Inspected(
        content_type=picture.format.value,
        width=decoded.width,
        height=decoded.height,
        size_bytes=size_bytes,
        sha256=sha256,
        animated=decoded.frames > 1,
        frames=decoded.frames,
    )


def _upright(picture: Clean, limits: Limits) -> Clean:
    """The picture with its pixels the right way up: as it is, or drawn again."""
    if picture.orientation == UPRIGHT and not picture.redraw:
        return picture
    return clean_picture(draw_upright(picture), limits)


def _write(target: Path, picture: Clean) -> tuple[str, int]:
    digest = hashlib.sha256()
    size_bytes = 0
    with target.open("wb") as out:
        for part in picture.parts:
            digest.update(part)
            size_bytes += out.write(part)
    return digest.hexdigest(), size_bytes


def _validate(target: Path, picture: Clean, limits: Limits) -> Decoded:
    """Decode the written bytes, and prove them clean: cleaning them again changes nothing."""
    written = target.read_bytes()
    again = clean_picture(written, limits)
    if again.tobytes() != written or again.orientation != UPRIGHT or again.redraw:
        raise PictureRefused.broken()
    if picture.format is Format.PNG:
        check_streams(written)
    del again, written
    decoded = decode_picture(target, picture.format, picture.frames, limits)
    shown = (decoded.width, decoded.height)
    if picture.format is not Format.AVIF and shown != (picture.width, picture.height):
        raise PictureRefused.broken()
    return decoded
