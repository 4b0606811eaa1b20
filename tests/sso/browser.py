"""A browser that is sent to and fro: it follows redirects, keeps cookies, fills the provider's form in."""

import re
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import FastAPI

KNOTE = "https://knote"
CALLBACK = "/api/v1/sso/callback"
START = "/api/v1/sso/start"
_FORM = re.compile(r'<form [^>]*action="([^"]+)" method="post">.*?name="prompt" value="(\w+)"', re.DOTALL)
_ABORT = re.compile(r'href="([^"]+/abort)"')


class Browser:
    """One browser, at whichever replica `replica` is now."""

    def __init__(self, replica: FastAPI) -> None:
        self.replica = replica
        self.client = httpx.AsyncClient(transport=_Way(self), base_url=KNOTE, timeout=30)
        self.client.headers["Sec-Fetch-Site"] = "same-origin"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def sign_on(
        self, login: str, *, return_to: str = "/", start: str | None = None, until: str | None = None
    ) -> str:
        """Signs in at the provider. Returns the path of Knote's page that it ends at, query included.

        With `until`, the address that begins so is not gone to any more, and returned.
        """
        address = start or str(httpx.URL(KNOTE + START, params={"return_to": return_to}))
        return await self.walk(address, login, until=until)

    async def walk(self, address: str, login: str, *, until: str | None = None) -> str:
        """Goes to an address, and on from there; with an empty `login` what the form says is cancelled."""
        for _ in range(20):
            url = httpx.URL(KNOTE).join(address)
            if until is not None and str(url).startswith(until):
                return str(url)
            if url.host == "knote" and not url.path.startswith("/api/"):
                return url.raw_path.decode()
            answer = await self.client.get(url)
            if answer.is_redirect:
                address = str(url.join(answer.headers["location"]))
                continue
            answer = await self._fill_in(answer, login)
            address = str(url.join(answer.headers["location"]))
        raise AssertionError(f"no end of redirects: {address}")

    async def session(self) -> dict[str, Any]:
        """Who is signed in here."""
        found: dict[str, Any] = (await self.client.get("/api/v1/session")).json()
        return found

    async def account(self) -> dict[str, Any]:
        """One's own account."""
        found: dict[str, Any] = (await self.client.get("/api/v1/account")).raise_for_status().json()
        return found

    async def _fill_in(self, answer: httpx.Response, login: str) -> httpx.Response:
        form = _FORM.search(answer.text)
        assert form, f"{answer.url}: {answer.status_code} {answer.text[:500]}"
        if not login:
            abort = _ABORT.search(answer.text)
            assert abort, answer.text
            return await self.client.get(abort[1])
        fields = {"prompt": form[2]} | ({"login": login, "password": "any"} if form[2] == "login" else {})
        return await self.client.post(form[1], data=fields)


def query_of(address: str) -> dict[str, str]:
    """The query of an address, each name once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


class _Way(httpx.AsyncBaseTransport):
    """What is for Knote goes to the application in this process, everything else over the network."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._network = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "knote":
            return await httpx.ASGITransport(self._browser.replica).handle_async_request(request)
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()
