"""The type of a file, told from its first bytes and never from its name."""

from __future__ import annotations

from typing import Final

from knote.pictures.formats.clean import Format
from knote.pictures.refusal import PictureRefused

_SIGNATURES: Final = {
    b"\xff\xd8\xff": Format.JPEG,
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    b"GIF87a": Format.GIF,
    b"GIF89a": Format.GIF,
}
_AVIF_BRANDS: Final = {b"avif", b"avis"}
_HEIC_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}


def detect_format(data: bytes) -> Format:
    """The format of `data`; refuses what is empty or of any other type."""
    if not data:
        raise PictureRefused.empty()
    for signature, format_ in _SIGNATURES.items():
        if data.startswith(signature):
            return format_
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Format.WEBP
    brands = _brands(data)
    if brands & _AVIF_BRANDS:
        return Format.AVIF
    if brands & _HEIC_BRANDS:
        raise PictureRefused(
            "unsupported_type",
            "This is a HEIC picture, which most browsers cannot show. Save it as JPEG and retry.",
        )
    raise PictureRefused.unsupported_type()


def _brands(data: bytes) -> set[bytes]:
    """The brands of an ISO media file: the major one and the compatible ones."""
    if data[4:8] != b"ftyp":
        return set()
    box = data[: min(int.from_bytes(data[:4], "big"), 1024)]
    return {box[8:12], *(box[at : at + 4] for at in range(16, len(box) - 3, 4))}
