"""Damaged pictures are refused cleanly, or what is written is a clean picture."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from knote.pictures.inspect import inspect_picture
from knote.pictures.limits import Limits
from knote.pictures.refusal import PictureRefused
from pictures import samples

LIMITS = Limits(max_pixels=1_000_000, max_layered_pixels=1_000_000, max_frame_pixels_total=9_000_000)
REASONS = {"empty", "unsupported_type", "broken", "too_many_pixels", "too_complex"}
fuzzing = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
    derandomize=True,
)


@cache
def seeds() -> dict[str, bytes]:
    """Small valid pictures, with metadata, still and moving."""
    still = {name: samples.with_metadata(name) for name in samples.FORMATS}
    still["JPEG"] = samples.encode(
        samples.photo(24, 16), "JPEG", exif=samples.exif(6), xmp=samples.XMP, progressive=True
    )
    moving = {f"moving {name}": samples.moving(name, size=(16, 12)) for name in samples.MOVING}
    return still | moving


NAMES = sorted(seeds())


def survive(folder: Path, data: bytes) -> bool:
    """Inspect `data`; False when it was refused cleanly. What is kept is proven clean."""
    source, target = folder / "source", folder / "target"
    source.write_bytes(data)
    try:
        inspected = inspect_picture(source, target, LIMITS)
    except PictureRefused as refused:
        return refused.reason not in REASONS or not refused.detail or target.exists()
    kept = target.read_bytes()
    assert len(kept) == inspected.size_bytes
    assert not [secret for secret in samples.SECRETS[1:] if secret in kept]
    source.write_bytes(kept)
    assert inspect_picture(source, target, LIMITS) == inspected
    with Image.open(target) as picture:
        picture.load()
    return True


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    data = seeds()[name]
    step = max(1, len(data) // 150)
    for length in sorted({*range(64), *range(0, len(data), step), *range(len(data) - 8, len(data))}):
        kept = survive(tmp_path, data[:length])
        # An AVIF may end in boxes that the picture does not need.
        assert not kept or name.endswith("AVIF"), f"{length} of {len(data)} bytes were kept"


@pytest.mark.parametrize("name", NAMES)
@fuzzing
@given(flips=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 7)), min_size=1, max_size=4))
def test_flipped_bits_do_no_harm(tmp_path: Path, name: str, flips: list[tuple[int, int]]) -> None:
    data = bytearray(seeds()[name])
    for at, bit in flips:
        data[at % len(data)] ^= 1 << bit
    survive(tmp_path, bytes(data))


@pytest.mark.parametrize("name", NAMES)
def test_damaged_headers_do_no_harm(tmp_path: Path, name: str) -> None:
    noise = random.Random(name)
    for _ in range(120):
        data = bytearray(seeds()[name])
        at = noise.randrange(min(len(data), 400))
        data[at : at + 4] = noise.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", noise.randbytes(4), b""))
        survive(tmp_path, bytes(data))


@fuzzing
@given(head=st.sampled_from(NAMES), length=st.integers(4, 64), tail=st.binary(max_size=400))
def test_noise_behind_a_signature_does_no_harm(tmp_path: Path, head: str, length: int, tail: bytes) -> None:
    survive(tmp_path, seeds()[head][:length] + tail)
