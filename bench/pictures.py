"""Pictures of a wanted size in bytes, as phones take them: made once, and made different by a comment."""

import secrets
from io import BytesIO
from pathlib import Path

from PIL import Image

from pictures.samples import exif, jpeg_segment, photo


def jpeg(folder: Path, name: str, *, size_bytes: int, width: int, height: int, noise: int = 12) -> bytes:
    """A JPEG with EXIF and GPS of nearly, and at most, that many bytes."""
    file = folder / f"{name}.jpg"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_encoded(size_bytes, width, height, noise))
    return file.read_bytes()


def different(data: bytes) -> bytes:
    """The same picture as another file: with a comment that no other has, behind its first segment."""
    end = 4 + int.from_bytes(data[4:6], "big") - 2 + 2
    return data[:end] + jpeg_segment(0xFE, secrets.token_hex(16).encode()) + data[end:]


def _encoded(size_bytes: int, width: int, height: int, noise: int) -> bytes:
    grain = Image.effect_noise((width, height), noise).convert("RGB")
    picture = Image.blend(photo(width, height), grain, 0.3)
    best = b""
    low, high = 1, 100
    while low <= high:
        quality = (low + high) // 2
        out = BytesIO()
        picture.save(out, "JPEG", quality=quality, exif=exif())
        if len(out.getvalue()) <= size_bytes:
            best, low = out.getvalue(), quality + 1
        else:
            high = quality - 1
    if len(best) < size_bytes * 0.8:
        raise RuntimeError(f"{len(best):,} bytes are too far from {size_bytes:,}")
    return best
