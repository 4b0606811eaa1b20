"""What the page does while something behind it is away."""

import re

from playwright.async_api import BrowserContext, expect

from browser.drawing import jpeg, png
from browser.notebook import Api, Notebook, image_file
from servers.stack import SharedKnote

SLOW = 40_000


async def test_offline_is_said_and_what_was_written_is_published_later(
    notebook: Notebook, context: BrowserContext, api: Api
) -> None:
    await context.set_offline(True)
    await expect(notebook.page.get_by_text("You are offline.")).to_be_visible()
    await notebook.text.fill("Written in a tunnel")
    await notebook.button("Publish").click()
    await expect(notebook.composer).to_contain_text("Not published yet; your text is safe here.")
    await context.set_offline(False)
    await expect(notebook.note("Written in a tunnel")).to_be_visible(timeout=SLOW)
    await expect(notebook.page.get_by_text("You are offline.")).to_have_count(0)
    assert len(await api.all()) == 1


async def test_an_edit_made_offline_is_saved_later(
    notebook: Notebook, context: BrowserContext, api: Api
) -> None:
    await notebook.publish("Before the tunnel")
    await notebook.button("Edit note").click()
    await notebook.page.get_by_label("Edit note, in Markdown").fill("In the tunnel")
    await context.set_offline(True)
    await notebook.button("Save").click()
    await expect(notebook.notes.first).to_contain_text("Not saved yet")
    await context.set_offline(False)
    await expect(notebook.page.get_by_label("Edit note, in Markdown")).to_have_count(0, timeout=SLOW)
    await expect(notebook.note("In the tunnel")).to_be_visible()
    assert [note["content"] for note in await api.all()] == ["In the tunnel"]


async def test_pictures_away_is_said_and_they_come_back_without_a_reload(
    notebook: Notebook, knote: SharedKnote, api: Api
) -> None:
    picture = await api.upload(jpeg(21))
    await api.publish(f"Look:\n\n![the hills]({picture['url']})")
    await knote.s3.stop()
    await notebook.page.reload()
    banner = notebook.page.get_by_text("Pictures are unavailable right now; your notes are safe")
    await expect(banner).to_be_visible(timeout=SLOW)
    await notebook.publish("Text goes on")
    await notebook.page.evaluate("window.sameDocument = true")
    await knote.s3.start()
    await expect(banner).to_have_count(0, timeout=SLOW)
    image = notebook.page.get_by_role("img", name="the hills")
    await notebook.page.wait_for_function(
        "() => document.querySelector('img[alt=\"the hills\"]').naturalWidth > 0", timeout=SLOW
    )
    await expect(image).not_to_have_attribute("data-state", "failed")
    assert await notebook.page.evaluate("window.sameDocument")


async def test_a_picture_chosen_while_pictures_are_away_arrives_later(
    notebook: Notebook, knote: SharedKnote
) -> None:
    await knote.s3.stop()
    await notebook.choose(image_file("patient.png", png(22)))
    await expect(notebook.page.get_by_text("Pictures are unavailable right now")).to_be_visible(timeout=SLOW)
    await notebook.text.press("Control+Home")
    await notebook.text.type("Meanwhile")
    await knote.s3.start()
    await expect(notebook.text).to_have_value(re.compile(r"!\[\]\(/api/v1/pictures/"), timeout=SLOW)
    await expect(notebook.page.get_by_text("Pictures are unavailable right now")).to_have_count(
        0, timeout=SLOW
    )


async def test_the_notes_away_is_said_and_everything_goes_on_by_itself(
    notebook: Notebook, knote: SharedKnote, api: Api
) -> None:
    await notebook.publish("Already there")
    await knote.mongo.stop()
    await notebook.text.fill("Written meanwhile")
    await notebook.button("Publish").click()
    await expect(notebook.composer).to_contain_text("Not published yet", timeout=SLOW)
    await expect(notebook.page.get_by_text("Knote cannot reach its notes right now.")).to_be_visible()
    await notebook.page.reload()
    await expect(notebook.page.get_by_text("Your notes cannot be shown right now")).to_be_visible(
        timeout=SLOW
    )
    await expect(notebook.text).to_have_value("Written meanwhile")
    await notebook.button("Publish").click()
    await knote.mongo.start()
    await expect(notebook.note("Already there")).to_be_visible(timeout=SLOW)
    await expect(notebook.note("Written meanwhile")).to_be_visible(timeout=SLOW)
    assert len(await api.all()) == 2
