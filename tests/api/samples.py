"""Picture files as clients send them, good and bad, made with Pillow."""

import random
import struct
import zlib
from io import BytesIO

from PIL import Image

GPS = b"Leipzig-GPS-secret"


def picture(format_: str = "PNG", size: tuple[int, int] = (48, 32), *, seed: int = 1) -> bytes:
    """A picture that no other seed makes."""
    noise = Image.frombytes("RGB", (8, 6), random.Random(seed).randbytes(144))
    out = BytesIO()
    noise.resize(size, Image.Resampling.BICUBIC).save(out, format_)
    return out.getvalue()


def noise_png(side: int, *, seed: int = 1) -> bytes:
    """A square PNG of 3 bytes a pixel, which nothing compresses."""
    out = BytesIO()
    pixels = random.Random(seed).randbytes(side * side * 3)
    Image.frombytes("RGB", (side, side), pixels).save(out, "PNG", compress_level=0)
    return out.getvalue()


def located_jpeg(*, orientation: int = 1) -> bytes:
    """A photo of 60 by 40 pixels that tells where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = GPS.decode()
    exif.get_ifd(0x8825).update(
        {1: "N", 2: (51.0, 20.0, 24.0), 3: "E", 4: (12.0, 22.0, 12.0), 29: GPS.decode()}
    )
    out = BytesIO()
    Image.open(BytesIO(picture("PNG", (60, 40)))).save(out, "JPEG", exif=exif)
    return out.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size, with a few pixels behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    b"<script>alert(1)</script></svg>"
)
HTML = b"<!doctype html><html><script>alert(1)</script></html>"
