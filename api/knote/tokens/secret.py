"""What a token looks like: recognised by people and by scanners, and by its checksum when mistyped."""

import base64
import binascii
import re
import secrets
import zlib

PREFIX = "knote_"
_RANDOM_BYTES, _CHECK_BYTES = 32, 4
_TOKEN = re.compile(PREFIX + r"([a-z2-7]{58})")


def new_token() -> str:
    """256 random bits and their CRC-32, as 64 characters in all that a double click selects."""
    random = secrets.token_bytes(_RANDOM_BYTES)
    return PREFIX + base64.b32encode(random + _check(random)).decode().rstrip("=").lower()


def is_whole(token: str) -> bool:
    """Whether it may be one that Knote gave out: neither cut short nor mistyped."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return False
    try:
        data = base64.b32decode(found[1].upper() + "======")
    except binascii.Error:
        return False
    return _check(data[:_RANDOM_BYTES]) == data[_RANDOM_BYTES:]


def _check(random: bytes) -> bytes:
    return zlib.crc32(random).to_bytes(_CHECK_BYTES)
