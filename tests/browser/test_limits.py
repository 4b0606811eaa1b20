"""What a person at a limit sees: the figure, when to try again, and all that they have written."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from playwright.async_api import BrowserContext, expect

from api.samples import noise_png, picture
from browser.conftest import sign_in, watch
from browser.notebook import Api, Notebook, image_file
from knote.local.mongod import MongoServer
from servers.stack import S3Servers, SharedKnote

Start = Callable[..., AbstractAsyncContextManager[SharedKnote]]
TEXT = "Half of a thought, which took long to find"

# An open notebook has no limits of this kind.
pytestmark = pytest.mark.parametrize("auth", ["accounts"], indirect=True)


@pytest.fixture
def start(
    mongo_of_run: MongoServer, s3_servers: S3Servers, tmp_path_factory: pytest.TempPathFactory
) -> Start:
    """Starts a Knote with a limit."""

    @asynccontextmanager
    async def start_(**limits: str) -> AsyncIterator[SharedKnote]:
        folder = tmp_path_factory.mktemp("limits")
        s3 = await s3_servers.get("weed")
        knote = SharedKnote(folder / "knote", mongo_of_run, s3, auth="accounts", more=limits)
        await knote.start()
        try:
            await knote.clear()
            yield knote
        finally:
            await knote.stop()

    return start_


@asynccontextmanager
async def opened(context: BrowserContext, knote: SharedKnote) -> AsyncIterator[Notebook]:
    """Ada's notebook, open."""
    await sign_in(context, knote)
    notebook = watch(await context.new_page(), knote.url)
    await notebook.open()
    yield notebook
    assert notebook.problems == []


async def early_in(period_seconds: int) -> None:
    """Periods begin with the clock's minute and hour: what is counted here is in one of them."""
    left = period_seconds - time.time() % period_seconds
    if left < 30:
        await asyncio.sleep(left + 1)


async def test_who_asks_too_often_is_told_when_to_try_again_and_loses_no_word(
    context: BrowserContext, start: Start
) -> None:
    async with start(KNOTE_REQUESTS_PER_MINUTE="50") as knote, opened(context, knote) as notebook:
        await notebook.text.fill(TEXT)
        await early_in(60)
        async with httpx.AsyncClient(base_url=knote.url, headers=knote.headers, trust_env=False) as client:
            statuses = [(await client.get("/api/v1/notes")).status_code for _ in range(52)]
        assert statuses[-1] == 429
        await notebook.button("Publish").click()
        refusal = notebook.page.get_by_text("You have made 50 requests in this minute; 50 are allowed.")
        await expect(refusal).to_contain_text("Try again in")
        await expect(notebook.text).to_have_value(TEXT)
        await notebook.page.reload()
        await expect(notebook.text).to_have_value(TEXT)


async def test_who_sends_too_many_pictures_is_told_so_and_publishes_without(
    context: BrowserContext, start: Start
) -> None:
    async with start(KNOTE_UPLOADS_PER_HOUR="2") as knote, opened(context, knote) as notebook:
        await early_in(3600)
        await notebook.text.fill(f"{TEXT}\n\n")
        for seed in range(3):
            await notebook.choose(image_file(f"{seed}.png", picture(seed=seed)))
            await expect(notebook.uploads.nth(seed)).to_be_visible()
        refused = notebook.uploads.filter(has_text="You have sent 2 pictures in this hour; 2 are allowed.")
        await expect(refused).to_have_count(1)
        await expect(refused).to_contain_text("Try again in")
        await refused.get_by_role("button", name="Cancel").click()
        await notebook.button("Publish").click()
        await expect(notebook.text).to_have_value("")
        article = notebook.page.locator("article").first
        await expect(article).to_contain_text(TEXT)
        await expect(article.locator("img")).to_have_count(2)


async def test_who_has_no_room_left_is_told_the_figures_and_goes_on_writing(
    context: BrowserContext, start: Start
) -> None:
    async with start(KNOTE_MAX_STORED_BYTES="100000") as knote, opened(context, knote) as notebook:
        async with httpx.AsyncClient(base_url=knote.url, headers=knote.headers, trust_env=False) as client:
            await Api(client).upload(noise_png(176))
        await notebook.text.fill(TEXT)
        await notebook.choose(image_file("large.png", noise_png(100, seed=2)))
        card = notebook.uploads.filter(has_text="large.png")
        await expect(card).to_contain_text("of the 100,000 that you may store")
        await expect(card).to_contain_text("room comes back")
        await card.get_by_role("button", name="Cancel").click()
        await notebook.button("Publish").click()
        await expect(notebook.page.locator("article").first).to_contain_text(TEXT)
        await notebook.page.goto(f"{knote.url}/account")
        await expect(notebook.page.get_by_text("of 97.7 KiB used by pictures")).to_be_visible()
        await expect(notebook.page.get_by_text("There is little room left")).to_be_visible()
