"""Makes pictures, good and bad, as bytes."""

from __future__ import annotations

import random
import struct
import zlib
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

GPS_MAKER = b"Secretphone"
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>Secretplace</x:xmpmeta>"
SECRETS = (b"Secret", b"Exif", b"xmpmeta")
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
MOVING = ("GIF", "PNG", "WEBP", "AVIF")
ICC_NAME = b"sRGB"


def photo(width: int = 64, height: int = 48, mode: str = "RGB", *, seed: int = 1) -> Image.Image:
    """A soft, lopsided picture: no turn or flip of it looks like another."""
    noise = random.Random(seed)
    bands = [
        Image.frombytes("L", (5, 4), noise.randbytes(20)).resize((width, height), Image.Resampling.BICUBIC)
        for _ in range(3)
    ]
    picture = Image.merge("RGB", bands)
    if mode in ("RGBA", "LA"):
        picture.putalpha(Image.linear_gradient("L").resize((width, height)))
    if mode == "I;16":
        return picture.convert("L").convert("I").point(lambda v: v * 257).convert("I;16")
    return picture.convert(mode)


def exif(orientation: int = 1) -> bytes:
    """EXIF with a maker's name and GPS coordinates."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = GPS_MAKER.decode()
    tags.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return tags.tobytes()


@cache
def profile() -> bytes:
    """An sRGB profile, one for the whole run: it carries the second it was made in."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encode(picture: Image.Image, format_: str, **options: Any) -> bytes:
    """`picture` as a file."""
    out = BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()


def moving(format_: str, *, frames: int = 3, size: tuple[int, int] = (40, 30)) -> bytes:
    """An animation of different frames."""
    first, *rest = (photo(*size, seed=seed) for seed in range(1, frames + 1))
    options: dict[str, Any] = {} if format_ == "AVIF" else {"loop": 0}
    return encode(first, format_, save_all=True, append_images=rest, duration=40, **options)


def with_metadata(format_: str) -> bytes:
    """A small picture that says where and with what it was taken, in every way its format has."""
    picture = photo()
    if format_ == "GIF":
        data = encode(picture, "GIF", comment=b"Secret comment")
        xmp = b"!\xff\x0bXMP DataXMP" + b"\x06Secret\0"
        return data[:-1] + xmp + b"!\xfe\x06Secret\0;"
    if format_ == "PNG":
        data = encode(picture, "PNG", exif=exif(), icc_profile=profile())
        secret = png_chunk(b"tEXt", b"Author\0Secret") + png_chunk(b"prIv", b"Secret")
        packed = zlib.compress(b"Secret")
        secret += png_chunk(b"zTXt", b"Secret\0\0" + packed)
        secret += png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
        secret += png_chunk(b"tIME", b"\x07\xea\x01\x01\x01\x01\x01")
        return data[:33] + secret + data[33:]
    data = encode(picture, format_, exif=exif(), xmp=XMP, icc_profile=profile())
    if format_ == "JPEG":
        extra = jpeg_segment(0xED, b"Photoshop 3.0\x008BIMSecret")
        extra += jpeg_segment(0xFE, b"Secret comment") + jpeg_segment(0xE5, b"Secret")
        data = data[:2] + extra + data[2:]
    return data


def jpeg_segment(marker: int, payload: bytes) -> bytes:
    """One JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int,
    height: int,
    *,
    bits: int = 8,
    colour: int = 2,
    interlaced: bool = False,
    rows: bytes | None = None,
    before: bytes = b"",
) -> bytes:
    """A PNG from its parts; `rows` are the filtered rows, `before` chunks in front of them."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    if rows is None:
        rows = (b"\0" + b"\x7f" * ((width * bits * channels + 7) // 8)) * height
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    body = png_chunk(b"IHDR", header) + before + png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")


def arithmetic_jpeg() -> bytes:
    """A gray JPEG with arithmetic coding, in which any bytes are a picture."""
    tables = jpeg_segment(0xDB, b"\0" + b"\x10" * 64)
    frame = jpeg_segment(0xC9, b"\x08" + struct.pack(">HH", 16, 16) + b"\x01\x01\x11\0")
    scan = jpeg_segment(0xDA, b"\x01\x01\0\0\x3f\0")
    return b"\xff\xd8" + tables + frame + scan + b"\x12\x34\x56\x78" * 8 + b"\xff\xd9"


def gif_frame(width: int = 1, height: int = 1) -> bytes:
    """A GIF frame of one colour, only the first pixels of it stored."""
    return b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0"


def gif(width: int, height: int, frames: list[bytes]) -> bytes:
    """A GIF from its frames."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0)
    return screen + b"\0\0\0\xff\xff\xff" + b"".join(frames) + b";"


def long_gif(side: int, frames: int) -> bytes:
    """A GIF of equal frames, small as a file and long to decode."""
    still = encode(Image.new("P", (side, side)), "GIF")
    frame = still[still.index(b",", 13) : -1]
    return gif(side, side, [frame] * frames)


def webp_header(width: int, height: int, flags: int = 0) -> bytes:
    """The VP8X chunk of a WebP canvas."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X" + struct.pack("<I", 10) + bytes((flags, 0, 0, 0)) + sides


def riff(*chunks: bytes) -> bytes:
    """A WebP file around chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pixels(data: bytes) -> list[bytes]:
    """Every frame, as RGBA bytes."""
    shown = []
    with Image.open(BytesIO(data)) as picture:
        for frame in range(getattr(picture, "n_frames", 1)):
            picture.seek(frame)
            shown.append(picture.convert("RGBA").tobytes())
    return shown


NOT_PICTURES = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "html": b"<!doctype html><html><script>alert(1)</script></html>",
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64,
    "tiff": b"II*\0\x08\0\0\0" + b"\0" * 64,
    "bmp": b"BM" + b"\0" * 64,
    "ico": b"\0\0\x01\0\x01\0" + b"\0" * 64,
    "pdf": b"%PDF-1.7\n" + b"\0" * 64,
    "zip": b"PK\x03\x04" + b"\0" * 64,
    "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + b"\0" * 64,
    "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 64,
    "wave": b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 64,
    "text": b"hello",
    "byte": b"\xff",
}
