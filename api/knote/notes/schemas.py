"""The shapes of notes on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class NoteContent(BaseModel):
    """What a client sends to write a note: its Markdown, kept to the letter."""

    model_config = ConfigDict(extra="forbid", strict=True)

    content: Annotated[
        str,
        Field(
            min_length=1,
            description="Markdown. Not blank; at most 256 KiB of UTF-8 unless configured otherwise.",
            json_schema_extra={"pattern": r"\S"},
            examples=["# Hello\n\nA note with **Markdown**."],
        ),
    ]


class NotePicture(BaseModel):
    """A picture that a note names. Width and height are in pixels, as displayed."""

    id: str
    url: str
    width: int
    height: int


class Note(BaseModel):
    """A note as it is read. `version` counts its writes, and quoted it is the note's ETag."""

    id: str
    content: str
    version: int
    created_at: datetime
    updated_at: datetime
    pictures: list[NotePicture]

    @property
    def etag(self) -> str:
        """The strong entity tag of this version."""
        return f'"{self.version}"'
