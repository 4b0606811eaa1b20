"""What inspect_picture keeps, and what it says about it."""

from __future__ import annotations

import hashlib
import pickle
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from PIL.JpegImagePlugin import JpegImageFile

from knote.pictures.inspect import inspect_picture
from knote.pictures.orientation import TURNS
from knote.pictures.refusal import PictureRefused
from knote.pictures.results import Inspected
from pictures import samples


def keep(folder: Path, data: bytes) -> tuple[Inspected, bytes]:
    """Inspect `data`: what was found, and what was written."""
    source, target = folder / "source", folder / "target"
    source.write_bytes(data)
    inspected = inspect_picture(source, target)
    return inspected, target.read_bytes()


def refusal(folder: Path, data: bytes) -> PictureRefused:
    """Why `data` is refused; nothing is left behind."""
    with pytest.raises(PictureRefused) as refused:
        keep(folder, data)
    assert not (folder / "target").exists()
    return refused.value


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_what_was_written_is_described(tmp_path: Path, format_: str) -> None:
    inspected, kept = keep(tmp_path, samples.with_metadata(format_))
    assert inspected == Inspected(
        content_type=f"image/{format_.lower()}",
        width=64,
        height=48,
        size_bytes=len(kept),
        sha256=hashlib.sha256(kept).hexdigest(),
        animated=False,
        frames=1,
    )


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_metadata_is_gone(tmp_path: Path, format_: str) -> None:
    data = samples.with_metadata(format_)
    assert b"Secret" in data
    _, kept = keep(tmp_path, data)
    assert not [secret for secret in samples.SECRETS if secret in kept]
    with Image.open(BytesIO(kept)) as picture:
        picture.load()
        assert not picture.getexif()
        assert not picture.info.keys() & {"exif", "xmp", "comment", "photoshop"}


def test_gps_is_gone_from_a_jpeg(tmp_path: Path) -> None:
    data = samples.encode(samples.photo(), "JPEG", exif=samples.exif())
    with Image.open(BytesIO(data)) as picture:
        assert picture.getexif().get_ifd(0x8825)
    _, kept = keep(tmp_path, data)
    with Image.open(BytesIO(kept)) as picture:
        assert not picture.getexif().get_ifd(0x8825)


@pytest.mark.parametrize("format_", samples.MOVING)
def test_an_animation_stays_one(tmp_path: Path, format_: str) -> None:
    data = samples.moving(format_, frames=4)
    inspected, kept = keep(tmp_path, data)
    assert (inspected.animated, inspected.frames) == (True, 4)
    assert samples.pixels(kept) == samples.pixels(data)


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_inspecting_what_was_kept_changes_nothing(tmp_path: Path, format_: str) -> None:
    _, kept = keep(tmp_path, samples.with_metadata(format_))
    assert keep(tmp_path, kept)[1] == kept


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_orientation_is_applied(tmp_path: Path, format_: str, orientation: int) -> None:
    lossless = {"lossless": True, "exact": True} if format_ == "WEBP" else {}
    data = samples.encode(
        samples.photo(),
        format_,
        exif=samples.exif(orientation),
        icc_profile=samples.profile(),
        **lossless,
    )
    with Image.open(BytesIO(data)) as picture:
        upright = picture.transpose(TURNS[orientation]).convert("RGB")
    inspected, kept = keep(tmp_path, data)
    assert (inspected.width, inspected.height) == upright.size
    with Image.open(BytesIO(kept)) as picture:
        assert not picture.getexif()
        assert picture.info["icc_profile"] == samples.profile()
        difference = ImageChops.difference(picture.convert("RGB"), upright)
    if format_ == "JPEG":
        assert max(ImageStat.Stat(difference).mean) < 1.5
    else:
        assert difference.getbbox() is None


def test_a_turned_lossy_webp_looks_the_same(tmp_path: Path) -> None:
    data = samples.encode(samples.photo(), "WEBP", exif=samples.exif(6))
    with Image.open(BytesIO(data)) as picture:
        upright = picture.transpose(TURNS[6]).convert("RGB")
    _, kept = keep(tmp_path, data)
    with Image.open(BytesIO(kept)) as picture:
        assert max(ImageStat.Stat(ImageChops.difference(picture, upright)).mean) < 3


@pytest.mark.parametrize(("sampling", "kept_sampling"), [(0, 0), (1, 0), (2, 2)])
def test_a_turned_jpeg_keeps_its_quality(tmp_path: Path, sampling: int, kept_sampling: int) -> None:
    data = samples.encode(
        samples.photo(),
        "JPEG",
        exif=samples.exif(6),
        quality=90,
        subsampling=sampling,
        progressive=True,
    )
    _, kept = keep(tmp_path, data)
    with Image.open(BytesIO(data)) as before, Image.open(BytesIO(kept)) as after:
        assert isinstance(before, JpegImageFile)
        assert isinstance(after, JpegImageFile)
        turned = [before.quantization[0][8 * (i % 8) + i // 8] for i in range(64)]
        assert list(after.quantization[0]) == turned
        assert after.info["progressive"]
        assert after.layer[0][1:3] == {0: (1, 1), 2: (2, 2)}[kept_sampling]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_of_an_avif_is_the_shown_one(tmp_path: Path, orientation: int) -> None:
    data = samples.encode(samples.photo(), "AVIF", exif=samples.exif(orientation), xmp=samples.XMP)
    inspected, kept = keep(tmp_path, data)
    shown = (48, 64) if orientation >= 5 else (64, 48)
    assert (inspected.width, inspected.height) == shown
    assert samples.pixels(kept) == samples.pixels(data)


def test_a_turned_animation_is_refused_in_words(tmp_path: Path) -> None:
    frames = [samples.photo(seed=seed) for seed in (1, 2)]
    data = samples.encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], exif=samples.exif(6))
    refused = refusal(tmp_path, data)
    assert refused.reason == "too_complex"
    assert "Rotate it" in refused.detail


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_is_kept_exactly(tmp_path: Path, mode: str) -> None:
    data = samples.encode(samples.photo(mode=mode), "PNG")
    inspected, kept = keep(tmp_path, data)
    assert (inspected.width, inspected.height) == (64, 48)
    assert samples.pixels(kept) == samples.pixels(data)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_mode_of_jpeg_is_kept(tmp_path: Path, mode: str, orientation: int) -> None:
    picture = samples.photo(mode=mode)
    data = samples.encode(picture, "JPEG", progressive=True, exif=samples.exif(orientation))
    inspected, kept = keep(tmp_path, data)
    assert inspected.width == (48 if orientation == 6 else 64)
    with Image.open(BytesIO(kept)) as after:
        assert after.mode == mode
    if orientation == 1:
        assert samples.pixels(kept) == samples.pixels(data)


def test_a_ycck_jpeg_is_kept_exactly(tmp_path: Path) -> None:
    data = samples.encode(samples.photo(mode="CMYK"), "JPEG")
    at = data.index(b"Adobe") + 11
    data = data[:at] + b"\x02" + data[at + 1 :]
    _, kept = keep(tmp_path, data)
    assert samples.pixels(kept) == samples.pixels(data)


def test_an_arithmetic_jpeg_becomes_one_that_browsers_show(tmp_path: Path) -> None:
    inspected, kept = keep(tmp_path, samples.arithmetic_jpeg())
    assert (inspected.width, inspected.height) == (16, 16)
    assert b"\xff\xc0" in kept
    assert b"\xff\xc9" not in kept


def test_palette_with_transparency_survives(tmp_path: Path) -> None:
    picture = samples.photo(mode="P")
    data = samples.encode(picture, "PNG", transparency=bytes(range(256)))
    _, kept = keep(tmp_path, data)
    assert samples.pixels(kept) == samples.pixels(data)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_interlaced_png_is_kept(tmp_path: Path, bits: int) -> None:
    width, height = 5, 3
    passes = [
        (0, 8, 0, 8),
        (4, 8, 0, 8),
        (0, 4, 4, 8),
        (2, 4, 0, 4),
        (0, 2, 2, 4),
        (1, 2, 0, 2),
        (0, 1, 1, 2),
    ]
    rows = b""
    for left, across, top, down in passes:
        columns = len(range(left, width, across))
        if columns:
            rows += (b"\0" + b"\x55" * ((columns * bits + 7) // 8)) * len(range(top, height, down))
    data = samples.png(width, height, bits=bits, colour=0, interlaced=True, rows=rows)
    inspected, kept = keep(tmp_path, data)
    assert (inspected.width, inspected.height) == (5, 3)
    assert kept == data


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_a_single_pixel_is_a_picture(tmp_path: Path, format_: str) -> None:
    inspected, _ = keep(tmp_path, samples.encode(samples.photo(1, 1), format_))
    assert (inspected.width, inspected.height) == (1, 1)


def test_a_png_whose_image_stream_is_short_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, samples.png(8, 8, rows=(b"\0" + b"\x7f" * 24) * 4)).reason == "broken"


def test_a_png_whose_image_stream_is_long_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, samples.png(8, 8, rows=(b"\0" + b"\x7f" * 24) * 9)).reason == "broken"


def test_a_png_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    data = bytearray(samples.png(8, 8))
    data[30] ^= 1
    assert refusal(tmp_path, bytes(data)).reason == "broken"


def test_colours_survive_a_turned_png(tmp_path: Path) -> None:
    gamma = samples.png_chunk(b"gAMA", (45455).to_bytes(4, "big"))
    turn = samples.png_chunk(b"eXIf", samples.exif(6).removeprefix(b"Exif\0\0"))
    inspected, kept = keep(tmp_path, samples.png(4, 2, before=gamma + turn))
    assert (inspected.width, inspected.height) == (2, 4)
    assert gamma in kept


def test_a_turned_png_of_16_bits_is_refused_in_words(tmp_path: Path) -> None:
    turn = samples.png_chunk(b"eXIf", samples.exif(6).removeprefix(b"Exif\0\0"))
    assert "Rotate it" in refusal(tmp_path, samples.png(4, 2, bits=16, before=turn)).detail


def test_an_unreadable_profile_is_left_out(tmp_path: Path) -> None:
    broken = samples.png_chunk(b"iCCP", b"name\0\0" + zlib.compress(b"x" * 999)[:9])
    _, kept = keep(tmp_path, samples.png(2, 2, before=broken))
    assert b"iCCP" not in kept


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"").reason == "empty"


@pytest.mark.parametrize("name", samples.NOT_PICTURES)
def test_what_is_not_a_picture_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, samples.NOT_PICTURES[name]).reason == "unsupported_type"


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_a_signature_alone_is_broken(tmp_path: Path, format_: str) -> None:
    assert refusal(tmp_path, samples.encode(samples.photo(), format_)[:24]).reason == "broken"


def test_a_refusal_survives_pickling() -> None:
    refused = PictureRefused.too_complex()
    again = pickle.loads(pickle.dumps(refused))
    assert (again.reason, again.detail) == (refused.reason, refused.detail)
