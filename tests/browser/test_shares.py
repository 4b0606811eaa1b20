"""A note shared by a link: made, read by somebody without an account, and ended."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from browser.conftest import watch
from browser.drawing import jpeg
from browser.notebook import Api, Notebook
from servers.stack import SharedKnote

pytestmark = pytest.mark.parametrize("auth", ["accounts"], indirect=True)


async def share(page: Page, text: str) -> str:
    """Makes a link of the note that reads so; the dialog stays open."""
    await page.locator("article:visible").filter(has_text=text).get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share this note")
    await dialog.get_by_role("button", name="Make a link").click()
    link = dialog.get_by_label("The link", exact=True)
    await expect(link).to_be_visible()
    return await link.input_value()


async def test_a_shared_note_is_read_without_an_account_until_the_link_ends(
    notebook: Notebook, browser: Browser, knote: SharedKnote, api: Api
) -> None:
    picture = await api.upload(jpeg(61))
    await api.publish(f"# The ridge walk\n\nMist until *ten*.\n\n![First light]({picture['url']})")
    await api.publish("Nobody else's business")
    page = notebook.page
    await page.reload()
    link = await share(page, "The ridge walk")
    assert re.fullmatch(re.escape(knote.url) + r"/shared/[^/#]+#\S{20,}", link)
    guest = await browser.new_context()
    other = watch(await guest.new_page(), knote.url)
    asked: list[str] = []
    other.page.on("request", lambda request: asked.append(request.url))
    await other.page.goto(link)
    await expect(other.page.get_by_role("heading", name="The ridge walk")).to_be_visible()
    image = other.page.get_by_role("img", name="First light")
    await expect(image).to_have_js_property("complete", value=True)
    await other.page.wait_for_function("() => document.querySelector('.prose img').naturalWidth > 0")
    await expect(other.page).to_have_title("The ridge walk · Knote")
    await expect(other.page.locator("meta[name=robots]")).to_have_attribute("content", "noindex")
    assert "Nobody else" not in await other.page.content()
    await expect(other.page.get_by_role("button", name="Edit note")).to_have_count(0)
    assert await other.violations() == []
    secret = link.partition("#")[2]
    assert [url for url in asked if secret in url and "#" not in url] == []
    assert [url for url in asked if "/api/v1/notes" in url] == []
    await page.get_by_role("dialog").get_by_role("button", name="End").click()
    await expect(page.get_by_role("dialog").get_by_label("The link", exact=True)).to_have_count(0)
    await other.page.reload()
    await expect(other.page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    await expect(other.page.get_by_text("Mist until")).to_have_count(0)
    assert other.problems == []
    await guest.close()


async def test_a_link_with_a_wrong_secret_says_nothing(
    notebook: Notebook, browser: Browser, knote: SharedKnote
) -> None:
    await notebook.publish("Hidden well")
    link = await share(notebook.page, "Hidden well")
    guest = await browser.new_context()
    page = await guest.new_page()
    for wrong in (link.partition("#")[0], link[:-1], f"{knote.url}/shared/nowhere#{'x' * 43}"):
        await page.goto("about:blank")
        await page.goto(wrong)
        await expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    await guest.close()


async def test_a_shared_note_is_read_by_who_is_signed_in_too(notebook: Notebook) -> None:
    await notebook.publish("Seen by its own author")
    page = notebook.page
    link = await share(page, "Seen by its own author")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("button", name="Share note")).to_be_focused()
    await notebook.text.fill("A draft that must stay where it is")
    reader = await page.context.new_page()
    await reader.goto(link)
    await expect(reader.get_by_text("Seen by its own author")).to_be_visible()
    await page.reload()
    await expect(notebook.text).to_have_value("A draft that must stay where it is")
