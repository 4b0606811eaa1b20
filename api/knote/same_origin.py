"""Writes that another site had a browser send: a cookie goes with them, and must not be enough."""

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_from_elsewhere(method: str, headers: Mapping[str, str], public_url: str) -> bool:
    """Whether a request with these headers may be one that a page of another site caused.

    Browsers say in `Sec-Fetch-Site` whose page it was; older ones name its origin. A write that says
    neither is not believed. `public_url` is where browsers reach Knote, or empty.
    """
    if method in SAFE_METHODS:
        return False
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin", "")
    if public_url and origin == public_url:
        return False
    return not origin or urlsplit(origin).netloc != headers.get("host")
