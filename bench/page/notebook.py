"""The notebook that the page is measured with, as production serves it and as local mode does."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import httpx

from bench.prose import Prose
from bench.stage import Stage
from browser.drawing import jpeg
from knote.local.mongod import MongoServer
from servers.minio import MinioServer
from servers.process import CHECKOUT, KnoteProcess

NOTES = 2_000
_PICTURES = 40
_WIDTHS = (320, 640, 960)


class Addresses(NamedTuple):
    """Where the same notebook is."""

    web: str
    local: str


@asynccontextmanager
async def open_notebook() -> AsyncIterator[Addresses]:
    """2,000 notes of 60 words, each with a picture, behind nginx and in local mode."""
    folder = Path(mkdtemp(prefix="knote-page-"))
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        mongo = MongoServer(folder)
        await mongo.start()
        stack.push_async_callback(mongo.stop)
        minio = MinioServer(folder)
        await minio.start()
        stack.push_async_callback(minio.stop)
        stage = Stage(mongo, minio, folder)
        replica = stage.knote("knote")
        stack.callback(replica.stop)
        await replica.start("/readyz")
        web = await stack.enter_async_context(stage.web(replica, WEB_ROOT=str(CHECKOUT / "frontend/dist")))
        local = KnoteProcess(folder / "local", environment=stage.stores("knote"))
        await local.start()
        stack.push_async_callback(local.stop)
        await _fill(web.url)
        for url in (web.url, local.url):
            await _warm(url)
        yield Addresses(web.url, local.url)


async def _fill(url: str) -> None:
    """Publishes the notes."""
    prose = Prose(seed=4)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        pictures = []
        for seed in range(_PICTURES):
            data = await asyncio.to_thread(jpeg, seed, 1200, 700 + seed * 10)
            answer = await client.post("/api/v1/pictures", files={"file": ("picture.jpg", data)})
            answer.raise_for_status()
            pictures.append(answer.json()["url"])
        for number in range(NOTES):
            picture = f"![Picture {number}]({pictures[number % _PICTURES]})"
            content = f"{prose.note(60)}\n\n- one\n- *two*\n- three\n\n{picture}"
            (await client.post("/api/v1/notes", json={"content": content})).raise_for_status()


async def _warm(url: str) -> None:
    """Has the smaller copies of the pictures made, which happens once in a picture's life."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        items = (await client.get("/api/v1/notes", params={"limit": _PICTURES})).json()["items"]
        for note in items:
            for width in _WIDTHS:
                (await client.get(note["pictures"][0]["url"], params={"width": width})).raise_for_status()
