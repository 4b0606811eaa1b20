"""The page as a person meets it: its parts by the names they carry, and its API for what went before."""

import base64
from collections.abc import Iterable
from pathlib import Path

import httpx
from playwright.async_api import CDPSession, FilePayload, Locator, Page, expect

AXE = Path(__file__).resolve().parents[2] / "frontend/node_modules/axe-core/axe.min.js"


class Notebook:
    """One open page. `problems` holds what the browser complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.problems: list[str] = []
        self._throttle: CDPSession | None = None

    async def open(self, path: str = "/") -> None:
        """Goes there and waits until the page can be used."""
        await self.page.goto(self.url + path)
        if path.startswith("/notes/"):
            await expect(self.page.get_by_label("Note", exact=True)).to_be_visible()
        else:
            await expect(self.text).to_be_editable()

    @property
    def composer(self) -> Locator:
        """Where a new note is written."""
        return self.page.get_by_role("region", name="New note")

    @property
    def text(self) -> Locator:
        """The text of the new note."""
        return self.page.get_by_label("New note, in Markdown")

    @property
    def notes(self) -> Locator:
        """The notes on the page."""
        return self.page.locator("article:visible")

    def note(self, text: str) -> Locator:
        """The note that reads so."""
        return self.notes.filter(has_text=text)

    def button(self, name: str) -> Locator:
        """A button by its name."""
        return self.page.get_by_role("button", name=name)

    @property
    def uploads(self) -> Locator:
        """The cards of the pictures being added."""
        return self.page.get_by_role("list", name="Pictures being added").get_by_role("listitem")

    async def publish(self, text: str) -> None:
        """Writes a note and sees it appear."""
        await self.text.fill(text)
        await self.button("Publish").click()
        await expect(self.text).to_have_value("")

    async def choose(self, *files: FilePayload) -> None:
        """Adds pictures as with the button."""
        await self.page.get_by_label("Choose pictures").first.set_input_files(list(files))

    async def hand_over(self, kind: str, files: Iterable[FilePayload], selector: str = "textarea") -> None:
        """Pastes or drops files, as the browser would hand them to the page."""
        packed = [
            {
                "name": file["name"],
                "type": file["mimeType"],
                "data": base64.b64encode(file["buffer"]).decode(),
            }
            for file in files
        ]
        await self.page.evaluate(
            """([kind, files, selector]) => {
                const data = new DataTransfer();
                for (const { name, type, data: text } of files) {
                    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                    data.items.add(new File([bytes], name, { type }));
                }
                const target = document.querySelector(selector);
                const options = { bubbles: true, cancelable: true };
                if (kind === "paste") {
                    target.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: data }));
                } else {
                    for (const name of kind.split(" ")) {
                        target.dispatchEvent(new DragEvent(name, { ...options, dataTransfer: data }));
                    }
                }
            }""",
            [kind, packed, selector],
        )

    async def slow_upload(self, kilobytes_per_second: int | None) -> None:
        """Limits what the browser can send; None lifts the limit."""
        if self._throttle is not None:
            await self._throttle.detach()
            self._throttle = None
        if kilobytes_per_second is None:
            return
        self._throttle = await self.page.context.new_cdp_session(self.page)
        await self._throttle.send("Network.enable")
        rate = kilobytes_per_second * 1000
        await self._throttle.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate},
        )

    async def violations(self) -> list[str]:
        """What axe finds on the page as it stands, every rule included."""
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate(
            """async () => {
                await Promise.race([
                    Promise.allSettled(document.getAnimations()
                        .filter((a) => a.effect.getComputedTiming().iterations !== Infinity)
                        .map((a) => a.finished)),
                    new Promise((resolve) => setTimeout(resolve, 1000)),
                ]);
                const { violations } = await axe.run(document);
                return violations.map(({ id, nodes }) =>
                    `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
            }"""
        )
        return list(found)


class Api:
    """The documented API: what another person, or another tab, does meanwhile."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def publish(self, content: str) -> dict[str, object]:
        """A new note."""
        answer = await self._client.post("/api/v1/notes", json={"content": content})
        answer.raise_for_status()
        return dict(answer.json())

    async def publish_many(self, count: int, text: str = "Note number {number}") -> None:
        """That many notes, the last one newest."""
        for number in range(1, count + 1):
            await self.publish(text.format(number=number))

    async def change(self, note: dict[str, object], content: str) -> dict[str, object]:
        """The note with another text."""
        answer = await self._client.put(
            f"/api/v1/notes/{note['id']}",
            json={"content": content},
            headers={"If-Match": f'"{note["version"]}"'},
        )
        answer.raise_for_status()
        return dict(answer.json())

    async def delete(self, note: dict[str, object]) -> None:
        """The note leaves."""
        headers = {"If-Match": f'"{note["version"]}"'}
        (await self._client.delete(f"/api/v1/notes/{note['id']}", headers=headers)).raise_for_status()

    async def all(self) -> list[dict[str, object]]:
        """Every note, newest first, up to a hundred."""
        answer = await self._client.get("/api/v1/notes", params={"limit": 100})
        answer.raise_for_status()
        return list(answer.json()["items"])

    async def upload(self, picture: bytes) -> dict[str, object]:
        """A stored picture."""
        answer = await self._client.post("/api/v1/pictures", files={"file": ("picture", picture)})
        answer.raise_for_status()
        return dict(answer.json())


def image_file(name: str, data: bytes, kind: str = "image/png") -> FilePayload:
    """A file as a person chooses it."""
    return {"name": name, "mimeType": kind, "buffer": data}
