"""What a request tells of where it comes from: an address, and a device in a few words."""

import re
from typing import NamedTuple

from fastapi import Request

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PRODUCT = re.compile(r"[A-Za-z0-9._+-]{1,40}")


class Client(NamedTuple):
    """Where a request comes from."""

    address: str
    device: str


def client_of(request: Request) -> Client:
    """Where this request comes from. The server has looked behind the proxies that it trusts."""
    address = request.client.host if request.client else ""
    return Client(address, device_of(request.headers.get("user-agent", "")))


def device_of(user_agent: str) -> str:
    """A user agent in words that its owner recognises, as `Firefox on Linux`."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser is None:
        product = _PRODUCT.match(user_agent)
        return product[0] if product else "Unknown device"
    return f"{browser} on {system}" if system else browser
