"""Screenshots of every screen around accounts; `make screens` takes them with the others."""

import re
from functools import partial
from typing import Protocol

import pytest
from playwright.async_api import Browser, Page, expect

from browser.conftest import PROVIDER, open_api, sign_in
from browser.people import field, fill_in, open_menu, sign_in_by_hand
from browser.screens import LOOKS, Camera, Look, furnish, new_context
from browser.test_shares import share
from browser.test_sign_on import age, sign_in_there
from browser.test_tokens import make_token
from browser.test_users import invite
from servers.stack import ADA, Person, SharedKnote

pytestmark = [
    pytest.mark.parametrize("auth", ["accounts"], indirect=True),
    pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.device}-{look.scheme}"),
]


class Shoot(Protocol):
    """Takes a screenshot under that name."""

    async def __call__(self, name: str, *, full: bool = False) -> None: ...


async def test_screens_of_the_ways_in(browser: Browser, knote: SharedKnote, look: Look) -> None:
    context = await new_context(browser, look)
    page = await context.new_page()
    shoot = partial(Camera(look, first=30).shoot, page)
    await page.goto(knote.url)
    await expect(field(page, "Name")).to_be_visible()
    await shoot("sign-in")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await shoot("sign-in-missing")
    await sign_in_by_hand(page, Person("Ada", "not the password of Ada"))
    await expect(page.get_by_role("alert").filter(has_text="no account")).to_be_visible()
    await shoot("sign-in-failed")
    for _ in range(30):
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.wait_for_timeout(300)
        if await page.get_by_role("button", name="Wait").count():
            break
    await expect(page.get_by_role("button", name="Wait")).to_be_visible()
    await shoot("sign-in-wait")
    await page.goto(f"{knote.url}/invite")
    await expect(page.get_by_role("heading", name="incomplete")).to_be_visible()
    await shoot("invite-incomplete")
    await page.goto(f"{knote.url}/sign-up")
    await expect(page.get_by_role("heading", name="by invitation")).to_be_visible()
    await shoot("sign-up-closed")
    await page.goto(f"{knote.url}/invite#{'x' * 43}")
    await fill_in(page, Person("Grace", "too short"))
    await page.get_by_role("button", name="Make my account").click()
    await expect(page.get_by_text("9 of the 12")).to_be_visible()
    await shoot("invite")
    await page.goto(f"{knote.url}/setup")
    await expect(page.get_by_role("heading", name="set up already")).to_be_visible()
    await shoot("set-up-already")
    await knote.clear_all()
    await page.goto(f"{knote.url}/setup")
    await expect(field(page, "Set-up token")).to_be_visible()
    await shoot("set-up")
    await context.close()


async def test_screens_of_an_account(browser: Browser, knote: SharedKnote, look: Look) -> None:
    context = await new_context(browser, look)
    await sign_in(context, knote)
    page = await context.new_page()
    shoot = partial(Camera(look, first=40).shoot, page)
    async with open_api(knote) as api:
        await furnish(api)
    await make_company(browser, knote)
    await page.goto(knote.url)
    await expect(page.locator("article:visible")).to_have_count(5)
    await open_menu(page)
    await shoot("menu")
    await page.keyboard.press("Escape")
    await page.goto(f"{knote.url}/account")
    await expect(page.get_by_role("listitem").filter(has_text="This one")).to_be_visible()
    await shoot("account", full=True)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_text("A password is missing.")).to_be_visible()
    await shoot("password-missing")
    await page.get_by_role("button", name="Sign out everywhere").click()
    await shoot("sign-out-everywhere")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Delete my account").click()
    await shoot("delete-account")
    await page.goto(f"{knote.url}/tokens")
    await expect(page.get_by_text("No token yet")).to_be_visible()
    await shoot("tokens-none")
    await make_token(page, "CI that writes the build notes", "Read and write them")
    await make_token(page, "backup of the laptop")
    await shoot("tokens", full=True)
    await page.get_by_role("button", name="End backup of the laptop").click()
    await shoot("token-end")
    await page.goto(f"{knote.url}/users")
    await expect(page.get_by_text("Charles")).to_be_visible()
    await invite(page)
    await page.get_by_role("button", name="Disable Charles").click()
    await expect(page.get_by_role("button", name="Enable Charles")).to_be_visible()
    await shoot("users", full=True)
    await page.get_by_role("button", name="Delete… Grace").click()
    await shoot("user-delete")
    await page.keyboard.press("Escape")
    await shoot_what_fails(page, knote, shoot)
    await shoot_a_shared_note(browser, knote, look, page, shoot)
    await context.close()


async def test_screens_of_single_sign_on(
    browser: Browser, knote_with_provider: SharedKnote, auth: str, look: Look
) -> None:
    knote = knote_with_provider
    await knote.clear()
    context = await new_context(browser, look)
    page = await context.new_page()
    shoot = partial(Camera(look, first=70).shoot, page)
    await page.goto(f"{knote.url}/sign-in?error=sso-unavailable")
    await expect(page.get_by_role("link", name=f"Continue with {PROVIDER}")).to_be_visible()
    await shoot("sign-on-failed")
    await page.goto(f"{knote.url}/sign-up")
    await expect(page.get_by_role("link", name=f"Continue with {PROVIDER}")).to_be_visible()
    await shoot("sign-on-new")
    await page.goto(f"{knote.url}/account")
    await expect(page.get_by_role("link", name=f"Continue with {PROVIDER}")).to_be_visible()
    await shoot("sign-on")
    await page.get_by_role("link", name=f"Continue with {PROVIDER}").click()
    await sign_in_there(page, "grace")
    await expect(page.get_by_role("button", name="Set password")).to_be_visible()
    await shoot("sign-on-account", full=True)
    await age(knote)
    await field(page, "New password").fill("a whole new sentence")
    await page.get_by_role("button", name="Set password").click()
    await expect(page.get_by_role("link", name=f"Continue with {PROVIDER}")).to_be_visible()
    await shoot("sign-on-again")
    await page.get_by_role("button", name="Delete my account").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete my account").click()
    await expect(page.get_by_role("dialog").get_by_role("link")).to_be_visible()
    await shoot("sign-on-leaving")
    await context.close()


async def make_company(browser: Browser, knote: SharedKnote) -> None:
    """Others who are here, and another device of Ada's."""
    await knote.add(Person("Grace", "a bug in the relay, taped in"))
    await knote.add(Person("Charles", "the difference engine no. 2"))
    elsewhere = await browser.new_context(user_agent="Mozilla/5.0 (iPhone) AppleWebKit Safari/604.1")
    other = await elsewhere.new_page()
    await other.goto(knote.url)
    await sign_in_by_hand(other, ADA)
    await expect(other.get_by_label("New note, in Markdown")).to_be_editable()
    await elsewhere.close()


async def shoot_what_fails(page: Page, knote: SharedKnote, shoot: Shoot) -> None:
    """On its way, away, offline, and over."""
    await page.route("**/api/v1/account", lambda _route: None)
    await page.goto(f"{knote.url}/account")
    await expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    await shoot("account-loading")
    await page.unroute("**/api/v1/account")
    await page.route("**/api/v1/account", lambda route: route.abort())
    await page.goto(f"{knote.url}/account")
    await expect(page.get_by_text("Your account cannot be shown")).to_be_visible()
    await shoot("account-offline")
    await page.unroute("**/api/v1/account")
    await page.goto(knote.url)
    await page.get_by_label("New note, in Markdown").fill("Half of a thought")
    cookies = await page.context.cookies(knote.url.replace("http:", "https:"))
    await page.context.clear_cookies()
    await page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.get_by_text("Your session has ended.")).to_be_visible()
    await shoot("session-ended")
    await page.context.add_cookies([{**cookie} for cookie in cookies])  # type: ignore[typeddict-item]
    await page.reload()


async def shoot_a_shared_note(
    browser: Browser,
    knote: SharedKnote,
    look: Look,
    page: Page,
    shoot: Shoot,
) -> None:
    """The dialog, and what somebody without an account sees."""
    await expect(page.locator("article:visible").first).to_be_visible()
    link = await share(page, "The allotment in May")
    await shoot("share")
    guest = await new_context(browser, look)
    reader = await guest.new_page()
    camera = Camera(look, first=60)
    await reader.goto(link)
    await expect(reader.get_by_role("heading", name=re.compile("allotment"))).to_be_visible()
    await camera.shoot(reader, "shared", full=True)
    await reader.goto(f"{knote.url}/shared/nowhere#{'x' * 43}")
    await expect(reader.get_by_role("heading", name="no longer works")).to_be_visible()
    await camera.shoot(reader, "shared-ended")
    await guest.close()
