"""Whose word the API takes for a client's address."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from knote.settings import Settings
from wire.replica import ready_replica


@pytest.mark.parametrize(
    ("trusted", "told", "believed"),
    [
        ("127.0.0.1,::1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.0/8, 10.0.0.0/8", "198.51.100.1, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
        ("*", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.0/8", "192.0.2.7", "127.0.0.1"),
        ("", "192.0.2.7", "127.0.0.1"),
    ],
)
async def test_an_address_is_believed_from_a_trusted_proxy_alone(
    settings: Settings, tmp_path: Path, trusted: str, told: str, believed: str
) -> None:
    async with ready_replica(settings, tmp_path, KNOTE_TRUSTED_PROXIES=trusted) as replica:
        async with replica.open() as client:
            await client.get("/api/v1/notes", headers={"X-Forwarded-For": told, "X-Request-ID": "asked"})
        assert (await replica.line_of("asked"))["client"] == believed


@pytest.mark.parametrize("value", ["web", "10.0.0.1/8", "*,10.0.0.0/8", "10.0.0.0/8 192.168.0.0/16"])
def test_what_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        Settings(trusted_proxies=value)
