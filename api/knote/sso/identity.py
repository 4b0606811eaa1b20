"""What a provider says of somebody who has signed in there."""

from typing import NamedTuple


class Identity(NamedTuple):
    """Who somebody is at the provider. `issuer` and `subject` alone say it; `name` is for people."""

    issuer: str
    subject: str
    name: str
