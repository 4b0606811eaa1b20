"""The links of a share: one for its note, with a secret, and one for each picture, with a signature.

The note's link carries its secret behind the `#`, which no server and no log ever sees. A picture's is for an
`<img>`, which sends no header: its signature, keyed by what is kept of the secret, is good for about an hour.
"""

import base64
import hmac
from datetime import UTC, datetime

from knote.secret import hash_of

# Links of one slot are the same, so that a browser asks for nothing twice; they last for the six that follow.
_SLOT_SECONDS = 600
_SLOTS = 7


def is_secret(secret: str, kept: str) -> bool:
    """Whether it is the one that was kept."""
    return hmac.compare_digest(hash_of(secret), kept)


def note_url(share_id: str, secret: str) -> str:
    """The path of the page that shows the note."""
    return f"/shared/{share_id}#{secret}"


def picture_url(kept: str, share_id: str, picture_id: str, now: datetime) -> str:
    """The path of a picture of the note, good for an hour at least."""
    expires = (int(now.timestamp()) // _SLOT_SECONDS + _SLOTS) * _SLOT_SECONDS
    signature = _signature(kept, share_id, picture_id, expires)
    return f"/api/v1/shared/{share_id}/pictures/{picture_id}?expires={expires}&signature={signature}"


def is_signed(kept: str, share_id: str, picture_id: str, expires: int, signature: str) -> bool:
    """Whether the signature is that of such a path."""
    right = _signature(kept, share_id, picture_id, expires)
    return hmac.compare_digest(right.encode(), signature.encode())


def is_over(expires: int, now: datetime) -> bool:
    """Whether the path of a picture is good no more, or was never given out."""
    return not now < datetime.fromtimestamp(expires, UTC)


def _signature(kept: str, share_id: str, picture_id: str, expires: int) -> str:
    signed = f"knote shared picture\0{share_id}\0{picture_id}\0{expires}".encode()
    digest = hmac.digest(bytes.fromhex(kept), signed, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
