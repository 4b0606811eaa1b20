"""Smaller copies of a picture, for screens that do not need all of it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageCms

from knote.pictures.formats import Format, detect_format
from knote.pictures.orientation import ORIENTATION_TAG, TURNS, UPRIGHT, swaps_sides
from knote.pictures.pixels import open_picture, refusing
from knote.pictures.results import Variant
from knote.pictures.widths import VARIANT_WIDTHS, variant_width

__all__ = ["VARIANT_WIDTHS", "make_variant", "variant_width"]

_WEBP_SIDE_PIXELS: Final = 16_383
_PHOTO_QUALITY: Final = 82
_DRAWING_QUALITY: Final = 92  # PNG and GIF are mostly screenshots and drawings, with edges to keep
_REDUCING_GAP: Final = 2.0
_SIGNATURE_BYTES: Final = 1024


def make_variant(source: Path, target: Path, width: int) -> Variant:
    """Write `source`, a picture inspect_picture wrote, to `target` with `width` pixels across.

    WebP whatever the source is: it has alpha and a profile, needs a quarter to a third fewer bytes
    than JPEG, and every browser shows it. Raises PictureRefused when decoding fails, ValueError for
    an animated picture or a width that is not smaller.
    """
    with source.open("rb") as file:
        format_ = detect_format(file.read(_SIGNATURE_BYTES))
    with refusing(), open_picture(source, format_) as picture:
        animated = getattr(picture, "is_animated", False)
        orientation = _orientation(picture)
        stored = picture.size
        profile = picture.info.get("icc_profile")
        natural = stored[1] if swaps_sides(orientation) else stored[0]
        if not animated and width < natural:
            small = _shrink(picture, width, orientation)
            data, content_type, shown = _encode(*_in_web_colours(small, profile), format_)
            small.close()
        else:
            data, content_type, shown = b"", "", (0, 0)
    if not data:
        raise ValueError("only a still picture wider than the variant has one")
    target.write_bytes(data)
    return Variant(content_type, *shown, len(data))


def _orientation(picture: Image.Image) -> int:
    if "exif" not in picture.info:
        return UPRIGHT
    return int(picture.getexif().get(ORIENTATION_TAG, UPRIGHT))


def _shrink(picture: Image.Image, width: int, orientation: int) -> Image.Image:
    """Decoded no larger than needed (JPEG), resized in a mode that can be averaged, and upright."""
    across, down = picture.size[::-1] if swaps_sides(orientation) else picture.size
    height = max(1, round(width * down / across))
    size = (height, width) if swaps_sides(orientation) else (width, height)
    picture.draft("", (round(size[0] * _REDUCING_GAP), round(size[1] * _REDUCING_GAP)))
    picture.load()
    smooth = _averageable(picture)
    small = smooth.resize(size, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    turn = TURNS.get(orientation)
    return small if turn is None else small.transpose(turn)


def _averageable(picture: Image.Image) -> Image.Image:
    if picture.has_transparency_data:
        return picture if picture.mode == "RGBA" else picture.convert("RGBA")
    if picture.mode.startswith("I"):
        return picture.point(lambda value: value / 256).convert("L")
    return picture if picture.mode in ("RGB", "L", "CMYK") else picture.convert("RGB")


def _in_web_colours(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """The picture in RGB and the profile of its colours; CMYK and gray profiles are applied."""
    alpha = picture.mode == "RGBA"
    if picture.mode in ("RGB", "RGBA"):
        fits = profile is not None and profile[16:20] == b"RGB "
        return picture, profile if fits else None
    if profile and profile[16:20] == {"CMYK": b"CMYK", "L": b"GRAY"}.get(picture.mode):
        try:
            srgb = ImageCms.createProfile("sRGB")
            done = ImageCms.profileToProfile(picture, BytesIO(profile), srgb, outputMode="RGB")
        except ImageCms.PyCMSError:
            done = None
        if done is not None:
            return done, None
    return picture.convert("RGBA" if alpha else "RGB"), None


def _encode(
    picture: Image.Image, profile: bytes | None, source: Format
) -> tuple[bytes, str, tuple[int, int]]:
    """The bytes and their type: WebP, or JPEG or PNG for what is too tall for it."""
    out = BytesIO()
    if max(picture.size) <= _WEBP_SIDE_PIXELS:
        quality = _DRAWING_QUALITY if source in (Format.PNG, Format.GIF) else _PHOTO_QUALITY
        picture.save(out, "WEBP", quality=quality, method=4, icc_profile=profile or b"")
        return out.getvalue(), Format.WEBP.value, picture.size
    if picture.mode == "RGBA":
        picture.save(out, "PNG", icc_profile=profile)
        return out.getvalue(), Format.PNG.value, picture.size
    picture.save(out, "JPEG", quality=_PHOTO_QUALITY, icc_profile=profile)
    return out.getvalue(), Format.JPEG.value, picture.size
