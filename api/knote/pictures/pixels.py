"""Decoding: every pixel of every frame, by Pillow, with the one decoder the bytes ask for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image
from PIL.ImageFile import ImageFile

from knote.pictures.formats import Format
from knote.pictures.limits import Limits
from knote.pictures.orientation import ORIENTATION_TAG, UPRIGHT, swaps_sides
from knote.pictures.refusal import PictureRefused

# Pillow loads these two only when asked; loading all of its plugins would cost each worker memory.
_PLUGINS: Final = {Format.WEBP: "PIL.WebPImagePlugin", Format.AVIF: "PIL.AvifImagePlugin"}
_METADATA: Final = {"xmp", "comment", "photoshop", "mp", "flashpix", "XML:com.adobe.xmp"}


class Decoded(NamedTuple):
    """What decoding found: the size as shown, and the number of frames."""

    width: int
    height: int
    frames: int


@contextmanager
def refusing() -> Iterator[None]:
    """Turn whatever a decoder raises into PictureRefused: nothing documents what that can be."""
    try:
        yield
    except PictureRefused:
        raise
    except MemoryError:
        raise PictureRefused.too_complex() from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureRefused.too_complex() from None
    except Exception:  # noqa: BLE001 - decoders raise anything
        raise PictureRefused.broken() from None


def open_picture(source: Path | BytesIO, format_: Format) -> ImageFile:
    """Open a picture with the decoder of its format only; nothing is decoded yet."""
    if plugin := _PLUGINS.get(format_):
        module = importlib.import_module(plugin)
        if format_ is Format.AVIF:
            # Frames in flight multiply memory; the worker processes are the parallelism.
            vars(module)["DEFAULT_MAX_THREADS"] = 1
    return Image.open(source, formats=(format_.name,))


def decode_picture(source: Path, format_: Format, frames: int, limits: Limits) -> Decoded:
    """Decode a clean picture to its last pixel and check that no metadata is left in it."""
    with open_picture(source, format_) as picture:
        width, height = picture.size
        layered = format_ in _PLUGINS or frames > 1
        limits.check_canvas(width, height, layered=layered)
        if format_ is not Format.GIF:  # counting the frames of a GIF decodes it once more
            frames = getattr(picture, "n_frames", 1)
            limits.check_frames(width, height, frames)
        for frame in range(frames):
            picture.seek(frame)
            picture.load()
        if picture.tell() != frames - 1:
            raise PictureRefused.broken()
        orientation = _shown_orientation(picture, format_)
        width, height = picture.size
    if swaps_sides(orientation):
        width, height = height, width
    return Decoded(width, height, frames)


def _shown_orientation(picture: ImageFile, format_: Format) -> int:
    """The turn a decoder leaves to do: Pillow makes up EXIF for AVIF's own (irot, imir)."""
    exif = picture.getexif() if "exif" in picture.info else None
    texts = getattr(picture, "text", None) if format_ is Format.PNG else None
    allowed = {ORIENTATION_TAG} if format_ is Format.AVIF else set()
    if texts or not _METADATA.isdisjoint(picture.info) or (exif and not set(exif) <= allowed):
        raise PictureRefused.broken()
    return int(exif.get(ORIENTATION_TAG, UPRIGHT)) if exif else UPRIGHT
