"""Screenshots of every state, for people to look at: `make screens` puts them into test-results/screens."""

from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from browser.conftest import open_api, watch
from browser.drawing import jpeg, png
from browser.notebook import Api, Notebook, image_file
from servers.stack import SharedKnote

FOLDER = Path(__file__).resolve().parents[2] / "test-results/screens"

GARDEN = """# The allotment in May

The *early* potatoes are through. Slugs had two of the lettuces, the rest stands well under the fleece.

- [x] earth up the first row
- [x] tie in the sweet peas
- [ ] ask Ravi about the **greenhouse glass**

![Evening over the lower beds, the hills behind]({0})
"""

RECIPE = """## Sourdough, the lazy way

| | day one | day two |
|:--|--:|--:|
| flour | 100 g | 400 g |
| water | 100 g | 280 g |
| salt | | 10 g |

Fold four times in two hours, then the fridge overnight. Bake at 240 °C, lid on for 25 minutes.

> “If it looks flat, it will still be toast.” (Gran)
"""

CODE = """Backing up the photos from the old laptop, so that I find it again:

```sh
rsync -avh --progress --partial old-laptop:Pictures/ /srv/photos/incoming/ --exclude '.thumbnails'
```

See the [manual](https://download.samba.org/pub/rsync/rsync.1) for `--partial-dir`.
"""

WALK = """### Ridge walk, Saturday

Left at seven, mist until ten. Nobody up there but sheep.

![First light]({0})
![The long ridge]({1})
![Looking back down]({2})
"""

SCRIPTS = """会议记录：下周三之前把**测试文档**发给大家。 ☕

- Über den Wolken: Karten bestellen
- שלום and مرحبا
"""


class Look(NamedTuple):
    """How the page is looked at."""

    scheme: Literal["light", "dark"]
    device: str
    width: int
    height: int


LOOKS = [
    Look("light", "desktop", 1280, 860),
    Look("dark", "desktop", 1280, 860),
    Look("light", "phone", 390, 844),
    Look("dark", "phone", 390, 844),
]


async def new_context(browser: Browser, look: Look) -> BrowserContext:
    """A browser that looks so."""
    return await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        locale="en-GB",
        has_touch=look.device == "phone",
        is_mobile=look.device == "phone",
    )


class Camera:
    """Takes one screenshot after the other, numbered."""

    def __init__(self, look: Look, *, first: int = 1) -> None:
        self._folder = FOLDER / f"{look.device}-{look.scheme}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._next = first

    async def shoot(self, page: Page, name: str, *, full: bool = False) -> None:
        """The page as it is once it has come to rest."""
        if full:
            await page.evaluate("scrollTo(0, 0)")
        await page.wait_for_timeout(500)
        path = self._folder / f"{self._next:02}-{name}.png"
        await page.screenshot(path=path, full_page=full)
        self._next += 1


async def furnish(api: Api) -> dict[str, object]:
    """A notebook as somebody may have it; the note on top."""
    urls = [str((await api.upload(jpeg(seed)))["url"]) for seed in (1, 3, 2, 6, 8)]
    await api.publish(SCRIPTS)
    await api.publish(CODE)
    await api.publish(WALK.format(*urls[1:4]))
    await api.publish(RECIPE)
    return await api.publish(GARDEN.format(urls[0]))


@pytest.mark.parametrize("auth", ["open"], indirect=True)
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.device}-{look.scheme}")
async def test_screens(browser: Browser, knote: SharedKnote, look: Look) -> None:
    context = await new_context(browser, look)
    page = await context.new_page()
    notebook = watch(page, knote.url)
    shoot = partial(Camera(look).shoot, page)
    async with open_api(knote) as api:
        await notebook.open()
        await shoot("empty")
        note = await furnish(api)
        await page.reload()
        await expect(notebook.notes).to_have_count(5)
        await page.wait_for_load_state("networkidle")
        await shoot("list")
        await shoot("list-whole", full=True)
        await write_a_draft(notebook)
        await shoot("composing")
        if look.device == "phone":
            await notebook.composer.get_by_role("button", name="Preview", exact=True).click()
            await shoot("preview")
            await notebook.composer.get_by_role("button", name="Write", exact=True).click()
        await notebook.slow_upload(50)
        await notebook.choose(
            image_file("IMG_2041.jpg", jpeg(5, 3000, 2000), "image/jpeg"),
            image_file("page saved as.png", b"<html>"),
        )
        await expect(page.locator(".upload-error")).to_be_visible()
        await page.wait_for_timeout(700)
        await shoot("uploading")
        await notebook.slow_upload(None)
        await notebook.button("Cancel IMG_2041.jpg").click()
        await notebook.button("Publish").click()
        await shoot("refused")
        await notebook.button("Cancel page saved as.png").click()
        await notebook.hand_over("dragenter", [image_file("a.png", png(1))], "body")
        await shoot("dragging")
        await page.reload()
        await notebook.notes.first.get_by_role("button", name="Edit note").click()
        area = page.get_by_label("Edit note, in Markdown")
        await shoot("editing")
        await area.fill(GARDEN.replace("*early*", "early and late").format("/x"))
        await api.change(note, GARDEN.replace("two of the lettuces", "all of the lettuces").format("/x"))
        await notebook.button("Save").click()
        await expect(page.get_by_text("Somebody else changed")).to_be_visible()
        await shoot("conflict")
        await notebook.button("Bring both together").click()
        await shoot("merge")
        await notebook.button("Cancel").click()
        await shoot("unfinished")
        await notebook.note("Sourdough").get_by_role("button", name="Delete note").click()
        await expect(notebook.button("Undo")).to_be_visible()
        await shoot("deleted")
        await page.goto(f"{knote.url}/?q=over")
        await expect(notebook.notes).not_to_have_count(0)
        await shoot("search")
        await page.goto(f"{knote.url}/?q=nothing+like+it")
        await expect(page.get_by_text("Nothing matches")).to_be_visible()
        await shoot("no-results")
        await page.goto(f"{knote.url}/notes/{(await api.all())[1]['id']}")
        await expect(notebook.notes).to_have_count(1)
        await shoot("permalink")
        await page.goto(f"{knote.url}/notes/nowhere")
        await expect(page.get_by_text("There is no note here")).to_be_visible()
        await shoot("not-found")
        await page.goto(knote.url)
        await expect(notebook.notes).to_have_count(4)
        await context.set_offline(True)
        await expect(page.get_by_text("You are offline.")).to_be_visible()
        await notebook.button("Publish").click()
        await shoot("offline")
        await context.set_offline(False)
        await expect(notebook.text).to_have_value("", timeout=40_000)
        await page.route("**/api/v1/notes?**", lambda _route: None)
        await page.reload()
        await shoot("loading")
        await page.unroute("**/api/v1/notes?**")
        await knote.s3.stop()
        await (await context.new_cdp_session(page)).send("Network.clearBrowserCache")
        await page.goto(f"{knote.url}/notes/{note['id']}")
        await page.goto(knote.url)
        await expect(page.get_by_text("Pictures are unavailable")).to_be_visible(timeout=40_000)
        await shoot("pictures-away")
        await knote.mongo.stop()
        await page.reload()
        await expect(page.get_by_text("Your notes cannot be shown")).to_be_visible(timeout=40_000)
        await shoot("notes-away")
    await context.close()


async def write_a_draft(notebook: Notebook) -> None:
    """What somebody might be writing."""
    await notebook.text.fill(
        "## Things to bring\n\nFor the weekend at the lake, *not* more than fits the small car:\n\n"
        "1. the stove and two cartridges\n2. rain things\n3. a book each\n"
    )
    await expect(notebook.page.get_by_label("Preview").get_by_text("the stove")).to_have_count(1)
