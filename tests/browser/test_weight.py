"""How much the page weighs."""

import gzip
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from browser.notebook import Notebook
from browser.people import open_menu
from servers.stack import SharedKnote

BUDGET_BYTES = 45_000
SIGN_IN_BYTES = 40_000
DIST = Path(__file__).resolve().parents[2] / "frontend/dist"


@pytest.mark.parametrize("auth", ["open"], indirect=True)
async def test_first_use_costs_at_most_45_kb_of_javascript(notebook: Notebook) -> None:
    asked: set[str] = set()
    notebook.page.on("request", lambda request: asked.add(urlsplit(request.url).path))
    await notebook.page.reload()
    await notebook.publish("# A first note")
    await expect(notebook.notes.first.locator("h1")).to_be_visible()
    scripts = {path for path in asked if path.endswith(".js")}
    # A worker's script is not reported by the page: it counts all the same.
    scripts |= {f"/assets/{worker.name}" for worker in (DIST / "assets").glob("main-*.js")}
    sizes = packed_sizes(scripts)
    assert len(sizes) == 2
    assert sum(sizes.values()) <= BUDGET_BYTES, sizes


@pytest.mark.parametrize("auth", ["accounts"], indirect=True)
async def test_who_has_signed_out_starts_with_less(notebook: Notebook) -> None:
    page = notebook.page
    await (await open_menu(page)).get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).path))
    await page.reload()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sizes = packed_sizes({path for path in asked if path.endswith(".js")})
    assert len(sizes) == 2
    assert sum(sizes.values()) <= SIGN_IN_BYTES, sizes


def packed_sizes(scripts: set[str]) -> dict[str, int]:
    """The bytes of each as they travel."""
    return {path: len(gzip.compress((DIST / path[1:]).read_bytes(), 9)) for path in scripts}


PARTS = re.compile(r"/assets/.*\.(js|css)$")
WHERE = """() => [...document.querySelectorAll("header, header :not(button *)")]
    .filter((element) => element.matches("header, a, svg, span, form, input, button"))
    .map((element) => [element.localName, Object.values(element.getBoundingClientRect().toJSON())])
    .filter(([_, box]) => box[2] > 0)
    .map(([name, box]) => [name === "button" ? "span" : name, box])"""


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_header_is_there_before_the_script_and_stays_where_it_is(
    notebook: Notebook, knote: SharedKnote, width: int
) -> None:
    page = notebook.page
    await page.set_viewport_size({"width": width, "height": 800})
    before = await header_of_the_page_alone(page, knote.url)
    await expect(page.get_by_role("searchbox", name="Search notes")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("New note, in Markdown")).to_be_editable()
    await expect(page.get_by_role("button", name="Use the dark theme")).to_be_enabled()
    if knote.auth == "accounts":
        await expect(page.get_by_role("button", name="Account of")).to_be_visible()
    assert await page.evaluate(WHERE) == before
    assert await page.evaluate("() => document.querySelectorAll('header').length") == 1


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("auth", ["accounts"], indirect=True)
async def test_the_header_of_who_has_signed_out_and_of_who_follows_a_link_stays_too(
    notebook: Notebook, knote: SharedKnote, width: int
) -> None:
    page = notebook.page
    await page.set_viewport_size({"width": width, "height": 800})
    followed = await header_of_the_page_alone(page, f"{knote.url}/shared/{'a' * 24}#none")
    await expect(page.get_by_role("searchbox")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    assert await page.evaluate(WHERE) == followed
    await page.goto(knote.url)
    await (await open_menu(page)).get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    signed_out = await header_of_the_page_alone(page, knote.url)
    await expect(page.get_by_role("searchbox")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await page.evaluate(WHERE) == signed_out == followed
    looks = await page.evaluate("() => [...document.styleSheets].map((each) => each.href ?? '')")
    assert [re.sub(r"^.*/|-[^-]*$", "", each) for each in looks] == ["", "style", "accounts"]


async def header_of_the_page_alone(page: Page, url: str) -> object:
    """What of the header stands where while nothing but the page itself comes."""
    # A font that comes late is not used: which of two loads has it is chance.
    await page.route("**/*.woff2", lambda route: route.abort())
    await page.route(PARTS, lambda route: route.abort())
    await page.goto(url)
    await expect(page.get_by_role("link", name="Knote, all notes")).to_be_visible()
    where: object = await page.evaluate(WHERE)
    await page.unroute(PARTS)
    return where
