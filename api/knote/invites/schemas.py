"""The shapes of invites, and of a new account, on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from knote.users.schemas import Name, Password


class NewInvite(BaseModel):
    """What the invite is to be for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    is_admin: bool = False
    expires_in_days: Annotated[int, Field(ge=1, le=90)] = 7


class Invite(BaseModel):
    """An invite that nobody has used yet. `created_by` is the id of an account."""

    id: str
    is_admin: bool
    created_by: str
    created_at: datetime
    expires_at: datetime


class MadeInvite(Invite):
    """A new invite, and its link, which is shown this once: whoever has it makes the account."""

    url: str


class SignUp(BaseModel):
    """A new account. `invite` is what stands after the # of an invite's link."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    password: Password
    invite: Annotated[SecretStr, Field(max_length=200)] | None = None
