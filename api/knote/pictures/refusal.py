"""Why an upload is not kept as a picture: one error, in words for people."""

from __future__ import annotations

from typing import Literal

Reason = Literal["empty", "unsupported_type", "broken", "too_many_pixels", "too_complex"]


class PictureRefused(Exception):
    """The bytes are not a picture Knote keeps: the one error for bad input.

    `reason` is a slug for programs, `detail` says to people what happened and what to do. Both
    are in `args`, so the error survives pickling between processes.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    @classmethod
    def empty(cls) -> PictureRefused:
        """A file without bytes."""
        return cls("empty", "This file is empty. Choose a picture and try again.")

    @classmethod
    def unsupported_type(cls) -> PictureRefused:
        """Bytes of another type, whatever the file's name says."""
        return cls(
            "unsupported_type",
            "This file is not a picture Knote can keep. Use JPEG, PNG, GIF, WebP or AVIF.",
        )

    @classmethod
    def broken(cls) -> PictureRefused:
        """A picture that ends early or cannot be decoded to the last pixel."""
        return cls(
            "broken",
            "This picture is damaged or incomplete. Save it again on your device and retry.",
        )

    @classmethod
    def too_complex(cls) -> PictureRefused:
        """A picture whose decoding needs more time or memory than one upload may use."""
        return cls(
            "too_complex",
            "This picture takes too much time or memory to open. Make it smaller and try again.",
        )
