"""The widths smaller copies come in: few steps mean few copies in the bucket."""

from __future__ import annotations

from typing import Final

VARIANT_WIDTHS: Final = (320, 640, 960, 1280, 1920, 2560)


def variant_width(requested: int, natural: int) -> int | None:
    """The step that serves `requested` pixels; None when that is the picture itself."""
    for width in VARIANT_WIDTHS:
        if width >= requested:
            return width if width < natural else None
    return None
