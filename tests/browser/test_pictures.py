"""Pictures on their way into a note."""

import re

from playwright.async_api import expect

from browser.drawing import heavy_png, jpeg, png
from browser.notebook import Api, Notebook, image_file

ADDRESS = re.compile(r"!\[([^\]]*)\]\((/api/v1/pictures/[0-9a-f]{64})\)")


async def test_a_picture_chosen_with_the_button_joins_the_text(notebook: Notebook, api: Api) -> None:
    await notebook.text.fill("Before ")
    async with notebook.page.expect_file_chooser() as chooser:
        await notebook.button("Add pictures").click()
    await (await chooser.value).set_files([image_file("hills.png", png(1))])
    await expect(notebook.text).to_have_value(re.compile(r"^Before !\[\]\(/api/v1/pictures/[0-9a-f]{64}\)$"))
    await notebook.button("Publish").click()
    await expect(notebook.notes.first.locator("img")).to_have_js_property("naturalWidth", 240)
    [note] = await api.all()
    assert isinstance(note["pictures"], list)
    assert len(note["pictures"]) == 1


async def test_a_pasted_picture_lands_at_the_cursor(notebook: Notebook) -> None:
    await notebook.text.fill("left right")
    await notebook.text.evaluate("(area) => { area.focus(); area.setSelectionRange(5, 5); }")
    await notebook.hand_over("paste", [image_file("image.png", png(2))])
    await expect(notebook.text).to_have_value(re.compile(r"^left !\[\]\([^)]+\)right$"))


async def test_a_picture_lands_where_it_was_pasted_while_typing_goes_on(notebook: Notebook) -> None:
    await notebook.slow_upload(2_000)
    await notebook.text.fill("start\n\nend")
    await notebook.text.evaluate("(area) => { area.focus(); area.setSelectionRange(6, 6); }")
    await notebook.hand_over("paste", [image_file("image.png", heavy_png(3, 2))])
    await notebook.text.press("Control+End")
    await notebook.text.type(" and more")
    await notebook.text.press("Control+Home")
    await notebook.text.type("the ")
    await expect(notebook.text).to_have_value(
        re.compile(r"^the start\n!\[\]\([^)]+\)\nend and more$"), timeout=20_000
    )
    await notebook.text.type("very ")
    await expect(notebook.text).to_have_value(re.compile(r"^the very start"))


async def test_undo_takes_the_picture_out_again(notebook: Notebook) -> None:
    await notebook.text.type("words ")
    await notebook.hand_over("paste", [image_file("image.png", png(4))])
    await expect(notebook.text).to_have_value(ADDRESS)
    await notebook.text.press("Control+z")
    await expect(notebook.text).to_have_value("words ")


async def test_dropped_pictures_are_taken_anywhere_on_the_page(notebook: Notebook) -> None:
    files = [image_file("one.png", png(5)), image_file("two.png", png(6))]
    await notebook.hand_over("dragenter", files, "body")
    await expect(notebook.page.get_by_text("Drop pictures to add them")).to_be_visible()
    await notebook.hand_over("dragover drop", files, "body")
    await expect(notebook.page.get_by_text("Drop pictures to add them")).to_be_hidden()
    await expect(notebook.text).to_have_value(re.compile(r"^(!\[\]\([^)]+\)\n){2}$"))


async def test_two_pictures_called_image_png_are_two_pictures(notebook: Notebook) -> None:
    await notebook.hand_over("paste", [image_file("image.png", png(7)), image_file("image.png", png(8))])
    await expect(notebook.text).to_have_value(re.compile(r"^(!\[\]\([^)]+\)\n){2}$"))
    addresses = {match[1] for match in ADDRESS.findall(await notebook.text.input_value())}
    assert len(addresses) == 2


async def test_several_pictures_land_in_the_order_they_were_chosen(notebook: Notebook, api: Api) -> None:
    pictures = [jpeg(1, 2400, 1500), png(2), jpeg(3), png(4), png(5)]
    await notebook.choose(*(image_file(f"{index}.png", data) for index, data in enumerate(pictures)))
    await expect(notebook.text).to_have_value(re.compile(r"^(!\[\]\([^)]+\)\n){5}$"))
    expected = [str((await api.upload(data))["url"]) for data in pictures]
    assert [match[1] for match in ADDRESS.findall(await notebook.text.input_value())] == expected


async def test_the_description_is_written_into_the_brackets(notebook: Notebook) -> None:
    await notebook.choose(image_file("hills.png", png(9)))
    field = notebook.page.get_by_label("Describe hills.png")
    await field.fill("Hills [at] dusk")
    await expect(notebook.text).to_have_value(re.compile(r"^!\[Hills \\\[at\\\] dusk\]\("))
    await notebook.button("Publish").click()
    await expect(notebook.notes.get_by_role("img", name="Hills [at] dusk")).to_be_visible()


async def test_the_progress_is_true_and_an_upload_can_be_cancelled(notebook: Notebook) -> None:
    await notebook.slow_upload(500)
    await notebook.choose(image_file("large.png", heavy_png(10)))
    bar = notebook.uploads.get_by_role("progressbar")
    seen: set[int] = set()
    for _ in range(60):
        seen.add(int(await bar.get_attribute("aria-valuenow") or 0))
        if len(seen) > 3:
            break
        await notebook.page.wait_for_timeout(100)
    assert len(seen) > 3
    assert max(seen) < 100
    await notebook.button("Cancel large.png").click()
    await expect(notebook.uploads).to_have_count(0)
    await expect(notebook.text).to_have_value("")


async def test_an_upload_that_broke_off_can_be_tried_again(notebook: Notebook) -> None:
    await notebook.text.fill("Here: ")
    await notebook.page.route("**/api/v1/pictures", lambda route: route.abort())
    await notebook.choose(image_file("hills.png", png(11)))
    await expect(notebook.uploads).to_contain_text("cannot be reached")
    await notebook.button("Publish").click()
    await expect(notebook.composer).to_contain_text("A picture was not added")
    await notebook.page.unroute("**/api/v1/pictures")
    await notebook.button("Try hills.png again").click()
    await expect(notebook.text).to_have_value(ADDRESS)


async def test_publishing_waits_for_the_pictures_on_their_way(notebook: Notebook) -> None:
    await notebook.slow_upload(2_000)
    await notebook.text.fill("With a picture\n\n")
    await notebook.choose(image_file("large.png", heavy_png(12)))
    await notebook.button("Publish").click()
    await expect(notebook.composer).to_contain_text("Waiting for a picture")
    await expect(notebook.note("With a picture").locator("img")).to_have_count(1, timeout=20_000)


async def test_what_is_no_picture_is_refused_with_the_reason(notebook: Notebook, api: Api) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    await notebook.choose(
        image_file("page.png", b"<!doctype html><script>alert(1)</script>"),
        image_file("script.svg", svg, "image/svg+xml"),
        image_file("broken.png", png(13)[:500]),
        image_file("empty.png", b""),
    )
    await expect(notebook.page.locator(".upload-error")).to_have_count(4)
    for sentence in await notebook.page.locator(".upload-error").all_inner_texts():
        assert len(sentence) > 20
    await expect(notebook.text).to_have_value("")
    for name in ("page.png", "script.svg", "broken.png", "empty.png"):
        await notebook.button(f"Cancel {name}").click()
    await notebook.publish("Goes on without them")
    assert len(await api.all()) == 1


async def test_a_picture_joins_a_note_that_is_being_edited(notebook: Notebook) -> None:
    await notebook.publish("To be illustrated: ")
    await notebook.button("Edit note").click()
    area = notebook.page.get_by_label("Edit note, in Markdown")
    await expect(area).to_be_focused()
    await notebook.hand_over("paste", [image_file("image.png", png(14))], ".note textarea")
    await expect(area).to_have_value(ADDRESS)
    await area.press("Control+Enter")
    await expect(notebook.notes.first.locator("img")).to_be_visible()


async def test_pictures_know_their_size_and_come_in_the_right_resolution(
    notebook: Notebook, api: Api
) -> None:
    picture = await api.upload(jpeg(15))
    await api.publish(f"![hills]({picture['url']})")
    await notebook.page.reload()
    image = notebook.page.get_by_role("img", name="hills")
    await expect(image).to_have_attribute("width", "1600")
    await expect(image).to_have_attribute("height", "1000")
    await expect(image).to_have_attribute("srcset", re.compile(r"\?width=320 320w.*\?width=1280 1280w"))
    await expect(image).to_have_js_property("complete", value=True)
    assert "width=" in await image.evaluate("(image) => image.currentSrc")
