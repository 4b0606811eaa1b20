"""Fixtures of the browser tests: one Chromium for the run, a fresh profile and notebook for each test."""

from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Dialog, Page, async_playwright, expect

from browser.notebook import Api, Notebook
from servers.stack import SharedKnote

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium."""
    async with async_playwright() as playwright:
        try:
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting, this is the way out
            pytest.fail(f"Chromium does not start (`apt-get install chromium`): {error}", pytrace=False)
        yield chromium
        await chromium.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser profile of its own; its pages share localStorage, as tabs do."""
    context = await browser.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB")
    context.set_default_timeout(15_000)
    yield context
    await context.close()


def watch(page: Page, url: str) -> Notebook:
    """A notebook that remembers what the browser complained about."""
    notebook = Notebook(page, url)
    page.on("pageerror", lambda error: notebook.problems.append(f"error: {error}"))
    page.on(
        "console",
        lambda message: (
            notebook.problems.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )

    async def answer(dialog: Dialog) -> None:
        if dialog.type != "beforeunload":
            notebook.problems.append(f"dialog: {dialog.message}")
        await dialog.accept()

    page.on("dialog", answer)
    return notebook


@pytest.fixture
async def page(context: BrowserContext) -> Page:
    """One tab."""
    return await context.new_page()


@pytest.fixture
async def notebook(page: Page, knote: SharedKnote) -> AsyncIterator[Notebook]:
    """The open page of an empty notebook. No test may leave an error or a CSP violation behind."""
    notebook = watch(page, knote.url)
    await notebook.open()
    yield notebook
    assert notebook.problems == []


@pytest.fixture
async def other_tab(context: BrowserContext, knote: SharedKnote) -> Notebook:
    """A second tab of the same profile; not opened yet."""
    return watch(await context.new_page(), knote.url)


@pytest.fixture
async def api(knote: SharedKnote) -> AsyncIterator[Api]:
    """The API, for what happens elsewhere."""
    async with httpx.AsyncClient(base_url=knote.url, trust_env=False, timeout=30) as client:
        yield Api(client)
