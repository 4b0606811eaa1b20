"""`Authorization: Bearer …`, RFC 6750: how a secret is sent that is no cookie."""

import re

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


def bearer_in(header: str | None) -> str | None:
    """The secret in an Authorization header, if that has one."""
    found = _BEARER.fullmatch(header.strip()) if header else None
    return found[1] if found else None
