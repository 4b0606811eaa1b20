"""Single sign-on in the browser: there and back, cancelled, and linked to an account."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from browser.conftest import PROVIDER, sign_in, watch
from browser.people import open_menu, sign_in_by_hand
from servers.stack import Person, SharedKnote

pytestmark = pytest.mark.parametrize("auth", ["accounts"], indirect=True)


@pytest.fixture
async def knote(knote_with_provider: SharedKnote, auth: str) -> SharedKnote:
    """That Knote, emptied."""
    assert auth == knote_with_provider.auth
    await knote_with_provider.clear()
    return knote_with_provider


@pytest.fixture
async def stranger(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser in which nobody is signed in."""
    context = await browser.new_context(locale="en-GB")
    yield context
    await context.close()


async def sign_in_there(page: Page, login: str) -> None:
    """Fills in what the provider asks."""
    await page.get_by_placeholder("Enter any login").fill(login)
    await page.get_by_placeholder("and password").fill("any")
    await page.get_by_role("button", name="Sign-in").click()
    await page.get_by_role("button", name="Continue").click()


async def test_somebody_signs_in_at_the_provider_and_is_back_where_they_were(
    stranger: BrowserContext, knote: SharedKnote
) -> None:
    notebook = watch(await stranger.new_page(), knote.url)
    page = notebook.page
    await page.goto(f"{knote.url}/?q=something")
    await page.get_by_role("link", name=f"Continue with {PROVIDER}").click()
    await sign_in_there(page, "grace")
    await expect(notebook.text).to_be_editable()
    await expect(page).to_have_url(f"{knote.url}/?q=something")
    await expect(page.get_by_role("button", name="Account of")).to_be_visible()
    await page.goto(f"{knote.url}/account")
    panel = page.get_by_role("region", name="Single sign-on")
    await expect(panel.get_by_role("listitem")).to_have_count(1)
    await expect(page.get_by_label("Current password")).to_have_count(0)
    assert notebook.problems == []


async def age(knote: SharedKnote) -> None:
    """Makes all sign-ins older than what stands for a password."""
    async with knote.mongo.open_admin() as client:
        ago = {"$dateSubtract": {"startDate": "$created_at", "unit": "minute", "amount": 10}}
        sessions = client[knote.database]["sessions"]
        assert (await sessions.update_many({}, [{"$set": {"created_at": ago}}])).modified_count > 0


async def test_who_came_by_the_provider_sets_a_first_password(
    stranger: BrowserContext, knote: SharedKnote
) -> None:
    notebook = watch(await stranger.new_page(), knote.url)
    page = notebook.page
    await page.goto(f"{knote.url}/account")
    await page.get_by_role("link", name=f"Continue with {PROVIDER}").click()
    await sign_in_there(page, "grace")
    await age(knote)
    panel = page.get_by_role("region", name="Password")
    await panel.get_by_label("New password", exact=True).fill("a whole new sentence")
    await panel.get_by_role("button", name="Set password").click()
    await expect(panel.get_by_role("alert")).to_contain_text("Sign in once more first")
    await panel.get_by_role("link", name=f"Continue with {PROVIDER}").click()
    # The provider still knows who this is.
    await expect(page).to_have_url(f"{knote.url}/account")
    await panel.get_by_label("New password", exact=True).fill("a whole new sentence")
    await panel.get_by_role("button", name="Set password").click()
    await expect(panel.get_by_role("button", name="Change password")).to_be_visible()
    await expect(page.get_by_text("Your password is set.").first).to_be_visible()
    await (await open_menu(page)).get_by_role("button", name="Sign out").click()
    await sign_in_by_hand(page, Person("grace", "a whole new sentence"))
    await expect(notebook.text).to_be_editable()
    assert notebook.problems == []


async def test_who_came_by_the_provider_leaves_after_signing_in_once_more(
    stranger: BrowserContext, knote: SharedKnote
) -> None:
    page = await stranger.new_page()
    await page.goto(f"{knote.url}/account")
    await page.get_by_role("link", name=f"Continue with {PROVIDER}").click()
    await sign_in_there(page, "grace")
    await age(knote)
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Delete my account").click()
    await dialog.get_by_role("button", name="Delete my account").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Sign in once more first")
    await dialog.get_by_role("link", name=f"Continue with {PROVIDER}").click()
    await expect(page).to_have_url(f"{knote.url}/account")
    await page.get_by_role("button", name="Delete my account").click()
    await dialog.get_by_role("button", name="Delete my account").click()
    await expect(page.get_by_text("Your account is closed")).to_be_visible()


async def test_who_comes_back_without_signing_in_is_told_so(
    stranger: BrowserContext, knote: SharedKnote
) -> None:
    page = await stranger.new_page()
    await page.goto(knote.url)
    await page.get_by_role("link", name=f"Continue with {PROVIDER}").click()
    await page.get_by_role("link", name=re.compile("Cancel")).click()
    await expect(page.get_by_text("You came back without having signed in there.")).to_be_visible()
    await expect(page).to_have_url(f"{knote.url}/sign-in")
    await expect(page.get_by_label("Name", exact=True)).to_be_visible()


async def test_an_account_is_linked_and_unlinked(stranger: BrowserContext, knote: SharedKnote) -> None:
    await sign_in(stranger, knote)
    page = await stranger.new_page()
    await page.goto(f"{knote.url}/account")
    panel = page.get_by_role("region", name="Single sign-on")
    await panel.get_by_role("button", name=f"Link {PROVIDER}").click()
    await sign_in_there(page, "ada")
    await expect(page).to_have_url(f"{knote.url}/account")
    await expect(panel.get_by_role("listitem")).to_have_count(1)
    await panel.get_by_role("button", name="Unlink").click()
    await page.get_by_role("dialog").get_by_role("button", name="Unlink it").click()
    await expect(panel.get_by_role("listitem")).to_have_count(0)
    await expect(panel.get_by_role("button", name=f"Link {PROVIDER}")).to_be_visible()
