"""Reading, changing and removing notes."""

import re

from playwright.async_api import Locator, expect

from browser.notebook import Api, Notebook

EDIT = "Edit note, in Markdown"


async def start_edit(notebook: Notebook, text: str) -> Locator:
    """Opens the note in its place; the textarea."""
    await notebook.note(text).get_by_role("button", name="Edit note").click()
    area = notebook.page.get_by_label(EDIT)
    await expect(area).to_be_focused()
    return area


async def test_a_note_is_edited_in_place(notebook: Notebook, api: Api) -> None:
    await notebook.publish("First wording")
    area = await start_edit(notebook, "First wording")
    await area.fill("Second wording")
    await notebook.button("Save").click()
    await expect(notebook.note("Second wording")).to_contain_text("edited")
    await expect(notebook.button("Edit note")).to_be_focused()
    assert [note["content"] for note in await api.all()] == ["Second wording"]


async def test_line_ends_of_windows_are_kept_through_an_edit(notebook: Notebook, api: Api) -> None:
    await api.publish("one\r\ntwo")
    await notebook.page.reload()
    area = await start_edit(notebook, "one")
    await area.press("Control+End")
    await area.type("!")
    await area.press("Control+Enter")
    await expect(notebook.note("two!")).to_be_visible()
    assert (await api.all())[0]["content"] == "one\r\ntwo!"


async def test_a_cancelled_edit_is_kept_and_can_be_continued(notebook: Notebook) -> None:
    await notebook.publish("As it was")
    area = await start_edit(notebook, "As it was")
    await area.fill("Half of a thought")
    await area.press("Escape")
    await expect(notebook.note("As it was")).to_contain_text("unfinished edit")
    await notebook.page.reload()
    await notebook.button("Continue").click()
    await expect(notebook.page.get_by_label(EDIT)).to_have_value("Half of a thought")
    await notebook.button("Cancel").click()
    await notebook.button("Discard").click()
    await expect(notebook.button("Discard")).to_have_count(0)
    await start_edit(notebook, "As it was")
    await expect(notebook.page.get_by_label(EDIT)).to_have_value("As it was")


async def provoke_conflict(notebook: Notebook, api: Api) -> None:
    """Somebody else changes the note while it is being edited here."""
    await notebook.publish("shared\nline")
    area = await start_edit(notebook, "shared")
    [note] = await api.all()
    await api.change(note, "shared\nline of theirs")
    await area.fill("shared\nline of mine")
    await notebook.button("Save").click()
    conflict = notebook.page.get_by_role("region", name="Somebody else changed this note meanwhile")
    await expect(conflict).to_contain_text("line of mine")
    await expect(conflict).to_contain_text("line of theirs")


async def test_in_a_conflict_mine_can_be_kept(notebook: Notebook, api: Api) -> None:
    await provoke_conflict(notebook, api)
    await notebook.button("Keep mine").click()
    await expect(notebook.note("line of mine")).to_be_visible()
    await expect(notebook.page.get_by_text("Somebody else")).to_have_count(0)
    assert (await api.all())[0]["content"] == "shared\nline of mine"


async def test_in_a_conflict_theirs_can_be_taken_and_mine_brought_back(notebook: Notebook, api: Api) -> None:
    await provoke_conflict(notebook, api)
    await notebook.button("Take theirs").click()
    await expect(notebook.note("line of theirs")).to_be_visible()
    await notebook.button("Bring mine back").click()
    await expect(notebook.page.get_by_label(EDIT)).to_have_value("shared\nline of mine")


async def test_in_a_conflict_both_can_be_brought_together(notebook: Notebook, api: Api) -> None:
    await provoke_conflict(notebook, api)
    await notebook.button("Bring both together").click()
    await expect(notebook.page.get_by_role("region", name="The other version")).to_contain_text(
        "line of theirs"
    )
    area = notebook.page.get_by_label(EDIT)
    await expect(area).to_have_value("shared\nline of mine")
    await area.fill("shared\nline of both")
    await area.press("Control+Enter")
    await expect(notebook.note("line of both")).to_be_visible()
    assert (await api.all())[0]["content"] == "shared\nline of both"


async def test_a_note_deleted_elsewhere_while_edited_can_be_published_anew(
    notebook: Notebook, api: Api
) -> None:
    await notebook.publish("Soon gone")
    area = await start_edit(notebook, "Soon gone")
    await api.delete((await api.all())[0])
    await area.fill("Written for nothing?")
    await notebook.button("Save").click()
    await notebook.button("Publish as a new note").click()
    await expect(notebook.note("Written for nothing?")).to_be_visible()
    await expect(notebook.notes).to_have_count(1)
    assert [note["content"] for note in await api.all()] == ["Written for nothing?"]


async def test_a_deleted_note_can_be_brought_back_to_its_place(notebook: Notebook, api: Api) -> None:
    await api.publish_many(3)
    await notebook.page.reload()
    await notebook.note("number 2").get_by_role("button", name="Delete note").click()
    await expect(notebook.note("number 2")).to_have_count(0)
    assert len(await api.all()) == 2
    await notebook.button("Undo").click()
    await expect(notebook.notes.nth(1)).to_contain_text("number 2")
    assert len(await api.all()) == 3


async def test_undo_stays_while_the_focus_is_on_it(notebook: Notebook) -> None:
    await notebook.page.clock.install()
    await notebook.publish("Removed by key")
    await notebook.button("Delete note").focus()
    await notebook.page.keyboard.press("Enter")
    await expect(notebook.button("Undo")).to_be_focused()
    await notebook.page.clock.run_for(60_000)
    await expect(notebook.button("Undo")).to_be_focused()
    await notebook.text.focus()
    await notebook.page.clock.run_for(13_000)
    await expect(notebook.button("Undo")).to_have_count(0)


async def test_deleting_what_was_changed_elsewhere_shows_the_change_first(
    notebook: Notebook, api: Api
) -> None:
    await notebook.publish("Old news")
    await api.change((await api.all())[0], "Breaking news")
    await notebook.button("Delete note").click()
    await expect(notebook.note("Breaking news")).to_be_visible()
    await notebook.button("Delete anyway").click()
    await expect(notebook.notes).to_have_count(0)


async def test_a_note_has_an_address_of_its_own(notebook: Notebook, api: Api) -> None:
    note = await api.publish("# Alone\n\non a page")
    await notebook.open(f"/notes/{note['id']}")
    await expect(notebook.notes).to_have_count(1)
    await expect(notebook.notes).to_contain_text("on a page")
    await start_edit(notebook, "Alone")
    await notebook.page.get_by_label(EDIT).fill("Changed at its own address")
    await notebook.button("Save").click()
    await expect(notebook.note("Changed at its own address")).to_be_visible()
    await notebook.page.get_by_role("link", name="All notes", exact=True).click()
    await expect(notebook.text).to_be_visible()
    await expect(notebook.notes).to_have_count(1)


async def test_the_place_in_the_list_is_kept_while_a_note_is_looked_at(notebook: Notebook, api: Api) -> None:
    await api.publish_many(18, "Note {number}\n\nwith a second line")
    await notebook.page.reload()
    link = notebook.note("Note 4\n").get_by_role("link", name="Note from")
    await link.scroll_into_view_if_needed()
    await notebook.page.wait_for_timeout(500)
    top = await link.evaluate("(link) => link.getBoundingClientRect().top")
    await link.evaluate("(link) => link.click()")
    await expect(notebook.page).to_have_url(re.compile(r"/notes/"))
    await notebook.page.go_back()
    await expect(notebook.text).to_be_attached()
    await notebook.page.wait_for_timeout(300)
    assert abs(await link.evaluate("(link) => link.getBoundingClientRect().top") - top) < 2


async def test_an_address_without_a_note_says_so(notebook: Notebook) -> None:
    for path in ("/notes/000000000000000000000000", "/notes/%00", f"/notes/{'x' * 2000}", "/notes/%E0%A4%A"):
        await notebook.open(path)
        await expect(notebook.page.get_by_text("There is no note here")).to_be_visible()


async def test_a_very_long_note_is_folded(notebook: Notebook) -> None:
    await notebook.publish("\n\n".join(f"Paragraph {number}" for number in range(80)))
    await expect(notebook.button("Show more")).to_be_visible()
    folded = await notebook.notes.first.evaluate("(note) => note.offsetHeight")
    await notebook.button("Show more").click()
    await expect(notebook.button("Show less")).to_be_visible()
    assert await notebook.notes.first.evaluate("(note) => note.offsetHeight") > folded * 2


async def test_the_theme_can_be_chosen_and_is_remembered(notebook: Notebook) -> None:
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = await notebook.page.evaluate(background)
    await notebook.button("Use the dark theme").click()
    dark = await notebook.page.evaluate(background)
    assert dark != light
    await notebook.page.reload()
    assert await notebook.page.evaluate(background) == dark
    await notebook.button("Use the light theme").click()
    assert await notebook.page.evaluate(background) == light
