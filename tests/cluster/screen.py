"""A person at a browser: opens the page again and again, and looks at each picture on it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Error, Page, Request, Response, ViewportSize, sync_playwright

from browser.conftest import ARGUMENTS
from cluster.signed_in import SignedIn
from cluster.tally import Failure, NoteDown

_WHO = "browser"
_WHAT = "page in the browser"
_PATIENCE_SECONDS = 120
_WINDOW: ViewportSize = {"width": 1000, "height": 1200}
# A name that a browser trusts without TLS, so that it sends the cookie of a sign-in; it leads to the Service.
_NAME = "knote.localhost"
# The first page of notes. Each note of the people here has a picture: one without is not drawn yet.
# A picture further down comes when it is scrolled to.
_SEEN = """() => {
    const notes = [...document.querySelectorAll("article")].slice(0, 20);
    const pictures = notes.flatMap((note) => [...note.querySelectorAll("img")]);
    const blank = pictures.filter((picture) => !picture.complete || picture.naturalWidth === 0);
    blank[0]?.scrollIntoView();
    return {
        notes: notes.length,
        pictures: pictures.length,
        isDrawn: notes.length > 0 && notes.every((note) => note.querySelector("img")),
        blank: blank.map((picture) => picture.src),
    };
}"""


class Screen:
    """One tab, which keeps nothing from one reload to the next."""

    def __init__(self, url: str, browser: Path, note_down: NoteDown, signed_in: SignedIn) -> None:
        self._browser = browser
        self._url, self._note_down, self._signed_in = f"http://{_NAME}", note_down, signed_in
        self._arguments = [*ARGUMENTS, f"--host-resolver-rules=MAP {_NAME} {urlsplit(url).netloc}"]
        self._refused: list[Failure] = []

    def reload_until(self, is_over: Callable[[], bool]) -> None:
        """Sits there and reloads. To be called in a thread of its own."""
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=self._browser, args=self._arguments)
            page = chromium.new_page(viewport=_WINDOW)
            self._sign_in(page)
            page.on("response", self._look_at)
            page.on("requestfailed", self._look_at_failed)
            page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
            while not is_over():
                # What the old page still asks for is not the new one's.
                page.goto("about:blank")
                self._refused.clear()
                found = self._reload(page)
                if isinstance(found, Failure):
                    self._note_down(_WHO, _WHAT, found)
                else:
                    self._note_down(_WHO, _WHAT, None, pictures=found)
                time.sleep(1)
            chromium.close()

    def _sign_in(self, page: Page) -> None:
        if self._signed_in.cookie is not None:
            page.context.add_cookies(
                [
                    {
                        "name": "__Host-knote",
                        "value": self._signed_in.cookie,
                        "url": f"https://{_NAME}",
                        "secure": True,
                        "httpOnly": True,
                        "sameSite": "Lax",
                    }
                ]
            )

    def _reload(self, page: Page) -> Failure | int:
        """How many pictures are to be seen, or why not all are."""
        started_at = time.monotonic()
        seen: dict[str, Any] = {}
        try:
            page.goto(self._url, wait_until="commit")
        except Error as error:
            return Failure(started_at, _WHO, _WHAT, None, str(error), None)
        while time.monotonic() - started_at < _PATIENCE_SECONDS:
            if self._refused:
                return next((each for each in self._refused if not each.is_polite), self._refused[0])
            seen = page.evaluate(_SEEN)
            if seen["isDrawn"] and not seen["blank"]:
                return int(seen["pictures"])
            page.wait_for_timeout(50)
        return Failure(started_at, _WHO, _WHAT, None, f"not all is shown: {seen}", None)

    def _look_at(self, response: Response) -> None:
        if response.status >= 400:
            self._refuse(response.request, response.status, response.headers.get("retry-after"))

    def _look_at_failed(self, request: Request) -> None:
        # What the page itself has given up, as when it asks whether pictures are back, has not failed.
        if self._url in request.url and request.failure != "net::ERR_ABORTED":
            self._refuse(request, None, None)

    def _refuse(self, request: Request, status: int | None, retry_after: str | None) -> None:
        said = f"{request.method} {request.url} {request.failure or ''}"
        self._refused.append(Failure(time.monotonic(), _WHO, _WHAT, status, said, retry_after))
