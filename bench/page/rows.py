"""The rows of the page: what Chromium says of it, beside what was set as the limit."""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Page, async_playwright, expect

from bench.measure import Result, compared
from bench.page.notebook import NOTES, Addresses
from browser.conftest import ARGUMENTS, CHROMIUM

ROUNDS = 3
AUDIT = Path(__file__).parent / "audit.mjs"
SCORES = {"performance": 95, "accessibility": 100, "best-practices": 95, "seo": 95}
FIRST_CONTENT_MS = 1_500
LONGEST_TASK_MS = 50
KEY_MEDIAN_MS, KEY_P99_MS = 16, 50
WHEEL = 1_600
TYPED = "typing goes on and on and is never held up by anything " * 6
PARAGRAPH = "Words *and* more **words** with a [link](https://example.com) and `code`.\n\n- one\n- two\n\n"

Row = Callable[[Addresses], Awaitable[list[Result]]]


async def web(addresses: Addresses) -> list[Result]:
    """What Lighthouse says of the page behind nginx."""
    return await _audited("page", addresses.web)


async def local(addresses: Addresses) -> list[Result]:
    """What Lighthouse says of the page in local mode."""
    return await _audited("page, local mode", addresses.local)


async def scroll(addresses: Addresses) -> list[Result]:
    """Down through all notes by wheel, up again, and across by leaps."""
    longest, elements = [], []
    for _ in range(ROUNDS):
        async with _opened(addresses.web) as page:
            await page.add_init_script(path=Path(__file__).parent / "watch.js")
            await page.reload()
            await expect(page.locator("article").first).to_be_visible()
            await page.evaluate("() => { window.tasks = []; }")
            await page.mouse.move(640, 600)
            counts = [await _wheel(page, WHEEL, "() => document.querySelector('.end') !== null")]
            counts.append(await _wheel(page, -WHEEL * 4, "() => scrollY === 0"))
            for share in (0.5, 0.2, 0.9, 0.1, 0.7, 1, 0):
                await page.evaluate("(share) => scrollTo(0, document.body.scrollHeight * share)", share)
                await page.wait_for_timeout(400)
            longest.append(max(await page.evaluate("() => window.tasks"), default=0.0))
            elements.append(float(max(counts)))
    title = f"page: {NOTES:,} notes with pictures"
    return [
        _at_most(f"{title}, longest task in ms", longest, LONGEST_TASK_MS),
        _at_most(f"{title}, most elements", elements, NOTES),
    ]


async def typing(addresses: Addresses) -> list[Result]:
    """Typing at the beginning of a note of 100 kB, its preview beside it."""
    medians, p99s = [], []
    for _ in range(ROUNDS):
        async with _opened(addresses.web) as page:
            text = page.get_by_label("New note, in Markdown")
            # Chromium itself takes a minute to insert so many lines by key: this is how a paste arrives.
            await text.evaluate(
                """(area, text) => {
                    area.value = text;
                    area.dispatchEvent(new Event("input", { bubbles: true }));
                }""",
                (PARAGRAPH * 1200)[:100_000],
            )
            await expect(page.get_by_role("region", name="Preview")).to_contain_text("Words and more words")
            await page.evaluate(WATCH_KEYS)
            await text.press("Control+Home")
            await text.press_sequentially(TYPED, delay=45, timeout=120_000)
            handled = sorted(await page.evaluate("() => window.handled"))
            if len(handled) != len(TYPED):
                raise RuntimeError(f"{len(TYPED)} keys were pressed, {len(handled)} were handled")
            medians.append(statistics.median(handled))
            p99s.append(handled[int(len(handled) * 0.99)])
    return [
        _at_most("page: ms of a key in 100 kB with preview, median", medians, KEY_MEDIAN_MS),
        _at_most("page: ms of a key in 100 kB with preview, p99", p99s, KEY_P99_MS),
    ]


ROWS: dict[str, Row] = {"web": web, "local": local, "scroll": scroll, "typing": typing}

# From the moment the key was pressed until the last handler has run, what it set off in the page included.
WATCH_KEYS = """() => {
    window.handled = [];
    const area = document.querySelector("textarea");
    let pressed = 0;
    area.addEventListener("keydown", ({ timeStamp }) => { pressed = timeStamp; }, true);
    area.addEventListener("input", () => {
        const since = pressed;
        setTimeout(() => window.handled.push(performance.now() - since));
    });
}"""


async def _audited(title: str, url: str) -> list[Result]:
    simulated = [await _lighthouse(url, "simulate") for _ in range(ROUNDS)]
    throttled = [await _lighthouse(url, "devtools") for _ in range(ROUNDS)]
    results = []
    for name, limit in SCORES.items():
        scores = [float(found["scores"][name]) for found in simulated]
        results.append(_beside(f"{title}: Lighthouse, phone, {name}", scores, limit, "higher"))
    for how, runs in (("simulated", simulated), ("in the browser", throttled)):
        first = [float(found["first_content_ms"]) for found in runs]
        results.append(_at_most(f"{title}: ms to first content, slow 4G {how}", first, FIRST_CONTENT_MS))
    return results


async def _lighthouse(url: str, throttling: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        "node", AUDIT, url, throttling, CHROMIUM, stdout=asyncio.subprocess.PIPE
    )
    output = (await process.communicate())[0]
    if process.returncode:
        raise RuntimeError(f"Lighthouse failed at {url}")
    found = json.loads(output)
    if failed := found["failed"]:
        print(f"    {throttling}: {'; '.join(failed)}")
    return dict(found)


async def _wheel(page: Page, by: int, is_there: str) -> int:
    """Turns the wheel until it is there. Returns the most elements that the page has had."""
    most = 0
    while not await page.evaluate(is_there):
        for _ in range(10):
            await page.mouse.wheel(0, by)
            await page.wait_for_timeout(40)
        most = max(most, await page.evaluate("() => document.getElementsByTagName('*').length"))
    return most


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Page]:
    """The page in a browser of its own."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await chromium.new_page(viewport={"width": 1280, "height": 860})
        await page.goto(url)
        await expect(page.locator("article").first).to_be_visible()
        yield page
        await chromium.close()


def _at_most(row: str, found: Sequence[float], limit: float) -> Result:
    return _beside(row, found, limit, "lower")


def _beside(row: str, found: Sequence[float], limit: float, better: Literal["higher", "lower"]) -> Result:
    return compared(row, found, [float(limit)] * len(found), target=1.0, better=better)
