"""The shapes of shares on the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from knote.lifetimes import LifeInDays
from knote.notes.schemas import NotePicture


class NewShare(BaseModel):
    """For how many days a link is to work; null is for good."""

    model_config = ConfigDict(extra="forbid", strict=True)

    expires_in_days: LifeInDays | None


class Share(BaseModel):
    """A link to a note, as it is listed."""

    id: str
    created_at: datetime
    expires_at: datetime | None


class MadeShare(Share):
    """A new link. `url` is a path of the page with the secret in it, which is shown this once."""

    url: str


class SharedNote(BaseModel):
    """A note as its link shows it.

    The `url` of each picture is good for an hour; the Markdown names it by its `id`, as ever.
    """

    content: str
    updated_at: datetime
    expires_at: datetime | None
    pictures: list[NotePicture]
