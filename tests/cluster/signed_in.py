"""Signing in to a Knote in the cluster: once, for every pod."""

import re
from typing import NamedTuple, Self

import httpx

_COOKIE = re.compile(r"__Host-knote=([^;,]+)")
# What a page of Knote's own sends with whatever it asks for.
_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


class SignedIn(NamedTuple):
    """The cookie of a session. Without TLS no client keeps it by itself: it is sent by hand."""

    cookie: str | None

    @classmethod
    def at(cls, url: str, name: str, password: str) -> Self:
        """Signs in."""
        answer = httpx.post(
            f"{url}/api/v1/session",
            json={"name": name, "password": password},
            headers=_OWN_PAGE,
            timeout=70,
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
        found = _COOKIE.search(answer.headers["set-cookie"])
        assert found, "signed in without a cookie"
        return cls(found[1])

    def make_token(self, url: str) -> str:
        """An API token that may write."""
        wanted = {"name": "smoke test", "access": "write", "expires_in_days": 1}
        answer = httpx.post(
            f"{url}/api/v1/tokens", json=wanted, headers=self.headers, timeout=70, trust_env=False
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    @property
    def headers(self) -> dict[str, str]:
        """What goes with each request."""
        return {"Cookie": f"__Host-knote={self.cookie}", **_OWN_PAGE} if self.cookie else {}


# Of an open notebook, and of whoever passes by.
NOBODY = SignedIn(None)
