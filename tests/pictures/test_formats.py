"""Telling formats apart and rewriting their containers."""

from __future__ import annotations

import struct

import pytest

from knote.pictures.formats import clean_picture, detect_format
from knote.pictures.limits import Limits
from knote.pictures.orientation import read_orientation
from knote.pictures.refusal import PictureRefused
from pictures import samples

LIMITS = Limits()


def clean(data: bytes) -> bytes:
    return clean_picture(data, LIMITS).tobytes()


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_the_type_is_told_from_the_bytes(format_: str) -> None:
    assert detect_format(samples.encode(samples.photo(), format_)).name == format_


@pytest.mark.parametrize("name", samples.NOT_PICTURES)
def test_what_is_not_a_picture_has_no_format(name: str) -> None:
    with pytest.raises(PictureRefused) as refused:
        detect_format(samples.NOT_PICTURES[name])
    assert refused.value.reason == "unsupported_type"


def test_heic_is_refused_with_the_way_out() -> None:
    with pytest.raises(PictureRefused, match="JPEG"):
        detect_format(samples.NOT_PICTURES["heic"])


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_cleaning_twice_changes_nothing(format_: str) -> None:
    once = clean(samples.with_metadata(format_))
    assert clean(once) == once


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_a_still_picture_keeps_every_pixel(format_: str) -> None:
    data = samples.with_metadata(format_)
    assert samples.pixels(clean(data)) == samples.pixels(data)


@pytest.mark.parametrize("format_", samples.MOVING)
def test_an_animation_keeps_every_frame(format_: str) -> None:
    data = samples.moving(format_)
    cleaned = clean_picture(data, LIMITS)
    assert cleaned.frames == 3
    assert samples.pixels(cleaned.tobytes()) == samples.pixels(data)


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_bytes_behind_the_picture_are_left_out(format_: str) -> None:
    data = samples.encode(samples.photo(), format_)
    tail = b"PK\x03\x04<script>alert(1)</script>"
    assert b"script" not in clean(data + tail)
    assert clean(data + tail) == clean(data)


def test_only_the_first_picture_of_a_jpeg_with_several_is_kept() -> None:
    first = samples.encode(samples.photo(), "JPEG")
    second = samples.encode(samples.photo(seed=2), "JPEG")
    index = samples.jpeg_segment(0xE2, b"MPF\0II*\0Secret")
    assert clean(first[:20] + index + first[20:] + second) == clean(first)


def test_the_thumbnail_of_a_jfif_header_is_left_out() -> None:
    data = samples.encode(samples.photo(), "JPEG")
    header = b"JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01abc"
    kept = clean(b"\xff\xd8" + samples.jpeg_segment(0xE0, header) + data[20:])
    assert b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0" in kept
    assert b"abc" not in kept


def test_the_loop_count_of_a_gif_is_kept() -> None:
    assert b"NETSCAPE2.0\x03\x01" in clean(samples.moving("GIF"))


def test_a_gif_frame_outside_its_screen_widens_the_screen() -> None:
    cleaned = clean_picture(samples.gif(2, 2, [samples.gif_frame(5, 3)]), LIMITS)
    assert (cleaned.width, cleaned.height) == (5, 3)
    assert struct.unpack_from("<HH", cleaned.tobytes(), 6) == (5, 3)


def test_webp_flags_no_longer_announce_metadata() -> None:
    cleaned = clean(samples.with_metadata("WEBP"))
    assert cleaned[12:16] == b"VP8X"
    assert cleaned[20] & 0x0C == 0
    assert cleaned[20] & 0x20


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_the_colour_profile_is_kept(format_: str) -> None:
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(clean(samples.with_metadata(format_)))) as picture:
        assert picture.info["icc_profile"] == samples.profile()


def test_a_hidden_name_in_a_png_profile_is_left_out() -> None:
    import zlib

    body = b"Secret\0\0" + zlib.compress(samples.profile()) + b"Secret"
    data = samples.png(2, 2, before=samples.png_chunk(b"iCCP", body))
    assert b"Secret" not in clean(data)


def test_the_times_of_an_avif_sequence_are_zero() -> None:
    cleaned = clean(samples.moving("AVIF"))
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        at = cleaned.index(kind) + 4
        assert not any(cleaned[at + 4 : at + (20 if cleaned[at] else 12)])


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xCB, 0xCF])
def test_jpeg_processes_no_browser_shows_are_refused(marker: int) -> None:
    data = b"\xff\xd8" + samples.jpeg_segment(marker, b"\x08\0\x01\0\x01\x01\x01\x11\0")
    with pytest.raises(PictureRefused) as refused:
        clean(data)
    assert refused.value.reason == "unsupported_type"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read_from_exif(orientation: int) -> None:
    assert read_orientation(samples.exif(orientation)) == orientation


@pytest.mark.parametrize("bad", [b"", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"Exif\0\0", b"x" * 40])
def test_unreadable_exif_counts_as_upright(bad: bytes) -> None:
    assert read_orientation(bad) == 1
    assert read_orientation(samples.exif(9)) == 1
