"""The shapes of users on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from knote.users.passwords import LONGEST

Name = Annotated[str, Field(min_length=1, max_length=200, examples=["ada"])]
# Whether a new one is good enough is told in a sentence, by `check_password`.
Password = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST)]


class Setup(BaseModel):
    """What makes the first account, whose user is an administrator."""

    model_config = ConfigDict(extra="forbid", strict=True)

    setup_token: Annotated[SecretStr, Field(max_length=1000, description="What `KNOTE_SETUP_TOKEN` holds.")]
    name: Name
    password: Password


class PasswordChange(BaseModel):
    """A new password, and the present one as proof; an account that has none leaves it out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    current_password: Password | None = None
    new_password: Password


class User(BaseModel):
    """Who is signed in."""

    id: str
    name: str
    is_admin: bool


class Identity(BaseModel):
    """An account elsewhere that signs in to this one."""

    id: str
    issuer: str
    name: str


class Usage(BaseModel):
    """What an account takes up. `max_stored_bytes` is null where nothing limits it."""

    stored_bytes: int
    max_stored_bytes: int | None
    notes: int
    pictures: int


class Account(BaseModel):
    """One's own account."""

    id: str
    name: str
    is_admin: bool
    created_at: datetime
    has_password: bool
    identities: list[Identity]
    usage: Usage
