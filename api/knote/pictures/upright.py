"""Turning a picture upright, with as little loss as its format allows."""

from __future__ import annotations

from io import BytesIO

from PIL.Image import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from PIL.PngImagePlugin import PngInfo

from knote.pictures.formats import Clean, Format
from knote.pictures.formats.png import COLOUR_CHUNKS, read_chunks
from knote.pictures.orientation import TURNS, swaps_sides
from knote.pictures.pixels import open_picture
from knote.pictures.refusal import PictureRefused

_FULL_SAMPLING = 0
_HALF_BOTH_SAMPLING = 2
_PROGRESSIVE_PIXELS = 25_000_000  # encoding progressively takes 8 more bytes per pixel
_WEBP_QUALITY = 92
_PNG_DEEP_BITS = 16


def draw_upright(picture: Clean) -> bytes:
    """The picture decoded, turned by its orientation and encoded again."""
    if picture.frames > 1:
        raise _cannot_turn("A rotated animation cannot be kept.")
    data = picture.tobytes()
    with open_picture(BytesIO(data), picture.format) as source:
        if isinstance(source, JpegImageFile):
            return _jpeg(source, picture.orientation)
        if picture.format is Format.PNG:
            return _png(source, data, picture.orientation)
        return _webp(source, picture)


def _turned(source: Image, orientation: int) -> Image:
    turn = TURNS.get(orientation)
    source.load()
    return source.copy() if turn is None else source.transpose(turn)


def _jpeg(source: JpegImageFile, orientation: int) -> bytes:
    """With the source's quantisation, turned like the pixels: coefficients round to themselves."""
    swapped = swaps_sides(orientation)
    tables = [source.quantization[layer[3]] for layer in source.layer[:3]]
    if swapped:
        tables = [[table[8 * (i % 8) + i // 8] for i in range(64)] for table in tables]
    if source.mode != "RGB" or tables[1:] == tables[:1] * 2:
        tables = tables[:1]
    elif tables[1] == tables[2]:
        tables = tables[:2]
    plain_rgb = source.mode == "RGB" and source.info.get("adobe_transform") == 0
    sampling = get_sampling(source)
    if sampling != _HALF_BOTH_SAMPLING and (swapped or sampling < 0 or plain_rgb):
        sampling = _FULL_SAMPLING
    small = source.width * source.height <= _PROGRESSIVE_PIXELS
    progressive = small and bool(source.info.get("progressive"))
    profile = source.info.get("icc_profile")
    turned = _turned(source, orientation)
    source.close()
    out = BytesIO()
    turned.save(
        out,
        "JPEG",
        qtables=tables,
        subsampling=sampling,
        progressive=progressive,
        icc_profile=profile,
        keep_rgb=plain_rgb,
    )
    return out.getvalue()


def _png(source: Image, data: bytes, orientation: int) -> bytes:
    kept = PngInfo()
    for kind, body in read_chunks(data):
        if kind == b"IHDR" and body[8] == _PNG_DEEP_BITS and body[9]:
            raise _cannot_turn("A rotated PNG with 16 bits per colour cannot be kept.")
        if kind in COLOUR_CHUNKS:
            kept.add(kind, bytes(body))
    out = BytesIO()
    turned = _turned(source, orientation)
    turned.save(out, "PNG", pnginfo=kept, icc_profile=source.info.get("icc_profile"))
    return out.getvalue()


def _webp(source: Image, picture: Clean) -> bytes:
    out = BytesIO()
    _turned(source, picture.orientation).save(
        out,
        "WEBP",
        lossless=picture.lossless,
        quality=_WEBP_QUALITY,
        exact=True,
        icc_profile=source.info.get("icc_profile"),
    )
    return out.getvalue()


def _cannot_turn(what: str) -> PictureRefused:
    return PictureRefused("too_complex", f"{what} Rotate it in a picture program and try again.")
