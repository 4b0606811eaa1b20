"""Signing in and out, and what becomes of what was being written."""

import re

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from browser.conftest import sign_in, watch
from browser.drawing import png
from browser.notebook import Api, Notebook, image_file
from browser.people import field, fill_in, open_menu, sign_in_by_hand
from servers.stack import ADA, SETUP_TOKEN, Person, SharedKnote

pytestmark = pytest.mark.parametrize("auth", ["accounts"], indirect=True)

GRACE = Person("Grace", "a bug in the relay, taped in")


async def test_who_is_not_signed_in_signs_in_and_sees_their_notes(
    context: BrowserContext, page: Page, knote: SharedKnote, api: Api
) -> None:
    await api.publish("Only for Ada")
    await context.clear_cookies()
    await page.goto(knote.url)
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(field(page, "Name")).to_be_focused()
    await expect(page.get_by_role("searchbox")).to_have_count(0)
    assert "Only for Ada" not in await page.content()
    await sign_in_by_hand(page)
    await expect(page.locator("article")).to_contain_text("Only for Ada")
    await expect(page.get_by_label("New note, in Markdown")).to_be_editable()
    await page.reload()
    await expect(page.locator("article")).to_contain_text("Only for Ada")


async def test_after_signing_in_one_is_where_one_wanted_to_be(
    context: BrowserContext, page: Page, knote: SharedKnote, api: Api
) -> None:
    note = await api.publish("A note with an address")
    await context.clear_cookies()
    await page.goto(f"{knote.url}/notes/{note['id']}")
    await sign_in_by_hand(page)
    await expect(page.get_by_label("Note", exact=True).locator("article")).to_contain_text("an address")
    await expect(page).to_have_url(re.compile(f"/notes/{note['id']}$"))


async def test_a_wrong_password_is_refused_with_a_sentence(
    context: BrowserContext, page: Page, knote: SharedKnote
) -> None:
    await context.clear_cookies()
    await page.goto(knote.url)
    await sign_in_by_hand(page, Person("Ada", "not the password of Ada"))
    await expect(page.get_by_role("alert")).to_contain_text("no account with this name and this password")
    await expect(field(page, "Password")).to_be_focused()
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await field(page, "Password").fill("")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(field(page, "Password")).to_have_accessible_description("Your password is missing.")
    await sign_in_by_hand(page)
    await expect(page.get_by_label("New note, in Markdown")).to_be_editable()


async def test_a_password_can_be_looked_at(context: BrowserContext, page: Page, knote: SharedKnote) -> None:
    await context.clear_cookies()
    await page.goto(knote.url)
    password = field(page, "Password")
    await password.fill("to be seen")
    await expect(password).to_have_attribute("type", "password")
    await expect(password).to_have_attribute("autocomplete", "current-password")
    await expect(field(page, "Name")).to_have_attribute("autocomplete", "username")
    await page.get_by_role("button", name="Show password").click()
    await expect(password).to_have_attribute("type", "text")
    await page.get_by_role("button", name="Show password").click()
    await expect(password).to_have_attribute("type", "password")


async def test_a_session_that_ends_while_writing_costs_nothing(
    notebook: Notebook, context: BrowserContext, api: Api
) -> None:
    await notebook.publish("Written before")
    await notebook.text.fill("Half of a")
    await context.clear_cookies()
    await notebook.text.press("End")
    await notebook.text.type(" thought")
    await notebook.button("Publish").click()
    page = notebook.page
    await expect(page.get_by_text("Your session has ended.")).to_be_visible()
    await expect(field(page, "Name")).to_have_value("Ada")
    await expect(field(page, "Password")).to_be_focused()
    await field(page, "Password").fill(ADA.password)
    await page.keyboard.press("Enter")
    await expect(notebook.note("Half of a thought")).to_be_visible()
    assert [note["content"] for note in await api.all()] == ["Half of a thought", "Written before"]


async def test_an_edit_and_a_picture_wait_for_the_sign_in(
    notebook: Notebook, context: BrowserContext, api: Api
) -> None:
    await notebook.publish("To be changed")
    await notebook.button("Edit note").click()
    area = notebook.page.get_by_label("Edit note, in Markdown")
    await area.fill("Changed meanwhile\n\n")
    await context.clear_cookies()
    await notebook.hand_over("paste", [image_file("hills.png", png(51))], ".note textarea")
    await sign_in_by_hand(notebook.page)
    await expect(area).to_have_value(re.compile(r"Changed meanwhile\n\n!\[\]\(/api/v1/pictures/"))
    await context.clear_cookies()
    await area.press("Control+Enter")
    await sign_in_by_hand(notebook.page)
    await expect(area).to_have_count(0)  # the preview shows it before it is kept
    await expect(notebook.note("Changed meanwhile")).to_be_visible()
    assert "Changed meanwhile" in str((await api.all())[0]["content"])


async def test_nobody_sees_the_drafts_of_another(
    notebook: Notebook, context: BrowserContext, knote: SharedKnote
) -> None:
    await notebook.text.fill("A secret of Ada's")
    page = notebook.page
    await (await open_menu(page)).get_by_role("button", name="Sign out").click()
    await knote.add(GRACE)
    await sign_in_by_hand(page, GRACE)
    await expect(notebook.text).to_be_editable()
    await expect(notebook.text).to_have_value("")
    assert "A secret of Ada's" not in await page.content()
    await notebook.text.fill("A secret of Grace's")
    await (await open_menu(page)).get_by_role("button", name="Sign out").click()
    await sign_in_by_hand(page)
    await expect(notebook.text).to_have_value("A secret of Ada's")


async def test_another_tab_that_changes_who_is_here_changes_this_one_too(
    notebook: Notebook, other_tab: Notebook, knote: SharedKnote
) -> None:
    await notebook.publish("Ada's own")
    await notebook.text.fill("Ada was writing")
    await knote.add(GRACE)
    await other_tab.open()
    await (await open_menu(other_tab.page)).get_by_role("button", name="Sign out").click()
    await expect(notebook.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "Ada's own" not in await notebook.page.content()
    await sign_in_by_hand(other_tab.page, GRACE)
    await expect(notebook.text).to_be_editable()
    await expect(notebook.text).to_have_value("")
    await expect(notebook.page.get_by_role("button", name="Account of Grace")).to_be_visible()


async def test_somebody_else_who_signs_in_after_the_end_of_a_session_begins_anew(
    notebook: Notebook, context: BrowserContext, knote: SharedKnote
) -> None:
    await notebook.publish("Ada's own")
    await notebook.text.fill("Ada was writing")
    await context.clear_cookies()
    await notebook.button("Publish").click()
    await knote.add(GRACE)
    await sign_in_by_hand(notebook.page, GRACE)
    await expect(notebook.page.get_by_text("Your notebook is open")).to_be_visible()
    await expect(notebook.text).to_have_value("")
    assert "Ada" not in await notebook.page.content()


async def test_the_first_account_is_made_with_the_set_up_token(browser: Browser, knote: SharedKnote) -> None:
    await knote.clear_all()
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(knote.url)
    await expect(page.get_by_role("heading", name="Welcome to Knote")).to_be_visible()
    await field(page, "Set-up token").fill("guessed")
    await fill_in(page, ADA)
    await page.get_by_role("button", name="Make the account").click()
    await expect(page.get_by_role("alert")).to_contain_text("not the setup token")
    await page.goto("about:blank")
    await page.goto(f"{knote.url}/setup#{SETUP_TOKEN.replace(' ', '%20')}")
    await expect(page).to_have_url(f"{knote.url}/setup")
    await expect(field(page, "Set-up token")).to_have_count(0)
    await field(page, "Name").fill("Ada")
    await field(page, "Password").fill("short")
    await page.get_by_role("button", name="Make the account").click()
    await expect(field(page, "Password")).to_have_accessible_description(re.compile("5 of the 12 characters"))
    await field(page, "Password").fill("passwordpassword")
    await page.get_by_role("button", name="Make the account").click()
    await expect(page.get_by_role("alert")).to_contain_text("among the first that others would try")
    await field(page, "Password").fill(ADA.password)
    await page.get_by_role("button", name="Make the account").click()
    await expect(page.get_by_text("Your notebook is open")).to_be_visible()
    await expect(page).to_have_url(f"{knote.url}/")
    await page.goto(f"{knote.url}/setup")
    await expect(page.get_by_role("heading", name="Knote is set up already")).to_be_visible()
    await context.close()


async def test_the_menu_goes_by_keyboard(notebook: Notebook) -> None:
    page = notebook.page
    button = page.get_by_role("button", name="Account of Ada")
    await button.focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("link", name="Your account")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("End")
    await expect(page.get_by_role("button", name="Sign out")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("link", name="Your account")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()
    await expect(button).to_have_attribute("aria-expanded", "false")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Your account", level=1)).to_be_focused()
    await expect(page).to_have_url(re.compile("/account$"))
    await expect(page).to_have_title("Your account · Knote")
    await expect(page.get_by_role("link", name="Your account")).to_have_count(1)


async def test_the_password_is_changed_and_other_devices_are_signed_out(
    notebook: Notebook, browser: Browser, knote: SharedKnote
) -> None:
    elsewhere = await browser.new_context()
    await sign_in(elsewhere, knote)
    other = watch(await elsewhere.new_page(), knote.url)
    await other.open()
    await elsewhere.clear_cookies()
    await other.page.reload()
    await sign_in_by_hand(other.page)
    await expect(other.text).to_be_editable()
    page = notebook.page
    await page.goto(f"{knote.url}/account")
    rows = page.get_by_role("region", name="Where you are signed in").get_by_role("listitem")
    await expect(rows).to_have_count(2)
    await field(page, "Current password").fill("wrong wrong wrong")
    await field(page, "New password").fill("a whole new sentence")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_role("alert").filter(has_text="another one")).to_be_visible()
    await field(page, "Current password").fill(ADA.password)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_text("Your password is changed.").first).to_be_visible()
    await page.reload()
    await expect(rows).to_have_count(1)
    await other.text.fill("From elsewhere")
    await other.button("Publish").click()
    await expect(other.page.get_by_text("Your session has ended.")).to_be_visible()
    await elsewhere.close()


async def test_a_session_elsewhere_is_ended_and_then_all_are(
    notebook: Notebook, browser: Browser, knote: SharedKnote
) -> None:
    elsewhere = await browser.new_context(user_agent="Mozilla/5.0 (iPhone) AppleWebKit Safari/604.1")
    other = await elsewhere.new_page()
    await other.goto(knote.url)
    await sign_in_by_hand(other)
    await expect(other.get_by_label("New note, in Markdown")).to_be_editable()
    page = notebook.page
    await page.goto(f"{knote.url}/account")
    panel = page.get_by_role("region", name="Where you are signed in")
    await expect(panel.get_by_role("listitem")).to_have_count(2)
    await expect(panel.get_by_role("listitem").filter(has_text="This one")).to_have_count(1)
    await panel.get_by_role("button", name="Sign out Safari on iPhone").click()
    await expect(panel.get_by_role("listitem")).to_have_count(1)
    await other.reload()
    await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    await panel.get_by_role("button", name="Sign out everywhere").click()
    dialog = page.get_by_role("dialog", name="Sign out everywhere?")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(panel.get_by_role("button", name="Sign out everywhere")).to_be_focused()
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Sign out everywhere").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await elsewhere.close()
