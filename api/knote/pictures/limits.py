"""How much a picture may ask for, checked from its declared sizes before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from knote.pictures.refusal import PictureRefused

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The sizes one picture may have.

    A decoder holds 4 to 12 bytes per pixel of a JPEG or PNG, about 20 of WebP, AVIF and all that
    moves (frames are composed), so those have a smaller canvas: what is kept fits in
    `max_memory_bytes`.
    """

    max_pixels: int = 40_000_000
    max_layered_pixels: int = 20_000_000
    max_frame_pixels_total: int = 400_000_000
    max_frames: int = 2_000
    max_scans: int = 64
    max_profile_bytes: int = 4 * MEBIBYTE
    max_memory_bytes: int = 640 * MEBIBYTE

    def check_canvas(self, width: int, height: int, *, layered: bool = False) -> None:
        """Refuse a picture without area, or with more pixels than may be decoded."""
        if width < 1 or height < 1:
            raise PictureRefused.broken()
        allowed = min(self.max_layered_pixels, self.max_pixels) if layered else self.max_pixels
        if width * height > allowed:
            raise PictureRefused(
                "too_many_pixels",
                f"This picture has {width} × {height} pixels, and Knote keeps at most "
                f"{allowed / 1_000_000:g} megapixels of this kind. Make it smaller and try again.",
            )

    def check_frames(self, width: int, height: int, frames: int) -> None:
        """Refuse an animation with too many frames, or with too many pixels over all of them."""
        if frames > 1:
            self.check_canvas(width, height, layered=True)
        if frames > self.max_frames or width * height * frames > self.max_frame_pixels_total:
            raise PictureRefused(
                "too_complex",
                f"This animation of {frames} frames is too long for Knote. "
                "Shorten it or make it smaller and try again.",
            )


DEFAULT_LIMITS: Final = Limits()
