"""The shapes of single sign-on on the wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from knote.sso.places import LONGEST

ReturnTo = Annotated[
    str | None,
    Field(max_length=LONGEST, description="The path of the page to come back to; `/` for any other address."),
]


class NewSignOn(BaseModel):
    """What to do when somebody comes back. `invite` is what stands after the # of an invite's link."""

    model_config = ConfigDict(extra="forbid", strict=True)

    invite: Annotated[SecretStr, Field(max_length=200)] | None = None
    return_to: ReturnTo = None


class Link(BaseModel):
    """Where to come back to, with an identity that signs in to one's account from then on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    return_to: ReturnTo = None


class Begun(BaseModel):
    """The address at the provider to go to now."""

    url: str
