"""The five picture formats Knote keeps: telling them apart, and their bytes without metadata."""

from __future__ import annotations

from knote.pictures.formats.avif import clean_avif
from knote.pictures.formats.clean import Clean, Format
from knote.pictures.formats.gif import clean_gif
from knote.pictures.formats.jpeg import clean_jpeg
from knote.pictures.formats.png import clean_png
from knote.pictures.formats.sniff import detect_format
from knote.pictures.formats.webp import clean_webp
from knote.pictures.limits import Limits

__all__ = ["Clean", "Format", "clean_picture", "detect_format"]

_CLEANERS = {
    Format.JPEG: clean_jpeg,
    Format.PNG: clean_png,
    Format.GIF: clean_gif,
    Format.WEBP: clean_webp,
    Format.AVIF: clean_avif,
}


def clean_picture(data: bytes, limits: Limits) -> Clean:
    """The picture in `data` without its metadata; its sizes are checked, nothing is decoded.

    Raises PictureRefused. Malformed containers may also end in struct.error or IndexError: the
    caller treats any error as a broken picture.
    """
    return _CLEANERS[detect_format(data)](data, limits)
