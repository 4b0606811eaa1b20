"""Pictures that ask for more than they may: refused quickly, and with little memory."""

from __future__ import annotations

import resource
import struct
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from knote.pictures.inspect import inspect_picture
from knote.pictures.limits import Limits
from knote.pictures.refusal import PictureRefused
from pictures import samples

MEBIBYTE = 1024 * 1024
NOISE = b"\0" * MEBIBYTE


def huge_jpeg() -> bytes:
    data = bytearray(samples.encode(samples.photo(), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


def jpeg_of_many_scans() -> bytes:
    data = samples.encode(samples.photo(512, 512, "L"), "JPEG")
    scan = data[data.index(b"\xff\xda") : -2]
    return data[:-2] + scan * 100 + data[-2:]


def deflate_bomb_in(kind: bytes, prefix: bytes) -> bytes:
    packed = zlib.compressobj(9)
    body = b"".join(packed.compress(NOISE) for _ in range(64)) + packed.flush()
    return samples.png(4, 4, before=samples.png_chunk(kind, prefix + body))


def png_with_a_deflate_bomb_as_pixels() -> bytes:
    packed = zlib.compressobj(9)
    body = b"".join(packed.compress(NOISE) for _ in range(64)) + packed.flush()
    data = samples.png(4, 4)
    return data[:33] + samples.png_chunk(b"IDAT", body) + data[-12:]


def apng(frames: int) -> bytes:
    control = samples.png_chunk(b"acTL", struct.pack(">II", frames, 0))
    return samples.png(2000, 2000, before=control, rows=b"")


def huge_avif() -> bytes:
    data = samples.encode(samples.photo(), "AVIF")
    at = data.index(b"ispe") + 8
    return data[:at] + b"\0\0\xff\xff\0\0\xff\xff" + data[at + 8 :]


def long_avif() -> bytes:
    data = samples.moving("AVIF")
    at = data.index(b"stsz") + 12
    return data[:at] + b"\x7f\xff\xff\xff" + data[at + 4 :]


def webp_of_many_frames() -> bytes:
    frame = b"ANMF" + struct.pack("<I", 16) + b"\0" * 16
    head = samples.webp_header(2000, 2000, 2) + b"ANIM" + struct.pack("<I", 6) + b"\0" * 6
    return samples.riff(head, frame * 200)


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a JPEG of 4 gigapixels": ("too_many_pixels", huge_jpeg),
    "a JPEG of a hundred scans": ("too_complex", jpeg_of_many_scans),
    "a PNG of 4 gigapixels": ("too_many_pixels", lambda: samples.png(65535, 65535, rows=b"")),
    "a PNG with the largest header": (
        "too_many_pixels",
        lambda: samples.png(2**31, 2**31, rows=b""),
    ),
    "a PNG profile that inflates to 64 MiB": (
        "too_complex",
        lambda: deflate_bomb_in(b"iCCP", b"name\0\0"),
    ),
    "PNG pixels that inflate to 64 MiB": ("broken", png_with_a_deflate_bomb_as_pixels),
    "an APNG of four billion frames": ("too_complex", lambda: apng(2**32 - 1)),
    "an APNG of too many pixels over all": ("too_complex", lambda: apng(101)),
    "a GIF with a huge screen": (
        "too_many_pixels",
        lambda: samples.gif(65535, 65535, [samples.gif_frame()]),
    ),
    "a GIF with a huge frame": (
        "too_many_pixels",
        lambda: samples.gif(1, 1, [samples.gif_frame(65535, 65535)]),
    ),
    "a GIF of thousands of frames": (
        "too_complex",
        lambda: samples.gif(1, 1, [samples.gif_frame()] * 5000),
    ),
    "a GIF of too many pixels over all": (
        "too_complex",
        lambda: samples.gif(3000, 3000, [samples.gif_frame()] * 50),
    ),
    "a WebP with a huge canvas": (
        "too_many_pixels",
        lambda: samples.riff(samples.webp_header(16384, 16384)),
    ),
    "a WebP of too many frames": ("too_complex", webp_of_many_frames),
    "an AVIF of 4 gigapixels": ("too_many_pixels", huge_avif),
    "an AVIF of two billion frames": ("too_complex", long_avif),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, name: str) -> None:
    reason, make = BOMBS[name]
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(make())
    resident = peak_bytes()
    tracemalloc.start()
    started = time.perf_counter()
    try:
        with pytest.raises(PictureRefused) as refused:
            inspect_picture(source, target)
        seconds = time.perf_counter() - started
        _, traced = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.reason == reason
    assert seconds < 2
    assert traced < 24 * MEBIBYTE
    assert peak_bytes() - resident < 48 * MEBIBYTE
    assert not target.exists()


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"prIv"])
def test_a_bomb_in_dropped_metadata_is_never_inflated(tmp_path: Path, kind: bytes) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(deflate_bomb_in(kind, b"Comment\0\0"))
    tracemalloc.start()
    try:
        assert inspect_picture(source, target).width == 4
        assert tracemalloc.get_traced_memory()[1] < 8 * MEBIBYTE
    finally:
        tracemalloc.stop()
    assert target.read_bytes() == samples.png(4, 4)


def test_the_pixel_cap_is_exact(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(samples.png(40, 25))
    assert inspect_picture(source, target, Limits(max_pixels=1000)).width == 40
    with pytest.raises(PictureRefused, match="40 × 25") as refused:
        inspect_picture(source, target, Limits(max_pixels=999))
    assert refused.value.reason == "too_many_pixels"


def peak_bytes() -> int:
    """The most memory this process ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
