"""Administrators: inviting somebody, and what may be done with an account."""

import re

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from browser.conftest import watch
from browser.notebook import Notebook
from browser.people import field, fill_in, open_menu, sign_in_by_hand
from servers.stack import ADA, Person, SharedKnote

pytestmark = pytest.mark.parametrize("auth", ["accounts"], indirect=True)

GRACE = Person("Grace", "a bug in the relay, taped in")


def row(page: Page, name: str) -> Locator:
    """The line of somebody's account."""
    return page.get_by_role("region", name="Everybody here").get_by_role("listitem").filter(has_text=name)


async def invite(page: Page) -> str:
    """Makes an invitation on the screen that is there; its link."""
    panel = page.get_by_role("region", name="Invite somebody")
    await panel.get_by_role("button", name="Make a link").click()
    link = panel.get_by_label("The invitation", exact=True)
    await expect(link).to_be_visible()
    return await link.input_value()


async def test_somebody_invited_makes_an_account_once(
    notebook: Notebook, browser: Browser, knote: SharedKnote
) -> None:
    page = notebook.page
    await (await open_menu(page)).get_by_role("link", name="Users").click()
    link = await invite(page)
    await expect(page.get_by_text("Open invitations")).to_be_visible()
    guest = await browser.new_context()
    other = watch(await guest.new_page(), knote.url)
    await other.page.goto(link)
    await expect(other.page.get_by_role("heading", name="You are invited")).to_be_visible()
    await expect(other.page).to_have_url(f"{knote.url}/invite")
    await fill_in(other.page, GRACE)
    await expect(field(other.page, "Password")).to_have_attribute("autocomplete", "new-password")
    await other.page.get_by_role("button", name="Make my account").click()
    await expect(other.text).to_be_editable()
    await expect(other.page.get_by_role("button", name="Account of Grace")).to_be_visible()
    menu = await open_menu(other.page)
    await expect(menu.get_by_role("link", name="Users")).to_have_count(0)
    await other.page.goto(f"{knote.url}/users")
    await expect(other.page.get_by_text("Users are an administrator's business.")).to_be_visible()
    await guest.clear_cookies()
    await other.page.goto("about:blank")
    await other.page.goto(link)
    await fill_in(other.page, Person("Third", GRACE.password))
    await other.page.get_by_role("button", name="Make my account").click()
    await expect(other.page.get_by_role("alert").filter(has_text=re.compile("used|over"))).to_be_visible()
    await guest.close()
    await page.reload()
    await expect(row(page, "Grace")).to_be_visible()
    await expect(page.get_by_text("Open invitations")).to_have_count(0)


async def test_an_invitation_is_withdrawn(notebook: Notebook, browser: Browser, knote: SharedKnote) -> None:
    page = notebook.page
    await page.goto(f"{knote.url}/users")
    link = await invite(page)
    await page.get_by_role("button", name="Withdraw").click()
    await expect(page.get_by_label("The invitation", exact=True)).to_have_count(0)
    guest = await browser.new_context()
    other = await guest.new_page()
    await other.goto(link)
    await fill_in(other, GRACE)
    await other.get_by_role("button", name="Make my account").click()
    await expect(other.get_by_role("alert").filter(has_text=re.compile(r"\w"))).to_be_visible()
    await expect(other.get_by_role("heading", name="You are invited")).to_be_visible()
    await guest.close()


async def test_who_is_signed_in_is_asked_before_an_invitation_is_used(
    notebook: Notebook, knote: SharedKnote
) -> None:
    page = notebook.page
    await page.goto(f"{knote.url}/users")
    link = await invite(page)
    await page.goto("about:blank")
    await page.goto(link)
    await expect(page.get_by_role("heading", name="You are signed in as Ada")).to_be_visible()
    await page.get_by_role("button", name="Sign out and go on").click()
    await expect(page.get_by_role("heading", name="You are invited")).to_be_visible()
    await fill_in(page, GRACE)
    await page.get_by_role("button", name="Make my account").click()
    await expect(page.get_by_role("button", name="Account of Grace")).to_be_visible()


async def test_an_incomplete_invitation_says_so(page: Page, knote: SharedKnote) -> None:
    await page.context.clear_cookies()
    await page.goto(f"{knote.url}/invite")
    await expect(page.get_by_role("heading", name="This invitation is incomplete")).to_be_visible()
    await page.goto(f"{knote.url}/sign-up")
    await expect(page.get_by_role("heading", name="Accounts are made by invitation here")).to_be_visible()


async def test_an_account_is_disabled_enabled_deleted_and_restored(
    notebook: Notebook, browser: Browser, knote: SharedKnote
) -> None:
    await knote.add(GRACE)
    guest = await browser.new_context()
    other = watch(await guest.new_page(), knote.url)
    await other.page.goto(knote.url)
    await sign_in_by_hand(other.page, GRACE)
    await other.publish("Grace was here")
    page = notebook.page
    await page.goto(f"{knote.url}/users")
    grace = row(page, "Grace")
    await grace.get_by_role("button", name="Disable Grace").click()
    await expect(grace).to_contain_text("Disabled")
    await other.page.reload()
    await sign_in_by_hand(other.page, GRACE)
    await expect(other.page.get_by_role("alert").filter(has_text=re.compile(r"\w"))).to_be_visible()
    await grace.get_by_role("button", name="Enable Grace").click()
    await sign_in_by_hand(other.page, GRACE)
    await expect(other.note("Grace was here")).to_be_visible()
    await grace.get_by_role("button", name="Make admin Grace").click()
    await expect(grace).to_contain_text("Administrator")
    await grace.get_by_role("button", name="Make a user Grace").click()
    await expect(grace).not_to_contain_text("Administrator")
    await grace.get_by_role("button", name="Delete… Grace").click()
    dialog = page.get_by_role("dialog", name="Delete Grace?")
    await expect(dialog).to_contain_text("gone for good")
    await dialog.get_by_role("button", name="Delete Grace").click()
    await expect(grace).to_contain_text("Deleted")
    await other.page.reload()
    await expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await grace.get_by_role("button", name="Restore Grace").click()
    await expect(grace).not_to_contain_text("Deleted")
    await sign_in_by_hand(other.page, GRACE)
    await expect(other.note("Grace was here")).to_be_visible()
    await guest.close()


async def test_ones_own_account_is_exported_and_deleted(
    notebook: Notebook, browser: Browser, knote: SharedKnote
) -> None:
    await knote.add(GRACE)
    guest = await browser.new_context()
    other = watch(await guest.new_page(), knote.url)
    await other.page.goto(knote.url)
    await sign_in_by_hand(other.page, GRACE)
    await other.publish("To be taken along")
    await other.page.goto(f"{knote.url}/account")
    async with other.page.expect_download() as download:
        await other.page.get_by_role("link", name="Export everything").click()
    assert (await download.value).suggested_filename.endswith(".zip")
    await other.page.get_by_role("button", name="Delete my account").click()
    dialog = other.page.get_by_role("dialog", name="Delete your account?")
    password = dialog.get_by_role("textbox", name="Password", exact=True)
    await expect(password).to_be_focused()
    await password.fill("not the password of Grace")
    await dialog.get_by_role("button", name="Delete my account").click()
    await expect(dialog.get_by_role("alert").filter(has_text=re.compile(r"\w"))).to_be_visible()
    await password.fill(GRACE.password)
    await dialog.get_by_role("button", name="Delete my account").click()
    await expect(other.page.get_by_role("heading", name="Your account is closed")).to_be_visible()
    await other.page.get_by_role("button", name="Leave").click()
    await sign_in_by_hand(other.page, GRACE)
    await expect(other.page.get_by_role("alert").filter(has_text=re.compile(r"\w"))).to_be_visible()
    await guest.close()


async def test_the_last_administrator_stays_one(notebook: Notebook, knote: SharedKnote) -> None:
    page = notebook.page
    await page.goto(f"{knote.url}/account")
    await page.get_by_role("button", name="Delete my account").click()
    dialog = page.get_by_role("dialog", name="Delete your account?")
    await dialog.get_by_role("textbox", name="Password", exact=True).fill(ADA.password)
    await dialog.get_by_role("button", name="Delete my account").click()
    await expect(dialog.get_by_role("alert").filter(has_text="administrator")).to_be_visible()
