"""What a picture is called: an id that follows from its bytes and, for an account, from whose it is."""

import hashlib

from knote.asker import Owner

# No account is called so: their ids are longer.
_SHARED = "shared"


def possible_ids(owner: Owner, digest: str) -> list[str]:
    """The ids under which the owner may have the picture whose bytes have this SHA-256, best first.

    In the shared notebook that is the digest itself. An account's ids are its own: they tell nobody
    whether another account has the same picture. The second one of the shared notebook is for a
    picture whose row was given to an account, together with its id.
    """
    if owner is None:
        return [digest, _derived(_SHARED, digest)]
    return [_derived(owner, digest)]


def _derived(label: str, digest: str) -> str:
    return hashlib.sha256(b"knote picture\0" + label.encode() + b"\0" + bytes.fromhex(digest)).hexdigest()
