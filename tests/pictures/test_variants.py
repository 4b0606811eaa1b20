"""Smaller copies: their size, their colours, and which pictures have none."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from knote.pictures.refusal import PictureRefused
from knote.pictures.results import Variant
from knote.pictures.variants import make_variant
from knote.pictures.widths import VARIANT_WIDTHS, variant_width
from pictures import samples


def shrink(folder: Path, data: bytes, width: int = 320) -> tuple[Variant, Image.Image]:
    """The variant of `data`, and its picture."""
    source, target = folder / "source", folder / "target"
    source.write_bytes(data)
    variant = make_variant(source, target, width)
    kept = target.read_bytes()
    assert variant.size_bytes == len(kept)
    picture = Image.open(BytesIO(kept))
    assert picture.size == (variant.width, variant.height)
    assert Image.MIME[picture.format or ""] == variant.content_type
    return variant, picture


def mean_difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


@pytest.mark.parametrize(
    ("requested", "natural", "width"),
    [
        (1, 4000, 320),
        (320, 4000, 320),
        (321, 4000, 640),
        (2560, 4000, 2560),
        (2561, 4000, None),
        (100_000, 4000, None),
        (320, 320, None),
        (300, 200, None),
        (600, 641, 640),
        (600, 640, None),
    ],
)
def test_a_width_is_rounded_up_and_never_above_the_picture(
    requested: int, natural: int, width: int | None
) -> None:
    assert variant_width(requested, natural) == width


@pytest.mark.parametrize("format_", samples.FORMATS)
def test_every_format_becomes_a_small_webp_that_looks_the_same(tmp_path: Path, format_: str) -> None:
    original = samples.photo(900, 500)
    variant, small = shrink(tmp_path, samples.encode(original, format_))
    assert variant[:3] == ("image/webp", 320, 178)
    # A GIF has 256 colours only.
    assert mean_difference(small.convert("RGB"), original.resize((320, 178))) < 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_can_shrink(tmp_path: Path, mode: str) -> None:
    original = samples.photo(700, 400, mode)
    _, small = shrink(tmp_path, samples.encode(original, "PNG"))
    if mode != "1":
        expected = samples.photo(700, 400, "L" if mode == "I;16" else mode).convert("RGB")
        assert mean_difference(small.convert("RGB"), expected.resize(small.size)) < 6


def test_alpha_is_kept(tmp_path: Path) -> None:
    original = samples.photo(700, 400, "RGBA")
    _, small = shrink(tmp_path, samples.encode(original, "PNG"))
    assert small.mode == "RGBA"
    expected = original.getchannel("A").resize(small.size)
    assert mean_difference(small.getchannel("A"), expected) < 2


def test_palette_transparency_is_kept(tmp_path: Path) -> None:
    picture = Image.new("P", (400, 200), 1)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.paste(0, (0, 0, 200, 200))
    _, small = shrink(tmp_path, samples.encode(picture, "GIF", transparency=0))
    assert small.convert("RGBA").getpixel((20, 80)) == (0, 0, 0, 0) or (
        small.getchannel("A").getpixel((20, 80)) == 0
    )
    assert small.getchannel("A").getpixel((300, 80)) == 255


def test_an_rgb_profile_is_kept(tmp_path: Path) -> None:
    data = samples.encode(samples.photo(700, 400), "JPEG", icc_profile=samples.profile())
    _, small = shrink(tmp_path, data)
    assert small.info["icc_profile"] == samples.profile()


def test_a_gray_profile_is_worked_in(tmp_path: Path) -> None:
    gray = bytearray(samples.profile())
    gray[16:20] = b"GRAY"
    data = samples.encode(samples.photo(700, 400, "L"), "JPEG", icc_profile=bytes(gray))
    _, small = shrink(tmp_path, data)
    assert "icc_profile" not in small.info


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    original = samples.photo(700, 400)
    _, small = shrink(tmp_path, samples.encode(original.convert("CMYK"), "JPEG", quality=95))
    assert mean_difference(small.convert("RGB"), original.resize(small.size)) < 8


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_avif_has_an_upright_variant(tmp_path: Path, orientation: int) -> None:
    data = samples.encode(samples.photo(900, 800), "AVIF", exif=samples.exif(orientation))
    variant, small = shrink(tmp_path, data)
    turned = samples.photo(900, 800)
    turned = turned.rotate(180 if orientation == 3 else 270, expand=True)
    assert (variant.width, variant.height) == (320, 284 if orientation == 3 else 360)
    assert mean_difference(small.convert("RGB"), turned.resize(small.size)) < 6


def test_what_is_too_tall_for_webp_is_a_jpeg(tmp_path: Path) -> None:
    data = samples.encode(Image.new("RGB", (330, 17_500), "red"), "PNG")
    variant, _ = shrink(tmp_path, data)
    assert variant.content_type == "image/jpeg"
    assert variant.height == 16_970


def test_a_thin_line_keeps_a_pixel_of_height(tmp_path: Path) -> None:
    variant, _ = shrink(tmp_path, samples.encode(Image.new("RGB", (5000, 1)), "PNG"))
    assert (variant.width, variant.height) == (320, 1)


@pytest.mark.parametrize("width", [64, 100])
def test_a_picture_is_never_made_larger(tmp_path: Path, width: int) -> None:
    source = tmp_path / "source"
    source.write_bytes(samples.encode(samples.photo(), "JPEG"))
    with pytest.raises(ValueError, match="wider"):
        make_variant(source, tmp_path / "target", width)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("format_", samples.MOVING)
def test_an_animation_has_no_variant(tmp_path: Path, format_: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(samples.moving(format_))
    with pytest.raises(ValueError, match="still"):
        make_variant(source, tmp_path / "target", 20)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_broken_source_is_refused(tmp_path: Path, format_: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(samples.encode(samples.photo(400, 300), format_)[:400])
    with pytest.raises(PictureRefused):
        make_variant(source, tmp_path / "target", 320)


def test_the_steps_rise() -> None:
    assert sorted(VARIANT_WIDTHS) == list(VARIANT_WIDTHS)


def test_a_large_jpeg_is_decoded_small(tmp_path: Path, monkeypatch: Any) -> None:
    loaded: list[tuple[int, int]] = []
    resize = Image.Image.resize

    def spy(picture: Image.Image, *args: Any, **options: Any) -> Image.Image:
        loaded.append(picture.size)
        return resize(picture, *args, **options)

    data = samples.encode(samples.photo(4000, 3000), "JPEG")
    monkeypatch.setattr(Image.Image, "resize", spy)
    shrink(tmp_path, data)
    assert loaded[0] == (1000, 750)


def test_a_profile_of_another_kind_is_left_out(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    _, small = shrink(tmp_path, samples.encode(samples.photo(700, 400), "PNG", icc_profile=lab))
    assert "icc_profile" not in small.info
