"""API tokens: made and shown once, used by a script, and ended."""

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from browser.notebook import Notebook
from browser.people import field
from servers.stack import SharedKnote

pytestmark = pytest.mark.parametrize("auth", ["accounts"], indirect=True)


async def make_token(page: Page, name: str, access: str = "Read notes and pictures") -> str:
    """Makes one on the screen that is there; the token itself."""
    await field(page, "Name").fill(name)
    await page.get_by_label(access).check()
    await page.get_by_role("button", name="Make the token").click()
    made = page.get_by_label(f"The token “{name}”")
    await expect(made).to_be_visible()
    return await made.input_value()


def rows(page: Page) -> Locator:
    """The tokens that are listed."""
    return page.get_by_role("region", name="Your tokens").get_by_role("listitem")


async def test_a_token_is_shown_once_works_and_is_ended(notebook: Notebook, knote: SharedKnote) -> None:
    await notebook.publish("For the script")
    page = notebook.page
    await page.goto(f"{knote.url}/tokens")
    await expect(page.get_by_text("No token yet")).to_be_visible()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    token = await make_token(page, "backup")
    assert token.startswith("knote_")
    await expect(page.get_by_role("button", name="Copy")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == token
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page)).to_contain_text("Never used")
    async with httpx.AsyncClient(base_url=knote.url, trust_env=False) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        answer = await client.get("/api/v1/notes")
        assert [note["content"] for note in answer.json()["items"]] == ["For the script"]
        refused = await client.post("/api/v1/notes", json={"content": "no"})
        assert refused.status_code == 403
        await page.reload()
        await expect(rows(page)).to_contain_text("Last used just now")
        assert token not in await page.content()
        await page.get_by_role("button", name="End backup").click()
        dialog = page.get_by_role("dialog", name="End “backup”?")
        await dialog.get_by_role("button", name="End the token").click()
        await expect(page.get_by_text("No token yet")).to_be_visible()
        assert (await client.get("/api/v1/notes")).status_code == 401


async def test_a_token_needs_a_name_and_may_write(notebook: Notebook, knote: SharedKnote) -> None:
    page = notebook.page
    await page.goto(f"{knote.url}/tokens")
    await page.get_by_role("button", name="Make the token").click()
    await expect(field(page, "Name")).to_be_focused()
    await expect(field(page, "Name")).to_have_accessible_description(
        "A name is missing: what will use the token?"
    )
    token = await make_token(page, "writer", "Read and write them")
    async with httpx.AsyncClient(base_url=knote.url, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await client.post("/api/v1/notes", json={"content": "By a script"}, headers=headers)
        assert answer.status_code == 201
    await page.goto(knote.url)
    await expect(notebook.note("By a script")).to_be_visible()
