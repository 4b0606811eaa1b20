"""Where a browser is led when single sign-on is over: to a path of this origin, never elsewhere."""

import re
from urllib.parse import urlencode

LONGEST = 2000
# Browsers drop tabs and line ends out of an address, and read `\` as `/`: `//` would begin another host.
_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f-\U0010ffff]*")
_API = re.compile(r"/api(?![a-z0-9-])", re.IGNORECASE)


def path_here(text: str | None, default: str = "/") -> str:
    """The path, where it is one of the page's; else the default."""
    if not text or len(text) > LONGEST or not _PATH.fullmatch(text) or _API.match(text):
        return default
    return text


def with_query(path: str, **parameters: str) -> str:
    """The path with a query."""
    return f"{path}?{urlencode(parameters)}"
