"""Pictures drawn for the tests and the screenshots: no two seeds give the same bytes."""

import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]

PALETTES: list[tuple[Colour, Colour, list[Colour]]] = [
    ((250, 196, 140), (120, 108, 160), [(94, 82, 122), (66, 62, 100), (44, 46, 78), (26, 30, 54)]),
    ((206, 228, 236), (110, 164, 196), [(120, 156, 150), (84, 126, 112), (52, 94, 80), (30, 62, 54)]),
    ((255, 224, 178), (236, 140, 110), [(196, 104, 92), (150, 78, 84), (100, 58, 74), (58, 40, 58)]),
    ((224, 220, 240), (142, 134, 190), [(122, 116, 162), (92, 92, 138), (62, 70, 110), (36, 46, 78)]),
]


def landscape(seed: int, width: int = 1600, height: int = 1000) -> Image.Image:
    """Hills behind hills under a low sun."""
    chance = random.Random(seed)
    low, high, hills = PALETTES[seed % len(PALETTES)]
    picture = Image.new("RGB", (1, height))
    for y in range(height):
        share = min(1.0, y / (height * 0.72))
        picture.putpixel((0, y), mix(high, low, share))
    picture = picture.resize((width, height))
    draw = ImageDraw.Draw(picture)
    radius = height * 0.085
    sun = (width * chance.uniform(0.25, 0.75), height * chance.uniform(0.28, 0.4))
    glow = Image.new("RGB", (width, height))
    ImageDraw.Draw(glow).ellipse(around(sun, radius * 3), fill=(90, 70, 44))
    glow = glow.filter(ImageFilter.GaussianBlur(radius))
    picture = Image.blend(picture, Image.composite(glow, picture, glow.convert("L")), 0.0)
    draw = ImageDraw.Draw(picture)
    draw.ellipse(around(sun, radius), fill=(255, 244, 222))
    for index, colour in enumerate(hills):
        base = height * (0.5 + index * 0.13)
        waves = [
            (
                chance.uniform(0.6, 2.6) * (1 + index * 0.3),
                chance.uniform(0, 6.3),
                chance.uniform(0.02, 0.05),
            )
            for _ in range(3)
        ]
        ridge = [
            (
                x,
                base
                + height
                * sum(size * math.sin(x / width * 6.3 * pace + phase) for pace, phase, size in waves),
            )
            for x in range(0, width + 8, 8)
        ]
        draw.polygon([*ridge, (width, height), (0, height)], fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour `share` of the way from one to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def around(centre: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    """The box of a circle."""
    x, y = centre
    return x - radius, y - radius, x + radius, y + radius


def jpeg(seed: int, width: int = 1600, height: int = 1000) -> bytes:
    """A landscape as a JPEG."""
    out = io.BytesIO()
    landscape(seed, width, height).save(out, "JPEG", quality=86)
    return out.getvalue()


def png(seed: int, width: int = 240, height: int = 160) -> bytes:
    """A small landscape as a PNG."""
    out = io.BytesIO()
    landscape(seed, width, height).save(out, "PNG")
    return out.getvalue()


def heavy_png(seed: int, megabytes: int = 3) -> bytes:
    """Noise, which no format makes small: an upload long enough to be watched."""
    side = int((megabytes * 1_000_000 / 3) ** 0.5)
    noise = Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(side * side * 3))
    out = io.BytesIO()
    noise.save(out, "PNG", compress_level=0)
    return out.getvalue()
