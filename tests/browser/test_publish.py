"""Writing and publishing, and what becomes of a draft."""

import asyncio
import re

from playwright.async_api import BrowserContext, Route, expect

from browser.conftest import watch
from browser.notebook import Api, Notebook
from servers.stack import SharedKnote


async def test_a_published_note_appears_on_top_rendered(notebook: Notebook, api: Api) -> None:
    await api.publish("An older note")
    await notebook.publish("# A title\n\nwith *emphasis*")
    first = notebook.notes.first
    await expect(first.locator("h1")).to_have_text("A title")
    await expect(first.locator("em")).to_have_text("emphasis")
    await expect(notebook.text).to_be_focused()
    assert (await api.all())[0]["content"] == "# A title\n\nwith *emphasis*"


async def test_control_and_enter_publishes(notebook: Notebook) -> None:
    await notebook.text.fill("Without the mouse")
    await notebook.text.press("Control+Enter")
    await expect(notebook.notes.first).to_contain_text("Without the mouse")


async def test_the_preview_follows_the_text(notebook: Notebook) -> None:
    await notebook.text.fill("| a | b |\n|---|--:|\n| 1 | 2 |\n\n- [x] done")
    preview = notebook.page.get_by_role("region", name="Preview")
    await expect(preview.locator("table td").first).to_have_text("1")
    await expect(preview.get_by_role("checkbox", name="Done")).to_be_checked()


async def test_an_empty_note_is_refused_with_a_sentence(notebook: Notebook, api: Api) -> None:
    await notebook.text.fill("  \n ")
    await notebook.button("Publish").click()
    await expect(notebook.composer).to_contain_text("Write something first")
    assert await api.all() == []


async def test_a_note_over_the_limit_keeps_its_text_and_says_why(notebook: Notebook) -> None:
    await notebook.text.fill("x" * 300_000)
    await expect(notebook.composer).to_contain_text("293 of 256 KiB")
    await notebook.button("Publish").click()
    await expect(notebook.composer.get_by_role("status")).to_contain_text(re.compile(r"\d"))
    assert len(await notebook.text.input_value()) == 300_000


async def test_what_was_typed_is_stored_to_the_letter(notebook: Notebook, api: Api) -> None:
    text = "  leading\ttab\u00a0and trailing  \n\n\n\ud83d\ude00 e\u0301 \u200b\n".encode(
        "utf-16", "surrogatepass"
    ).decode("utf-16")
    await notebook.publish(text)
    assert (await api.all())[0]["content"] == text


async def test_a_draft_survives_a_reload(notebook: Notebook) -> None:
    await notebook.text.fill("Not finished yet")
    await notebook.page.reload()
    await expect(notebook.text).to_have_value("Not finished yet")


async def test_a_draft_is_waited_for_while_the_page_before_the_reload_is_still_going(
    notebook: Notebook, other_tab: Notebook
) -> None:
    await notebook.text.fill("Written before")
    name = await notebook.page.evaluate("`knote.draft.${sessionStorage.getItem('knote.tab')}`")
    await other_tab.page.goto(f"{other_tab.url}/openapi.json")
    held = other_tab.page.evaluate(
        """(name) => navigator.locks.request(
            name, () => new Promise((release) => setTimeout(release, 1500)))""",
        name,
    )
    holding = asyncio.ensure_future(held)
    await other_tab.page.wait_for_function(
        "async (name) => (await navigator.locks.query()).pending.some((lock) => lock.name === name)", arg=name
    )
    await notebook.page.reload()
    await expect(notebook.text).to_have_value("Written before")
    await holding


async def test_a_draft_survives_a_killed_page(
    notebook: Notebook, context: BrowserContext, knote: SharedKnote
) -> None:
    await notebook.text.fill("The power went out")
    session = await context.new_cdp_session(notebook.page)
    async with notebook.page.expect_event("crash"):
        # Nothing is left that could answer this.
        dying = asyncio.create_task(session.send("Page.crash"))
    dying.cancel()
    reopened = watch(await context.new_page(), knote.url)
    await reopened.open()
    await expect(reopened.text).to_have_value("The power went out")


async def test_two_tabs_do_not_destroy_each_others_drafts(notebook: Notebook, other_tab: Notebook) -> None:
    await notebook.text.fill("The first tab")
    await other_tab.open()
    await expect(other_tab.text).to_have_value("")
    await other_tab.text.fill("The second tab")
    await notebook.text.press("End")
    await notebook.text.type(" goes on")
    await notebook.page.reload()
    await other_tab.page.reload()
    await expect(notebook.text).to_have_value("The first tab goes on")
    await expect(other_tab.text).to_have_value("The second tab")


async def test_the_draft_of_a_closed_tab_can_be_taken_up(notebook: Notebook, other_tab: Notebook) -> None:
    await notebook.text.fill("Here and now")
    await other_tab.open()
    await other_tab.text.fill("Left behind")
    await other_tab.page.close()
    # The browser lets go of what the closed tab held a little later.
    await notebook.page.wait_for_function("async () => (await navigator.locks.query()).held.length === 1")
    await notebook.page.reload()
    await notebook.page.get_by_text("One more draft").click()
    await notebook.button("Left behind").click()
    await expect(notebook.text).to_have_value("Left behind")
    await notebook.page.get_by_text("One more draft").click()
    await expect(notebook.button("Here and now")).to_be_visible()


async def lose_the_answer(route: Route) -> None:
    """The request arrives, its answer does not."""
    if route.request.method == "POST":
        await route.fetch()
        await route.abort()
    else:
        await route.continue_()


async def test_a_lost_answer_does_not_double_the_note(notebook: Notebook, api: Api) -> None:
    await notebook.page.route("**/api/v1/notes", lose_the_answer)
    await notebook.text.fill("Only once, please")
    await notebook.button("Publish").click()
    await expect(notebook.composer).to_contain_text("Not published yet")
    await notebook.page.unroute("**/api/v1/notes")
    await expect(notebook.note("Only once, please")).to_have_count(1)
    assert len(await api.all()) == 1


async def test_a_lost_answer_and_a_reload_do_not_double_the_note(notebook: Notebook, api: Api) -> None:
    await notebook.page.route("**/api/v1/notes**", lose_the_answer)
    await notebook.text.fill("Only once, even so")
    await notebook.button("Publish").click()
    await expect(notebook.composer).to_contain_text("Not published yet")
    await notebook.page.unroute("**/api/v1/notes**")
    await notebook.page.reload()
    await expect(notebook.composer).to_contain_text("Publishing was interrupted")
    await notebook.text.fill("Only once, and changed")
    await notebook.button("Publish").click()
    await expect(notebook.text).to_have_value("")
    assert [note["content"] for note in await api.all()] == ["Only once, and changed"]
