"""The shapes of pictures on the wire."""

from datetime import datetime

from pydantic import BaseModel


class Picture(BaseModel):
    """A picture that is kept. Width and height are in pixels, as displayed; size is what is served.

    `markdown` is ready to be put into a note, with an alt text between its brackets.
    """

    id: str
    url: str
    markdown: str
    content_type: str
    size_bytes: int
    width: int
    height: int
    created_at: datetime
