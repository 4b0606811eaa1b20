"""A person at a browser: opens the page again and again, and looks at each picture on it."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Error, Page, Request, Response, ViewportSize, sync_playwright

from browser.conftest import ARGUMENTS, CHROMIUM
from cluster.tally import Failure, NoteDown

_WHO = "browser"
_WHAT = "page in the browser"
_PATIENCE_SECONDS = 120
_WINDOW: ViewportSize = {"width": 1000, "height": 1200}
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

    def __init__(self, url: str, note_down: NoteDown) -> None:
        self._url, self._note_down = url, note_down
        self._refused: list[Failure] = []

    def reload_until(self, is_over: Callable[[], bool]) -> None:
        """Sits there and reloads. To be called in a thread of its own."""
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = chromium.new_page(viewport=_WINDOW)
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
        if self._url in request.url:
            self._refuse(request, None, None)

    def _refuse(self, request: Request, status: int | None, retry_after: str | None) -> None:
        said = f"{request.method} {request.url} {request.failure or ''}"
        self._refused.append(Failure(time.monotonic(), _WHO, _WHAT, status, said, retry_after))
