"""The list: search, more while scrolling, and what happens elsewhere."""

import asyncio
import re

from playwright.async_api import Route, expect

from browser.drawing import jpeg
from browser.notebook import Api, Notebook

WATCH_SHIFTS = """() => {
    window.shifts = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shifts += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
}"""


async def test_search_finds_while_typing_and_the_back_button_leaves_it(notebook: Notebook, api: Api) -> None:
    for text in ("Apples and pears", "这是一个测试文档", "Über den Wolken", "Apple pie"):
        await api.publish(text)
    await notebook.page.reload()
    box = notebook.page.get_by_role("searchbox", name="Search notes")
    await box.press_sequentially("appl", delay=30)
    await expect(notebook.notes).to_have_count(2)
    await expect(notebook.page).to_have_url(re.compile(r"\?q=appl$"))
    await box.fill("uber")
    await expect(notebook.notes).to_have_count(1)
    await expect(notebook.notes).to_contain_text("Über")
    await box.fill("测试")
    await expect(notebook.notes).to_contain_text("测试")
    await notebook.page.go_back()
    await expect(notebook.notes).to_have_count(4)
    await expect(box).to_have_value("")
    await notebook.page.go_forward()
    await expect(notebook.notes).to_have_count(1)
    await expect(box).to_have_value("测试")


async def test_a_search_without_results_says_so_and_leads_back(notebook: Notebook) -> None:
    await notebook.publish("Something")
    await notebook.open("/?q=nothing%20like%20it")
    await expect(notebook.page.get_by_text("Nothing matches “nothing like it”")).to_be_visible()
    await notebook.page.get_by_role("link", name="Show all notes").click()
    await expect(notebook.notes).to_have_count(1)


async def test_an_earlier_search_never_overtakes_a_later_one(notebook: Notebook, api: Api) -> None:
    await api.publish("alpha")
    await api.publish("alphabet")
    await notebook.page.reload()

    async def delay(route):  # type: ignore[no-untyped-def]
        await notebook.page.wait_for_timeout(1_500)
        await route.continue_()

    await notebook.page.route(re.compile(r"q=alpha(&|$)"), delay)
    box = notebook.page.get_by_role("searchbox", name="Search notes")
    await box.fill("alpha")
    await notebook.page.wait_for_timeout(300)
    await box.fill("alphabet")
    await expect(notebook.notes).to_have_count(1)
    await notebook.page.wait_for_timeout(2_000)
    await expect(notebook.notes).to_have_count(1)


async def test_a_note_published_during_a_search_is_shown(notebook: Notebook) -> None:
    await notebook.publish("Something old")
    await notebook.open("/?q=old")
    await notebook.publish("Something new")
    await expect(notebook.note("Something new")).to_be_visible()
    await expect(notebook.page).to_have_url(re.compile(r"/$"))


async def test_more_notes_come_while_scrolling_and_nothing_jumps(notebook: Notebook, api: Api) -> None:
    urls = [(await api.upload(jpeg(seed, 1200, 700 + seed * 60)))["url"] for seed in range(6)]
    for number in range(70):
        await api.publish(f"# Note {number}\n\nSome words.\n\n![a picture]({urls[number % 6]})")
    await notebook.page.reload()
    await expect(notebook.notes.first).to_be_visible()
    await notebook.page.evaluate(WATCH_SHIFTS)
    await notebook.page.mouse.move(640, 600)
    seen: dict[str, None] = {}
    for _ in range(200):
        seen |= dict.fromkeys(await notebook.page.locator("article h1").all_text_contents())
        await notebook.page.mouse.wheel(0, 500)
        await notebook.page.wait_for_timeout(25)
        if "Note 0" in seen:
            break
    assert list(seen) == [f"Note {number}" for number in range(69, -1, -1)]
    assert await notebook.page.evaluate("window.shifts") < 0.01


IS_AT_END = """() => {
    const isInWindow = (element) => {
        const { top, bottom } = element.getBoundingClientRect();
        return bottom > 0 && top < innerHeight;
    };
    const last = [...document.querySelectorAll(".notes article")].at(-1);
    const end = document.querySelector(".end");
    return last && end && isInWindow(last) && isInWindow(end);
}"""


async def to_the_end(notebook: Notebook) -> None:
    """Scrolls on until there is nothing more, and nothing that is built now moves the end out of sight."""
    looks = 0
    while looks < 5:
        await notebook.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
        await notebook.page.wait_for_timeout(30)
        looks = looks + 1 if await notebook.page.evaluate(IS_AT_END) else 0
    await expect(notebook.page.get_by_text("That is everything")).to_be_in_viewport()


ELEMENTS = "() => document.getElementsByTagName('*').length"


async def test_a_long_list_stays_light_and_all_of_it_can_be_found(notebook: Notebook, api: Api) -> None:
    text = "# Note {number}\n\nAbout the *{number}th* thing.\n\n- and\n- so\n- on"
    await api.publish_many(300, text)
    page = notebook.page
    await page.reload()
    await expect(notebook.notes.first).to_be_visible()
    await page.wait_for_timeout(500)
    few = await page.evaluate(ELEMENTS)
    await to_the_end(notebook)
    await expect(notebook.notes.last).to_contain_text("the 1th thing")
    await page.wait_for_timeout(300)
    # What is near the window on both sides, and for the rest one element for five notes.
    assert await page.evaluate(ELEMENTS) < 2 * few + 300 / 5
    await expect(notebook.note("the 300th thing")).to_have_count(0)
    # While somebody searches in the browser, the focus is not in the page.
    await page.evaluate("() => { document.hasFocus = () => false; }")
    assert await page.evaluate("() => find('About the 277th thing')")
    await expect(notebook.note("the 277th thing")).to_be_in_viewport()
    await page.evaluate("() => scrollTo(0, 0)")
    await expect(notebook.note("the 300th thing")).to_be_in_viewport()
    assert await page.evaluate(ELEMENTS) < 2 * few + 300 / 5
    listed = page.get_by_role("list").filter(has=page.locator("article"))
    await expect(listed.get_by_role("listitem").first).to_contain_text("the 300th thing")


async def test_what_somebody_has_open_stays_open_out_of_sight(notebook: Notebook, api: Api) -> None:
    await api.publish_many(100, "# Note {number}")
    await api.publish("a long line\n\n" * 60 + "the end of it")
    await notebook.page.reload()
    await notebook.button("Show more").click()
    await to_the_end(notebook)
    await expect(notebook.note("Note 90")).to_have_count(0)
    await expect(notebook.note("the end of it")).to_have_count(1)
    await notebook.page.evaluate("() => scrollTo(0, 0)")
    await expect(notebook.note("the end of it")).to_be_in_viewport()
    await expect(notebook.button("Show less")).to_be_visible()


async def test_all_notes_go_to_paper(notebook: Notebook, api: Api) -> None:
    await api.publish_many(100, "# Note {number}")
    await notebook.page.reload()
    await to_the_end(notebook)
    await expect(notebook.note("Note 100")).to_have_count(0)
    await notebook.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    await expect(notebook.notes).to_have_count(100)
    await notebook.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    await expect(notebook.note("Note 100")).to_have_count(0)


async def test_who_reaches_the_end_before_more_notes_do_sees_them_take_its_place(
    notebook: Notebook, api: Api
) -> None:
    await api.publish_many(45)
    page, may_arrive = notebook.page, asyncio.Event()

    async def delay(route: Route) -> None:
        await may_arrive.wait()
        await route.continue_()

    await page.route(re.compile("cursor="), delay)
    await page.reload()
    await expect(notebook.notes).to_have_count(20)
    await page.evaluate(WATCH_SHIFTS)
    await page.mouse.move(640, 600)
    while not await page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 1"):
        await page.mouse.wheel(0, 200)
        await page.wait_for_timeout(25)
    await expect(page.locator(".skeleton").last).to_be_in_viewport()
    await expect(notebook.button("Load more")).to_have_count(0)
    may_arrive.set()
    await expect(notebook.notes).to_have_count(40)
    await expect(notebook.notes.nth(20)).to_be_in_viewport()
    assert await page.evaluate("window.shifts") < 0.01


async def test_more_notes_can_be_loaded_with_a_button(notebook: Notebook, api: Api) -> None:
    await api.publish_many(25)
    await notebook.page.add_init_script(
        "window.IntersectionObserver = class extends IntersectionObserver {"
        "    observe(element) { if (!element.matches('.more')) super.observe(element); }"
        "}"
    )
    await notebook.page.reload()
    await expect(notebook.notes).to_have_count(20)
    await notebook.button("Load more").focus()
    await notebook.page.keyboard.press("Enter")
    await expect(notebook.notes).to_have_count(25)
    await expect(notebook.notes.nth(20).get_by_role("link")).to_be_focused()


COME_BACK = "() => document.dispatchEvent(new Event('visibilitychange'))"


async def test_notes_from_elsewhere_wait_for_a_click(notebook: Notebook, api: Api) -> None:
    await notebook.publish("Written here")
    await api.publish("Written elsewhere")
    await notebook.page.evaluate(COME_BACK)
    pill = notebook.button("One new note")
    await expect(pill).to_be_visible()
    await expect(notebook.notes).to_have_count(1)
    await pill.click()
    await expect(notebook.notes.first).to_contain_text("Written elsewhere")
    await expect(pill).to_have_count(0)


async def test_changes_and_removals_from_elsewhere_arrive(notebook: Notebook, api: Api) -> None:
    await notebook.publish("Stays")
    await notebook.publish("Changes")
    await notebook.publish("Leaves")
    leaves, changes, _ = await api.all()
    await api.delete(leaves)
    await api.change(changes, "Changed elsewhere")
    await notebook.page.evaluate(COME_BACK)
    await expect(notebook.notes).to_have_count(2)
    await expect(notebook.note("Changed elsewhere")).to_be_visible()


async def test_many_notes_from_elsewhere_are_all_there(notebook: Notebook, api: Api) -> None:
    await notebook.publish("The old one")
    await api.publish_many(45)
    await notebook.page.evaluate(COME_BACK)
    await notebook.button("45 new notes").click()
    await to_the_end(notebook)
    await expect(notebook.notes.last).to_contain_text("The old one")
    words = await notebook.page.locator(".notes").text_content() or ""
    assert all(f"Note number {number}" in words for number in range(1, 46))
