"""The screens around accounts: no violation of axe's rules, nothing too wide, nothing too small to press."""

from typing import Literal

import pytest
from playwright.async_api import expect

from browser.notebook import Notebook
from browser.people import field, open_menu, sign_in_by_hand
from servers.stack import Person, SharedKnote

pytestmark = pytest.mark.parametrize("auth", ["accounts"], indirect=True)

PRESSED = "button:not(.switch *), select, .input, header a, nav a, .button"
TOO_SMALL = """(pressed) => [...document.querySelectorAll(pressed)]
    .map((element) => [element.textContent || element.ariaLabel, element.getBoundingClientRect()])
    .filter(([, box]) => box.width > 1 && box.height < 43.5)
    .map(([name]) => name)"""


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 360)]
)
async def test_axe_finds_nothing_and_everything_fits(
    notebook: Notebook, knote: SharedKnote, scheme: Literal["light", "dark"], width: int
) -> None:
    page = notebook.page
    await page.set_viewport_size({"width": width, "height": 780})
    await page.emulate_media(color_scheme=scheme)
    await knote.add(Person("Somebody with a name that is as long as it may be", "a bug in the relay"))
    await notebook.publish("# A note")
    found: dict[str, list[str]] = {}

    async def look(name: str) -> None:
        found[name] = await notebook.violations()
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            found[name].append("too wide")
        found[name] += await page.evaluate(TOO_SMALL, PRESSED)

    await open_menu(page)
    await look("menu")
    await page.keyboard.press("Escape")
    await page.goto(f"{knote.url}/account")
    await expect(page.get_by_text("This one")).to_be_visible()
    await look("account")
    await page.get_by_role("button", name="Change password").click()
    await look("missing passwords")
    await page.get_by_role("button", name="Sign out everywhere").click()
    await look("confirmation")
    await page.context.clear_cookies()
    await page.goto(knote.url)
    await expect(field(page, "Name")).to_be_visible()
    await look("sign-in")
    await sign_in_by_hand(page, Person("Ada", "not the password of Ada"))
    await expect(page.get_by_role("alert").filter(has_text="no account")).to_be_visible()
    await look("refused")
    await page.goto(f"{knote.url}/invite#{'x' * 43}")
    await expect(page.get_by_role("heading", name="You are invited")).to_be_visible()
    await look("invitation")
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
async def test_axe_finds_nothing_on_the_screens_of_others(
    notebook: Notebook, knote: SharedKnote, scheme: Literal["light", "dark"], width: int
) -> None:
    page = notebook.page
    await page.set_viewport_size({"width": width, "height": 780})
    await page.emulate_media(color_scheme=scheme)
    await knote.add(Person("Grace", "a bug in the relay"))
    await notebook.publish("# A note")
    found: dict[str, list[str]] = {}
    await notebook.button("Share note").click()
    await page.get_by_role("dialog").get_by_role("button", name="Make a link").click()
    await expect(page.get_by_label("The link", exact=True)).to_be_visible()
    found["share"] = await notebook.violations()
    await page.goto(f"{knote.url}/tokens")
    await field(page, "Name").fill("backup")
    await page.get_by_role("button", name="Make the token").click()
    await expect(page.get_by_role("listitem").filter(has_text="backup")).to_be_visible()
    found["tokens"] = await notebook.violations()
    await page.goto(f"{knote.url}/users")
    await page.get_by_role("button", name="Make a link").click()
    await expect(page.get_by_role("listitem").filter(has_text="Grace")).to_be_visible()
    found["users"] = await notebook.violations()
    assert {name: what for name, what in found.items() if what} == {}
