"""Pictures through web: whoever sends the bytes, what arrives is the same."""

import asyncio
from pathlib import Path

import httpx
import pytest

from api.conftest import PASSWORD
from api.expect import expect_problem
from api.samples import noise_png, picture
from delivery.conftest import PICTURES, kept
from delivery.line import Line
from delivery.web import Web
from knote.accounts import add_user
from knote.local.s3server import ObjectServer
from knote.s3 import open_bucket
from knote.settings import Settings
from servers.ending import ending_store
from wire.replica import Replica, ready_replica, until

SAFE = {
    "cache-control": "public, max-age=31536000, immutable",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
}
TRACES = ("x-amz", "x-minio", "x-accel", "last-modified", "x-ratelimit", "vary", "set-cookie")
each_delivery = pytest.mark.parametrize("replica", ["stream", "accel"], indirect=True)


def expect_safe(answer: httpx.Response) -> None:
    """The headers of a picture, each once, and no trace of the store."""
    for name, value in SAFE.items():
        assert answer.headers.get_list(name) == [value], (name, answer.headers)
    assert len(answer.headers.get_list("etag")) == 1
    assert len(answer.headers.get_list("x-request-id")) == 1
    if answer.status_code == 200:
        assert answer.headers.get_list("accept-ranges") == ["bytes"]
    assert not [name for name in answer.headers if name.startswith(TRACES)], answer.headers


@each_delivery
async def test_pictures_arrive_through_web_as_they_are(
    every_s3: ObjectServer, browser: httpx.AsyncClient, replica: Replica
) -> None:
    for format_ in ("PNG", "JPEG", "GIF", "WEBP", "AVIF"):
        found = await kept(browser, picture(format_, (700, 500)))
        for query in ("", "?width=320"):
            async with replica.open() as api:
                etag = (await api.head(found["url"] + query)).headers["etag"]
            cold, warm = [await browser.get(found["url"] + query) for _ in range(2)]
            assert (cold.status_code, warm.status_code) == (200, 200)
            assert cold.content == warm.content
            for answer in (cold, warm):
                expect_safe(answer)
                assert answer.headers["etag"] == etag
                assert int(answer.headers["content-length"]) == len(answer.content)
            if not query:
                assert len(cold.content) == found["size_bytes"]
                assert cold.headers["content-type"] == found["content_type"]


@each_delivery
async def test_head_ranges_and_conditions_are_answered_as_the_api_answers_them(
    every_s3: ObjectServer, browser: httpx.AsyncClient
) -> None:
    found = await kept(browser, noise_png(300))
    url, size = found["url"], found["size_bytes"]

    head = await browser.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(size)
    assert head.headers["content-type"] == "image/png"
    expect_safe(head)
    whole = await browser.get(url)
    etag = whole.headers["etag"]
    assert head.headers["etag"] == etag

    for asked, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=100-299", 100, 299),
        ("bytes=-500", size - 500, size - 1),
        (f"bytes={size - 7}-", size - 7, size - 1),
    ):
        for condition in ({}, {"If-Range": etag}):
            part = await browser.get(url, headers={"Range": asked, **condition})
            assert part.status_code == 206, (asked, condition)
            assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
            assert part.content == whole.content[first : last + 1]
            assert part.headers["content-length"] == str(len(part.content))
            assert part.headers["etag"] == etag
            expect_safe(part)

    for ignored in (
        {"Range": "bytes=9-3"},
        {"Range": "bytes=0-1,5-9"},
        {"Range": "pages=1-2"},
        {"Range": "bytes=0-9", "If-Range": '"another"'},
        {"If-Match": '"another"'},
        {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
        {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        {"If-None-Match": '"another"'},
    ):
        answer = await browser.get(url, headers=ignored)
        assert (answer.status_code, len(answer.content)) == (200, size), ignored
        expect_safe(answer)

    for match in (etag, f"W/{etag}", f'"another", {etag}', "*"):
        for method in ("GET", "HEAD"):
            same = await browser.request(method, url, headers={"If-None-Match": match})
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["etag"] == etag
            assert same.headers["cache-control"] == SAFE["cache-control"]

    outside = await browser.get(url, headers={"Range": f"bytes={size}-"})
    expect_problem(outside, 416, "range-not-satisfiable")
    assert outside.headers["content-range"] == f"bytes */{size}"


async def test_a_first_range_and_a_first_head_are_right_too(
    every_s3: ObjectServer, browser: httpx.AsyncClient
) -> None:
    data = [noise_png(200, seed=seed) for seed in (1, 2)]
    one, two = [await kept(browser, each) for each in data]
    part = await browser.get(one["url"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, len(part.content)) == (206, 10)
    assert part.headers["content-range"] == f"bytes 10-19/{one['size_bytes']}"
    assert (await browser.get(one["url"])).content[10:20] == part.content
    head = await browser.head(two["url"])
    assert (head.status_code, head.headers["content-length"]) == (200, str(two["size_bytes"]))


async def test_many_requests_read_the_store_once_and_ask_the_api_each_time(
    every_s3: ObjectServer, browser: httpx.AsyncClient, replica: Replica, s3_line: Line
) -> None:
    found = await kept(browser, noise_png(300))
    s3_line.heads.clear()
    answers = await asyncio.gather(*(browser.get(found["url"]) for _ in range(20)))
    answers += [await browser.get(found["url"]) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert s3_line.requests("GET", found["id"]) == 1

    async def has_logged_each() -> bool:
        return [line.get("path") for line in replica.log].count(found["url"]) == 40

    await until(has_logged_each, what="the API was asked each time")
    assert len({answer.headers["x-request-id"] for answer in answers}) == 40


async def test_a_picture_that_the_api_no_longer_has_is_gone_from_web_too(
    browser: httpx.AsyncClient, settings: Settings, mongo_admin: object
) -> None:
    found = await kept(browser, picture())
    assert (await browser.get(found["url"])).status_code == 200
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    await mongo_admin[name]["pictures"].delete_many({})  # type: ignore[index]
    expect_problem(await browser.get(found["url"]), 404, "not-found")


@each_delivery
async def test_a_store_that_is_down_and_a_missing_object_are_503_and_never_404(
    every_s3: ObjectServer, settings: Settings, browser: httpx.AsyncClient, s3_line: Line
) -> None:
    found = await kept(browser, picture(seed=5))
    await every_s3.clear_bucket(settings.minio_bucket)
    for answer in (await browser.get(found["url"]), await browser.get(found["url"])):
        problem = expect_problem(answer, 503, "pictures-unavailable")
        assert answer.headers["retry-after"] == "2"
        assert problem["title"] == "Temporarily unavailable"
    assert (await browser.head(found["url"])).status_code == 503

    found = await kept(browser, picture(seed=6))
    await s3_line.cut()
    expect_problem(await browser.get(found["url"]), 503, "pictures-unavailable")
    assert (await browser.get("/api/v1/notes")).status_code == 200
    await s3_line.open()
    assert (await browser.get(found["url"])).status_code == 200


async def test_what_web_has_in_its_cache_is_shown_while_the_store_is_down(
    browser: httpx.AsyncClient, s3_line: Line
) -> None:
    found = await kept(browser, picture())
    before = await browser.get(found["url"])
    await s3_line.cut()
    after = await browser.get(found["url"])
    assert (after.status_code, after.content) == (200, before.content)


async def test_no_header_of_a_client_reaches_the_store(
    every_s3: ObjectServer, browser: httpx.AsyncClient, s3_line: Line
) -> None:
    found = await kept(browser, picture())
    s3_line.heads.clear()
    hostile = {
        "X-Amz-Copy-Source": "/knote/secret",
        "X-Amz-Tagging": "a=b",
        "X-Minio-Replication-Actual-Object-Size": "1",
        "Authorization": "Bearer secret",
        "Cookie": "session=secret",
        "X-Accel-Redirect": "/_s3/other",
        "Connection": "close, X-Amz-Tagging",
    }
    answer = await browser.get(found["url"], headers=hostile)
    assert (answer.status_code, len(answer.content)) == (200, found["size_bytes"])
    head = next(head for head in s3_line.heads if head.startswith("GET ") and found["id"] in head)
    names = {line.partition(":")[0].lower() for line in head.splitlines()[1:] if line}
    assert names == {"host"}, head


async def test_the_way_to_the_store_is_closed_from_outside(
    web: Web, browser: httpx.AsyncClient, replica: Replica, s3_line: Line
) -> None:
    found = await kept(browser, picture())
    async with replica.open() as api:
        told = (await api.get(found["url"])).headers["x-accel-redirect"]
    s3_line.heads.clear()
    for target in (told, "/_s3", "/_s3/", "/_s3/x", "/%5Fs3/x", "//_s3/x", "/api/../_s3/x"):
        for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
            assert web.status_of(target, method) == 404, (method, target)
    assert s3_line.heads == []
    assert "x-accel-redirect" not in (await browser.get(found["url"])).headers


async def test_a_signed_url_is_used_again_and_ends(replica: Replica, browser: httpx.AsyncClient) -> None:
    found = await kept(browser, picture())
    async with replica.open() as api:
        first, second = [(await api.get(found["url"])).headers["x-accel-redirect"] for _ in range(2)]
    assert first == second
    assert "X-Amz-Expires=900" in first


@pytest.mark.parametrize("replica", ["redirect"], indirect=True)
async def test_a_redirect_leads_to_the_bytes_in_the_store(
    every_s3: ObjectServer, settings: Settings, browser: httpx.AsyncClient, s3_line: Line
) -> None:
    found = await kept(browser, noise_png(300))
    url, size = found["url"], found["size_bytes"]
    sent = await browser.get(url)
    assert (sent.status_code, sent.content) == (302, b"")
    assert sent.headers["location"].startswith(f"http://{s3_line.address}/{settings.minio_bucket}/pictures/")
    assert sent.headers.get_list("cache-control") == ["no-store"]
    shown = await browser.get(url, follow_redirects=True)
    assert (shown.status_code, len(shown.content)) == (200, size)
    assert shown.headers["content-type"] == "image/png"
    part = await browser.get(url, headers={"Range": "bytes=5-9"}, follow_redirects=True)
    assert (part.status_code, part.content) == (206, shown.content[5:10])
    small = await browser.get(f"{url}?width=100", follow_redirects=True)
    assert small.status_code == 200
    head = await browser.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, str(size))
    same = await browser.get(url, headers={"If-None-Match": head.headers["etag"]})
    assert same.status_code == 304
    expect_problem(await browser.get(url, headers={"Range": f"bytes={size}-"}), 416, "range-not-satisfiable")
    await every_s3.clear_bucket(settings.minio_bucket)
    expect_problem(await browser.get(url), 503, "pictures-unavailable")
    await s3_line.cut()
    expect_problem(await browser.get(url), 503, "pictures-unavailable")


async def test_signatures_and_searches_stay_out_of_the_access_log(
    web: Web, browser: httpx.AsyncClient
) -> None:
    found = await kept(browser, picture())
    await browser.get(found["url"], params={"width": 320, "q": "a private word"})
    await browser.get("/api/v1/notes", params={"q": "private"})
    assert found["url"] in web.output
    for secret in ("X-Amz", "private", "Signature"):
        assert secret not in web.output


async def test_a_store_that_is_about_to_end_says_when_to_come_back(replica: Replica, tmp_path: Path) -> None:
    """With 499, for which nginx takes no page of its own."""
    async with replica.open() as client:
        found = await kept(client, picture(seed=9))
    async with ending_store() as address:
        web = Web(tmp_path, api=[f"127.0.0.1:{replica.port}"], s3=address)
        web.start()
        try:
            async with web.open() as browser:
                answer = await browser.get(found["url"])
        finally:
            web.stop()
    assert (answer.status_code, answer.headers["retry-after"]) == (499, "2")
    assert "cache-control" not in answer.headers


async def test_no_signed_address_is_told_where_the_store_fails(
    web: Web, browser: httpx.AsyncClient, s3_line: Line
) -> None:
    found = await kept(browser, picture(seed=8))
    await s3_line.cut()
    expect_problem(await browser.get(found["url"]), 503, "pictures-unavailable")

    async def is_told() -> bool:
        return f'"path":"{found["url"]}","status":"503"' in web.output

    await until(is_told, what="the failure is in the access log")
    assert '"upstream_status":"200 : 502' in web.output
    for word in ("X-Amz", "Signature", "Credential"):
        assert word not in web.output


async def test_no_more_signed_urls_are_kept_than_are_of_use(settings: Settings) -> None:
    async with open_bucket(settings) as bucket:
        for number in range(4200):
            await bucket.sign(f"pictures/{number}")
        assert len(bucket._signed) == 4096
        assert "pictures/0" not in {key for _, key in bucket._signed}


async def test_web_may_show_what_it_has_seen_without_asking_again_for_a_time(
    replica: Replica, s3_line: Line, tmp_path: Path, mongo_admin: object, settings: Settings
) -> None:
    web = Web(tmp_path, api=[f"127.0.0.1:{replica.port}"], s3=s3_line.address, OPEN_PICTURE_SECONDS="2")
    web.start()
    try:
        async with web.open() as browser:
            found = await kept(browser, noise_png(300))
            url = found["url"]
            answers = await asyncio.gather(*(browser.get(url) for _ in range(20)))
            answers += [await browser.get(url, params={"else": "?"}) for _ in range(20)]
            for answer in answers:
                assert (answer.status_code, len(answer.content)) == (200, found["size_bytes"])
                expect_safe(answer)
            assert len([line for line in replica.log if line.get("path") == url]) == 1
            assert len({answer.headers["x-request-id"] for answer in answers}) == 40
            (as_seen,) = [file for file in (web.folder / "cache").rglob("*") if file.is_file()]
            assert as_seen.stat().st_size > found["size_bytes"]
            etag = answers[0].headers["etag"]
            head = await browser.head(url)
            assert head.headers["content-length"] == str(found["size_bytes"])
            expect_safe(head)
            same = await browser.get(url, headers={"If-None-Match": etag})
            assert (same.status_code, same.headers["etag"]) == (304, etag)
            part = await browser.get(url, headers={"Range": "bytes=5-9"})
            assert (part.status_code, part.content) == (206, answers[0].content[5:10])
            outside = await browser.get(url, headers={"Range": "bytes=99999999-"})
            expect_problem(outside, 416, "range-not-satisfiable")
            small = await browser.get(url, params={"width": 320})
            assert small.headers["etag"] != etag or small.content == answers[0].content

            name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
            await mongo_admin[name]["pictures"].delete_many({})  # type: ignore[index]
            await asyncio.sleep(2.5)
            expect_problem(await browser.get(url), 404, "not-found")
    finally:
        web.stop()


@pytest.mark.parametrize("delivery", ["stream", "accel"])
async def test_an_accounts_pictures_are_shown_to_nobody_else_by_web(
    settings: Settings, s3_line: Line, tmp_path: Path, delivery: str
) -> None:
    for name in ("ada", "bob"):
        await add_user(settings, name, PASSWORD, is_admin=False)
    through_line = settings.model_copy(update={"minio_host": f"http://{s3_line.address}"})
    accounts = {"KNOTE_AUTH": "accounts", "KNOTE_PICTURE_DELIVERY": delivery}
    async with ready_replica(through_line, tmp_path, **accounts) as api:
        web = Web(tmp_path, api=[f"127.0.0.1:{api.port}"], s3=s3_line.address, OPEN_PICTURE_SECONDS="600")
        web.start()
        try:
            async with web.open() as browser:
                as_ada, as_bob = [await signed_in(browser, name) for name in ("ada", "bob")]
                file = {"file": ("image.png", noise_png(300))}
                found = (await browser.post(PICTURES, files=file, headers=as_ada)).json()
                for _ in range(3):
                    for query in ({}, {"width": 320}):
                        shown = await browser.get(found["url"], params=query, headers=as_ada)
                        assert shown.status_code == 200
                        assert shown.headers["cache-control"] == "private, max-age=31536000, immutable"
                        assert shown.headers["vary"] == "Cookie, Authorization"
                        strange = await browser.get(found["url"], params=query, headers=as_bob)
                        expect_problem(strange, 404, "not-found")
                        unknown = await browser.get(found["url"], params=query)
                        expect_problem(unknown, 401, "sign-in-required")
        finally:
            web.stop()


async def signed_in(browser: httpx.AsyncClient, name: str) -> dict[str, str]:
    """The headers of a session of that user."""
    answer = await browser.post("/api/v1/session", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    cookie = answer.headers["set-cookie"].partition(";")[0]
    browser.cookies.clear()
    return {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}


async def test_web_keeps_nothing_that_the_api_calls_private(tmp_path: Path) -> None:
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 2\r\n")
        writer.write(b"Connection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    api = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = api.sockets[0].getsockname()[1]
    web = Web(tmp_path, api=[f"127.0.0.1:{port}"], s3="127.0.0.1:9", OPEN_PICTURE_SECONDS="600")
    web.start()
    try:
        async with web.open() as browser:
            for _ in range(3):
                answered = await browser.get(f"{PICTURES}/{'0' * 64}")
                assert (answered.status_code, answered.text) == (200, "ok")
    finally:
        web.stop()
        api.close()
    assert len(asked) == 3
