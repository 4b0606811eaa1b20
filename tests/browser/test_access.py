"""The whole flow by keyboard, and no violation of axe's rules in any state."""

from typing import Literal

import pytest
from playwright.async_api import expect

from browser.drawing import jpeg, png
from browser.notebook import Api, Notebook, image_file
from servers.stack import SharedKnote

SAMPLE = """# Everything at once

Text with *emphasis*, `code`, a [link](https://example.com) and ~~a mistake~~.

### A deeper heading

- [x] done
- [ ] to do

1. one
2. two

> A quotation

| left | right |
|:-----|------:|
| 1    | 2     |

```python
print("a line of code so long that it has to scroll on any phone, whatever the font may be, really")
```

![](/api/v1/pictures/{id})

![from elsewhere](https://example.com/a.png)
"""


async def press(notebook: Notebook, keys: str) -> None:
    """Presses keys one after the other."""
    for key in keys.split():
        await notebook.page.keyboard.press(key)


async def tab_to(notebook: Notebook, name: str) -> None:
    """Tabs on until the focus is on what carries that name."""
    for _ in range(40):
        await notebook.page.keyboard.press("Tab")
        focused = await notebook.page.evaluate(
            "() => document.activeElement.ariaLabel || document.activeElement.textContent"
        )
        if focused.startswith(name):
            return
    raise AssertionError(f"no way to {name!r} by keyboard")


async def test_the_whole_flow_goes_by_keyboard(notebook: Notebook, api: Api) -> None:
    await tab_to(notebook, "New note, in Markdown")
    await notebook.page.keyboard.type("Typed, never clicked")
    await press(notebook, "Control+Enter")
    await expect(notebook.note("Typed, never clicked")).to_be_visible()
    await expect(notebook.text).to_be_focused()
    await tab_to(notebook, "Edit note")
    await press(notebook, "Enter")
    await expect(notebook.page.get_by_label("Edit note, in Markdown")).to_be_focused()
    await press(notebook, "Control+End")
    await notebook.page.keyboard.type(" and edited")
    await tab_to(notebook, "Save")
    await press(notebook, "Enter")
    await expect(notebook.note("and edited")).to_be_visible()
    await expect(notebook.button("Edit note")).to_be_focused()
    await tab_to(notebook, "Delete note")
    await press(notebook, "Enter")
    await expect(notebook.button("Undo")).to_be_focused()
    await press(notebook, "Enter")
    await expect(notebook.note("and edited")).to_be_visible()
    await press(notebook, "Control+Home")
    await notebook.page.get_by_role("link", name="Skip to the notes").focus()
    await press(notebook, "Enter")
    await expect(notebook.page.get_by_role("main")).to_be_focused()
    assert [note["content"] for note in await api.all()] == ["Typed, never clicked and edited"]


async def test_what_happens_is_said_to_a_screen_reader(notebook: Notebook) -> None:
    spoken = notebook.page.get_by_role("status")
    await notebook.publish("A quiet note")
    await expect(spoken.filter(has_text="Published.")).to_have_count(1)
    await notebook.button("Delete note").click()
    await expect(spoken.filter(has_text="Note deleted.")).to_have_count(1)


ColorScheme = Literal["light", "dark"]

LOOKS: list[tuple[ColorScheme, int, int]] = [
    ("light", 1280, 860),
    ("dark", 1280, 860),
    ("light", 390, 844),
    ("dark", 390, 844),
    ("light", 360, 640),
]


@pytest.mark.parametrize(("scheme", "width", "height"), LOOKS)
async def test_axe_finds_nothing_in_any_state(
    notebook: Notebook, api: Api, scheme: ColorScheme, width: int, height: int
) -> None:
    page = notebook.page
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(color_scheme=scheme)
    found: dict[str, list[str]] = {"empty": await notebook.violations()}
    picture = await api.upload(jpeg(31))
    note = await api.publish(SAMPLE.replace("{id}", str(picture["id"])))
    await page.reload()
    await expect(notebook.notes).to_have_count(1)
    await notebook.text.fill("A draft with a [link](https://example.com)")
    await notebook.choose(image_file("good.png", png(32)), image_file("bad.png", b"nonsense"))
    await expect(page.get_by_label("Describe good.png")).to_be_visible()
    await expect(page.locator(".upload-error")).to_be_visible()
    await notebook.button("Publish").click()
    found["list, draft, uploads, refusal"] = await notebook.violations()
    if width < 1000:
        await notebook.composer.get_by_role("button", name="Preview", exact=True).click()
        found["preview"] = await notebook.violations()
    await notebook.button("Edit note").click()
    area = page.get_by_label("Edit note, in Markdown")
    await area.fill("mine")
    found["edit"] = await notebook.violations()
    note = await api.change(note, "theirs")
    await notebook.button("Save").click()
    await expect(page.get_by_text("Somebody else changed")).to_be_visible()
    found["conflict"] = await notebook.violations()
    await notebook.button("Bring both together").click()
    found["merge"] = await notebook.violations()
    await notebook.button("Save").click()
    await notebook.button("Delete note").click()
    await expect(notebook.button("Undo")).to_be_visible()
    found["toast"] = await notebook.violations()
    await notebook.hand_over("dragenter", [image_file("a.png", png(33))], "body")
    found["dragging"] = await notebook.violations()
    await page.goto(f"{notebook.url}/?q=nothing")
    await expect(page.get_by_text("Nothing matches")).to_be_visible()
    found["no results"] = await notebook.violations()
    await page.goto(f"{notebook.url}/notes/missing")
    await expect(page.get_by_text("There is no note here")).to_be_visible()
    found["not found"] = await notebook.violations()
    await page.context.set_offline(True)
    await expect(page.get_by_text("You are offline.")).to_be_visible()
    found["offline"] = await notebook.violations()
    assert {state: problems for state, problems in found.items() if problems} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_while_the_stores_are_away(
    notebook: Notebook, knote: SharedKnote, api: Api, scheme: ColorScheme
) -> None:
    await notebook.page.emulate_media(color_scheme=scheme)
    picture = await api.upload(jpeg(34))
    await api.publish(f"![hills]({picture['url']})")
    await knote.s3.stop()
    await notebook.page.reload()
    await expect(notebook.page.get_by_text("Pictures are unavailable")).to_be_visible(timeout=40_000)
    assert await notebook.violations() == []
    await knote.mongo.stop()
    await notebook.page.reload()
    await expect(notebook.page.get_by_text("Your notes cannot be shown")).to_be_visible(timeout=40_000)
    assert await notebook.violations() == []


async def test_nothing_is_cut_off_at_the_width_of_a_phone(notebook: Notebook, api: Api) -> None:
    picture = await api.upload(jpeg(35))
    await api.publish(SAMPLE.replace("{id}", str(picture["id"])) + "\n" + "wide" * 60)
    await notebook.page.set_viewport_size({"width": 360, "height": 640})
    await notebook.page.reload()
    await expect(notebook.notes).to_have_count(1)
    assert await notebook.page.evaluate("() => document.documentElement.scrollWidth") <= 360
    small = await notebook.page.evaluate(
        """() => [...document.querySelectorAll("button:not(.switch *), header a, h2 a, input[type=search]")]
            .map((element) => [element.textContent || element.ariaLabel, element.getBoundingClientRect()])
            .filter(([, box]) => box.width && box.height < 43.5)
            .map(([name]) => name)"""
    )
    assert small == []
