"""What says whose a request is."""

import re
from collections.abc import Mapping
from typing import NamedTuple

# As the page sends its own: a browser tells that nobody else had it send them.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
_COOKIE = re.compile(r"__Host-knote=[^;,]+")
_DEVICE = re.compile(r"__Host-knote-device=[^;,]+")


class Proof(NamedTuple):
    """A session or token of a user, by the name that the history has for it, as the headers of a request."""

    user: str
    name: str
    headers: Mapping[str, str]


def session(user: str, name: str, headers: Mapping[str, str]) -> Proof:
    """The session that begins with an answer of these headers."""
    found = _COOKIE.search(headers["set-cookie"])
    # Sent by hand: without TLS no client sends it by itself.
    assert found, "signed in without a cookie"
    return Proof(user, name, {"Cookie": found[0], **OWN_PAGE})


def device(headers: Mapping[str, str]) -> dict[str, str]:
    """What a client sends when it signs in again, having been given these headers."""
    found = _DEVICE.search(headers["set-cookie"])
    assert found, "signed in, and not known the next time"
    return {"Cookie": found[0], **OWN_PAGE}


def token(user: str, name: str, secret: str) -> Proof:
    """An API token, as a program sends it."""
    return Proof(user, name, {"Authorization": f"Bearer {secret}"})
