"""Secrets of 256 random bits, of which only a hash is kept."""

import hashlib
import re
import secrets

_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


def new_secret() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def has_form_of_secret(text: str) -> bool:
    """Whether `new_secret` may have made it."""
    return _FORM.fullmatch(text) is not None


def hash_of(secret: str) -> str:
    """What is kept of a secret: as random as it is, it needs no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()
