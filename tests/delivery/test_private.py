"""Pictures of accounts through web: whatever it keeps, each request is for the API to allow."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from api.acts import bearer
from api.expect import expect_problem
from api.samples import noise_png
from delivery.conftest import PICTURES, kept
from delivery.line import Line
from delivery.web import Web
from knote.accounts import add_user
from knote.settings import Settings
from wire.replica import Replica, ready_replica

PASSWORD = "correct horse battery"
each_delivery = pytest.mark.parametrize("delivery", ["stream", "accel"])


class Browsers(NamedTuple):
    """Three browsers in front of one web."""

    ada: httpx.AsyncClient
    bob: httpx.AsyncClient
    nobody: httpx.AsyncClient


class Place(NamedTuple):
    """What serves them."""

    browsers: Browsers
    replica: Replica
    web: Web


@pytest.fixture
def delivery() -> str:
    """Who sends the bytes."""
    return "accel"


@pytest.fixture(params=["", "600"], ids=["asks", "seen"])
async def place(
    request: pytest.FixtureRequest, settings: Settings, s3_line: Line, tmp_path: Path, delivery: str
) -> AsyncIterator[Place]:
    """Two accounts behind web, which runs as for an open notebook, too."""
    reached = settings.model_copy(update={"minio_host": f"http://{s3_line.address}"})
    more = {"KNOTE_AUTH": "accounts", "KNOTE_PICTURE_DELIVERY": delivery}
    async with ready_replica(reached, tmp_path, **more) as replica:
        web = Web(
            tmp_path,
            api=[f"127.0.0.1:{replica.port}"],
            s3=s3_line.address,
            OPEN_PICTURE_SECONDS=request.param,
        )
        web.start()
        try:
            async with web.open() as ada, web.open() as bob, web.open() as nobody:
                for name, browser in (("ada", ada), ("bob", bob)):
                    await add_user(settings, name, PASSWORD, is_admin=False)
                    await sign_in(browser, name)
                yield Place(Browsers(ada, bob, nobody), replica, web)
        finally:
            web.stop()


async def sign_in(browser: httpx.AsyncClient, name: str) -> None:
    answer = await browser.post("/api/v1/session", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    # The cookie is for TLS alone, which something in front of web ends.
    browser.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
    browser.headers["Sec-Fetch-Site"] = "same-origin"


async def shared(ada: httpx.AsyncClient, content: str) -> tuple[str, str]:
    """A note that is shared: where the API has it, and its secret."""
    note = (await ada.post("/api/v1/notes", json={"content": content})).json()
    made = await ada.post(f"/api/v1/notes/{note['id']}/shares", json={"expires_in_days": None})
    page, _, secret = made.json()["url"].partition("#")
    return f"/api/v1{page}", secret


def told(answer: httpx.Response) -> dict[str, Any]:
    return {**answer.json(), "request_id": ""}


@each_delivery
async def test_a_picture_that_web_has_kept_is_shown_to_its_owner_alone(place: Place, s3_line: Line) -> None:
    ada, bob, nobody = place.browsers
    found = await kept(ada, noise_png(300))
    for query in ("", "?width=100"):
        url = found["url"] + query
        for _ in range(3):
            seen = await ada.get(url)
            assert seen.status_code == 200
            assert seen.headers.get_list("cache-control") == ["private, max-age=31536000, immutable"]
            assert seen.headers.get_list("vary") == ["Cookie, Authorization"]
        for headers in ({}, {"Range": "bytes=0-9"}, {"If-None-Match": seen.headers["etag"]}):
            for method in ("GET", "HEAD"):
                refused = await bob.request(method, url, headers=headers)
                assert refused.status_code == 404
                assert (await nobody.request(method, url, headers=headers)).status_code == 401
        never = await bob.get(f"{PICTURES}/{'0' * 64}{query}")
        assert told(await bob.get(url)) == told(never)
        assert (await ada.get(url)).content == seen.content
    assert (await ada.delete("/api/v1/session")).status_code == 204
    expect_problem(await ada.get(found["url"]), 401, "sign-in-required")


async def test_web_reads_the_store_once_and_asks_the_api_each_time(place: Place, s3_line: Line) -> None:
    ada = place.browsers.ada
    found = await kept(ada, noise_png(300))
    api, secret = await shared(ada, found["markdown"])
    (shown,) = (await place.browsers.nobody.get(api, headers=bearer(secret))).json()["pictures"]
    s3_line.heads.clear()
    answers = [await ada.get(found["url"]) for _ in range(5)]
    answers += [await place.browsers.nobody.get(shown["url"]) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert s3_line.requests("GET", found["id"]) == 1


@each_delivery
async def test_a_shared_picture_arrives_through_web_until_its_link_is_revoked(place: Place) -> None:
    ada, bob, nobody = place.browsers
    found = await kept(ada, noise_png(300))
    api, secret = await shared(ada, found["markdown"])
    opened = await nobody.get(api, headers=bearer(secret))
    assert opened.headers.get_list("cache-control") == ["private, no-store"]
    assert opened.headers.get_list("x-robots-tag") == ["noindex"]
    (shown,) = opened.json()["pictures"]
    own = await ada.get(found["url"])
    for browser in (nobody, bob, nobody):
        seen = await browser.get(shown["url"])
        assert (seen.status_code, seen.content) == (200, own.content)
        assert seen.headers.get_list("cache-control") == ["private, no-cache"]
        assert seen.headers.get_list("x-robots-tag") == ["noindex"]
        assert seen.headers["etag"] == own.headers["etag"]
        part = await browser.get(shown["url"], headers={"Range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, own.content[5:10])
        small = await browser.get(f"{shown['url']}&width=100")
        assert small.content == (await ada.get(f"{found['url']}?width=100")).content
        head = await browser.head(shown["url"])
        assert (head.status_code, head.headers["content-length"]) == (200, str(found["size_bytes"]))
        same = await browser.get(shown["url"], headers={"If-None-Match": own.headers["etag"]})
        assert same.status_code == 304
        assert (await browser.get(found["url"])).status_code in {401, 404}
    share_id = api.rpartition("/")[2]
    (note,) = (await ada.get("/api/v1/notes")).json()["items"]
    assert (await ada.delete(f"/api/v1/notes/{note['id']}/shares/{share_id}")).status_code == 204
    for headers in ({}, {"Range": "bytes=5-9"}, {"If-None-Match": own.headers["etag"]}):
        for query in ("", "&width=100"):
            refused = await nobody.get(shown["url"] + query, headers=headers)
            expect_problem(refused, 404, "not-found")
    expect_problem(await nobody.get(api, headers=bearer(secret)), 404, "not-found")


async def test_a_write_of_an_older_browser_is_known_by_the_port_too(place: Place) -> None:
    """One that says where its page is from, and not whose page it is."""
    ada = place.browsers.ada
    del ada.headers["Sec-Fetch-Site"]
    for origin, status in ((place.web.url, 201), ("http://127.0.0.1:1", 403), ("http://127.0.0.1", 403)):
        answer = await ada.post("/api/v1/notes", json={"content": "ours"}, headers={"Origin": origin})
        assert answer.status_code == status, origin


async def test_no_secret_and_no_signature_of_a_link_reaches_a_log(place: Place) -> None:
    ada, _, nobody = place.browsers
    found = await kept(ada, noise_png(60))
    api, secret = await shared(ada, found["markdown"])
    (shown,) = (await nobody.get(api, headers=bearer(secret))).json()["pictures"]
    signature = httpx.URL(shown["url"]).params["signature"]
    assert (await nobody.get(shown["url"])).status_code == 200
    await nobody.get(shown["url"], params={"expires": 1, "signature": signature})
    await asyncio.sleep(0.1)
    for log in (place.web.output, place.replica.output):
        assert api in log
        for word in (secret, signature, PASSWORD, ada.headers["cookie"].partition("=")[2]):
            assert word not in log
