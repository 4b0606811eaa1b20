"""The shapes of API tokens on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from knote.asker import Access
from knote.lifetimes import LifeInDays


class NewToken(BaseModel):
    """What a token is to be called, what it may do, and for how many days; null is for good."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            description="What you know it by.",
            json_schema_extra={"pattern": r"\S"},
            examples=["backup on the NAS"],
        ),
    ]
    access: Access
    expires_in_days: LifeInDays | None


class Token(BaseModel):
    """A token as it is listed. `last_used_at` is true to a few minutes."""

    id: str
    name: str
    access: Access
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class MadeToken(Token):
    """A new token. `token` is the secret itself, which is shown this once."""

    token: str
