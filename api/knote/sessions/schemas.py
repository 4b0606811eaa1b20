"""The shapes of sessions on the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from knote.settings import Auth, SignUp
from knote.users.schemas import Name, Password, User


class SignIn(BaseModel):
    """Who wants to sign in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    password: Password


class SingleSignOn(BaseModel):
    """Where else one may sign in: what the button says, and where it leads."""

    name: str
    url: str


class CurrentSession(BaseModel):
    """Who is signed in, and what else may be done by somebody who is not.

    `is_set_up` is false until there is a first account; with `needs_setup_token` the page can make it.
    """

    auth: Auth
    user: User | None
    sign_up: SignUp
    is_set_up: bool
    needs_setup_token: bool
    single_sign_on: SingleSignOn | None


class Session(BaseModel):
    """One of one's sign-ins. `is_current` is the one that asks."""

    id: str
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    is_current: bool
