"""The name of an account: what it may be, and when two are the same."""

import secrets
import unicodedata
from collections.abc import Iterator

import regex

from knote.errors import Invalid

LONGEST = 64
_NAME = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N} ._@+-]*")
_NOT_IN_NAMES = regex.compile(r"[^\p{L}\p{M}\p{N} ._@+-]+")
_LEADING = regex.compile(r"^[^\p{L}\p{N}]+")


def checked_name(text: str) -> str:
    """The name as it is kept and shown. Raises `Invalid` for one that nobody may have."""
    name = unicodedata.normalize("NFKC", text).strip()
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise Invalid(
            f"A name begins with a letter or digit and has at most {LONGEST} characters: letters, digits, "
            "spaces, and any of . _ @ + -",
            location=("body", "name"),
        )
    return name


def free_names(text: str) -> Iterator[str]:
    """Names made of what somebody is called elsewhere, the best first, until one is free here."""
    normal = unicodedata.normalize("NFKC", text)
    base = _LEADING.sub("", _NOT_IN_NAMES.sub("", normal)).strip()[: LONGEST - 9].rstrip() or "user"
    yield base
    yield from (f"{base}-{number}" for number in range(2, 5))
    while True:
        yield f"{base}-{secrets.token_hex(4)}"


def name_key(text: str) -> str:
    """What two spellings of one name have in common."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).strip().casefold())
