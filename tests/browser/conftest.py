"""Fixtures of the browser tests: one Chromium for the run, a fresh profile and notebook for each test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Dialog,
    Page,
    async_playwright,
    expect,
)

from browser.notebook import Api, Notebook
from knote.local.mongod import MongoServer
from knote.local.ports import free_port
from servers.provider import SignOnProvider
from servers.stack import COOKIE, S3Servers, SharedKnote, ensure_running

# What the provider of single sign-on is called.
PROVIDER = "the village"
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


@pytest.fixture(params=["open", "accounts"])
def auth(request: pytest.FixtureRequest) -> str:
    """Every test runs with an open notebook and with accounts, unless it is about one of them."""
    return str(request.param)


async def sign_in(context: BrowserContext, knote: SharedKnote) -> None:
    """Makes the profile Ada's, where there are accounts."""
    if knote.auth == "accounts":
        await context.add_cookies(
            [
                {
                    "name": COOKIE,
                    "value": knote.secret,
                    "url": knote.url.replace("http:", "https:"),
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )


@pytest.fixture(scope="module")
async def knote_with_provider(
    mongo_of_run: MongoServer, s3_servers: S3Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SharedKnote]:
    """A Knote with accounts, and a provider that it signs people in at."""
    folder = tmp_path_factory.mktemp("sign-on")
    port = free_port()
    url = f"http://localhost:{port}"
    provider = SignOnProvider(folder / "provider", f"{url}/api/v1/sso/callback")
    await ensure_running(provider)
    more = {
        "KNOTE_SIGN_UP": "open",
        "KNOTE_PUBLIC_URL": url,
        "KNOTE_OIDC_NAME": PROVIDER,
        "KNOTE_OIDC_ISSUER": provider.issuer,
        "KNOTE_OIDC_CLIENT_ID": provider.client_id,
        "KNOTE_OIDC_CLIENT_SECRET": provider.client_secret,
    }
    s3 = await s3_servers.get("weed")
    knote = SharedKnote(folder / "knote", mongo_of_run, s3, port=port, auth="accounts", more=more)
    await knote.start()
    yield knote
    await knote.stop()
    await provider.kill()


@pytest.fixture
async def context(browser: Browser, knote: SharedKnote) -> AsyncIterator[BrowserContext]:
    """A browser profile of its own; its pages share localStorage, as tabs do. With accounts it is Ada's."""
    context = await browser.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB")
    context.set_default_timeout(15_000)
    await sign_in(context, knote)
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
    async with open_api(knote) as client:
        yield client


@asynccontextmanager
async def open_api(knote: SharedKnote) -> AsyncIterator[Api]:
    """The API as whoever the notebook belongs to."""
    async with httpx.AsyncClient(
        base_url=knote.url, headers=knote.headers, trust_env=False, timeout=30
    ) as client:
        yield Api(client)
