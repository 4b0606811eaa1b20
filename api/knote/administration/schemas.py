"""The shapes of accounts as administrators see them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from knote.users.schemas import Password


class UserChange(BaseModel):
    """What is to be another way; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    is_disabled: bool | None = None
    is_admin: bool | None = None


class Departure(BaseModel):
    """One's own deletion, with the password as proof; an account that has none leaves it out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    password: Password | None = None


class ListedUser(BaseModel):
    """An account. `stored_bytes` is what its pictures take up."""

    id: str
    name: str
    is_admin: bool
    is_disabled: bool
    created_at: datetime
    last_seen_at: datetime | None
    deleted_at: datetime | None
    stored_bytes: int
