"""The contract of pictures: upload, address by content, bytes, ranges, variants; on every S3 server."""

import asyncio
import hashlib
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from api.conftest import OpenClient
from api.expect import expect_problem, expect_stored
from api.samples import GPS, located_jpeg, noise_png, picture
from knote.local.s3server import ObjectServer
from knote.settings import Settings

PICTURES = "/api/v1/pictures"
pytestmark = pytest.mark.usefixtures("every_s3")


async def upload(client: httpx.AsyncClient, data: bytes, name: str = "image.png") -> httpx.Response:
    """Sends a file as a browser does."""
    return await client.post(PICTURES, files={"file": (name, data)})


async def kept(client: httpx.AsyncClient, data: bytes) -> dict[str, Any]:
    """A picture that is new."""
    answer = await upload(client, data)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_picture_is_kept_and_served_by_every_replica(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    for format_ in ("PNG", "JPEG", "GIF", "WEBP", "AVIF"):
        data = picture(format_)
        answer = await upload(client, data)
        assert answer.status_code == 201
        found = answer.json()
        assert found["id"] == hashlib.sha256(data).hexdigest()
        assert found["url"] == answer.headers["location"] == f"{PICTURES}/{found['id']}"
        assert found["markdown"] == f"![]({found['url']})"
        assert found["content_type"] == f"image/{format_.lower()}"
        assert (found["width"], found["height"]) == (48, 32)
        for replica in (client, other_client):
            read = await replica.get(found["url"])
            assert read.status_code == 200
            assert len(read.content) == found["size_bytes"] == int(read.headers["content-length"])
            with Image.open(BytesIO(read.content)) as shown:
                assert (shown.size, shown.format) == ((48, 32), format_)
    await expect_stored(settings, pictures=5)


async def test_the_same_bytes_again_answer_the_same_picture_from_every_replica(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    first = await upload(client, picture())
    for replica, name in ((client, "image.png"), (other_client, "other.jpg")):
        again = await upload(replica, picture(), name)
        assert (again.status_code, again.json()) == (200, first.json())
        assert again.headers["location"] == first.headers["location"]
    await expect_stored(settings, pictures=1)


async def test_two_files_of_one_name_are_two_pictures(client: httpx.AsyncClient, settings: Settings) -> None:
    one, two = await kept(client, picture(seed=1)), await kept(client, picture(seed=2))
    assert one["id"] != two["id"]
    assert (await client.get(one["url"])).content != (await client.get(two["url"])).content
    await expect_stored(settings, pictures=2)


async def test_the_same_bytes_sent_by_many_at_once_are_kept_once(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    data = picture()
    answers = await asyncio.gather(*(upload(replica, data) for replica in (client, other_client) * 4))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(201) == 1
    assert set(statuses) == {200, 201}
    assert len({answer.text for answer in answers}) == 1
    assert (await client.get(answers[0].json()["url"])).status_code == 200
    await expect_stored(settings, pictures=1)


async def test_where_a_photo_was_taken_is_not_served(client: httpx.AsyncClient, settings: Settings) -> None:
    for orientation, size in ((1, (60, 40)), (6, (40, 60))):
        data = located_jpeg(orientation=orientation)
        assert GPS in data
        found = await kept(client, data)
        assert (found["width"], found["height"]) == size
        served = await client.get(found["url"])
        assert GPS not in served.content
        with Image.open(BytesIO(served.content)) as shown:
            assert not shown.getexif()
            assert shown.size == size
    await expect_stored(settings, pictures=2)


async def test_pictures_come_with_headers_that_make_them_nothing_else(client: httpx.AsyncClient) -> None:
    found = await kept(client, picture("JPEG", (700, 40)))
    for url in (found["url"], f"{found['url']}?width=320"):
        for answer in (await client.get(url), await client.head(url)):
            assert answer.status_code == 200
            headers = answer.headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"] == "sandbox; default-src 'none'"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["cache-control"] == "public, max-age=31536000, immutable"
            assert headers["accept-ranges"] == "bytes"
            assert headers["content-type"] in {"image/jpeg", "image/webp"}
            assert headers["etag"].startswith(f'"{found["id"]}')


async def test_head_tells_what_get_would_and_sends_nothing(client: httpx.AsyncClient) -> None:
    found = await kept(client, picture("PNG", (700, 40)))
    for url in (found["url"], f"{found['url']}?width=1", f"{found['url']}?width=9999"):
        head, get = await client.head(url), await client.get(url)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", "cache-control", "accept-ranges"):
            assert head.headers[name] == get.headers[name]


async def test_a_picture_that_is_known_already_is_not_sent_again(client: httpx.AsyncClient) -> None:
    found = await kept(client, picture("PNG", (700, 40)))
    small = f"{found['url']}?width=320"
    tag = (await client.head(found["url"])).headers["etag"]
    small_tag = (await client.head(small)).headers["etag"]
    assert tag != small_tag
    for url, known in ((found["url"], tag), (small, small_tag)):
        for given in (known, f"W/{known}", f'"other", {known}', "*"):
            for method in ("GET", "HEAD"):
                answer = await client.request(method, url, headers={"If-None-Match": given})
                assert (answer.status_code, answer.content) == (304, b"")
                assert answer.headers["etag"] == known
                assert "immutable" in answer.headers["cache-control"]
    answer = await client.get(small, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    both = {"If-None-Match": tag, "Range": "bytes=0-1"}
    assert (await client.get(found["url"], headers=both)).status_code == 304


async def test_ranges_are_the_bytes_they_name(client: httpx.AsyncClient) -> None:
    found = await kept(client, noise_png(64))
    whole = (await client.get(found["url"])).content
    size = len(whole)
    for given, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=5000-5999", 5000, 5999),
        ("bytes=-1", size - 1, size - 1),
        ("bytes=-100", size - 100, size - 1),
        (f"bytes=-{size + 5}", 0, size - 1),
        ("bytes=0-", 0, size - 1),
        ("bytes=100-", 100, size - 1),
        (f"bytes={size - 1}-", size - 1, size - 1),
        (f"bytes=100-{10**17}", 100, size - 1),
        ("BYTES= 1-2 ", 1, 2),
    ):
        answer = await client.get(found["url"], headers={"Range": given})
        assert answer.status_code == 206, given
        assert answer.content == whole[first : last + 1], given
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert answer.headers["content-length"] == str(last - first + 1)
        assert answer.headers["content-type"] == "image/png"


async def test_a_range_beyond_the_end_is_refused(client: httpx.AsyncClient) -> None:
    found = await kept(client, picture())
    for given in (f"bytes={found['size_bytes']}-", "bytes=999999-1000000", "bytes=-0", f"bytes={10**17}-"):
        answer = await client.get(found["url"], headers={"Range": given})
        expect_problem(answer, 416, "range-not-satisfiable")
        assert answer.headers["content-range"] == f"bytes */{found['size_bytes']}"


async def test_a_range_that_is_none_is_answered_with_everything(client: httpx.AsyncClient) -> None:
    found = await kept(client, picture())
    whole = (await client.get(found["url"])).content
    for given in (
        *("bytes=0-1,5-6", "bytes=5-1", "bytes=-", "bytes=a-b", "bytes", "", "lines=0-1", "bytes=--1"),
        *("bytes=0-1-2", "bytes=１-２", "bytes=0-0;", f"bytes={'9' * 5000}-", "bytes=0-" + ",1-" * 5000),
    ):
        answer = await client.get(found["url"], headers=[(b"Range", given.encode())])
        assert (answer.status_code, answer.content) == (200, whole), given[:40]
        assert "content-range" not in answer.headers


async def test_a_range_counts_only_while_its_condition_holds(client: httpx.AsyncClient) -> None:
    found = await kept(client, picture())
    tag = (await client.head(found["url"])).headers["etag"]
    for condition, status in (
        (tag, 206),
        ('"other"', 200),
        (f"W/{tag}", 200),
        ("Mon, 23 Nov 2026 18:00:00 GMT", 200),
        ("", 200),
    ):
        headers = {"Range": "bytes=0-3", "If-Range": condition}
        assert (await client.get(found["url"], headers=headers)).status_code == status, condition


async def test_widths_are_served_from_copies_that_are_made_once(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    found = await kept(client, picture("JPEG", (2600, 130)))
    natural = 2600
    for asked, served in (
        *((1, 320), (320, 320), (321, 640), (640, 640), (960, 960), (1280, 1280), (1281, 1920), (1920, 1920)),
        *((2560, 2560), (2561, natural), (2600, natural), (9999, natural), (10_000, natural)),
    ):
        one = await client.get(found["url"], params={"width": asked})
        two = await other_client.get(found["url"], params={"width": asked})
        assert one.status_code == two.status_code == 200
        assert one.content == two.content
        assert one.headers["etag"] == two.headers["etag"]
        with Image.open(BytesIO(one.content)) as shown:
            assert shown.size == (served, max(1, round(130 * served / natural)))
    part = await client.get(found["url"], params={"width": 320}, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    await expect_stored(settings, pictures=1, objects=7)


async def test_a_copy_asked_for_by_many_at_once_is_one_object(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    found = await kept(client, picture("JPEG", (800, 40)))
    asked = (replica.get(f"{found['url']}?width=320") for replica in (client, other_client) * 4)
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    await expect_stored(settings, pictures=1, objects=2)


async def test_a_width_that_is_none_is_refused(client: httpx.AsyncClient, settings: Settings) -> None:
    found = await kept(client, picture("JPEG", (800, 40)))
    for asked in ("0", "-1", "abc", "", "1.5", "10001", "9" * 5000, "320px", "%00"):
        answer = await client.get(f"{found['url']}?width={asked}")
        body = expect_problem(answer, 422, "invalid")
        assert body["errors"][0]["location"] == ["query", "width"]
        assert (await client.head(f"{found['url']}?width={asked}")).status_code == 422
    await expect_stored(settings, pictures=1)


async def test_a_note_lists_the_pictures_it_shows(client: httpx.AsyncClient, settings: Settings) -> None:
    one, two = await kept(client, picture(seed=1)), await kept(client, picture(seed=2, size=(9, 5)))
    unknown = f"{PICTURES}/{'0' * 64}"
    content = f"{two['markdown']} ![]({unknown}) {one['markdown']} {two['markdown']} {one['url']}f"
    note = (await client.post("/api/v1/notes", json={"content": content})).json()
    sizes = {name: two[name] for name in ("id", "url", "width", "height")}
    assert note["pictures"] == [sizes, {name: one[name] for name in sizes}]
    assert (await client.get(f"/api/v1/notes/{note['id']}")).json() == note
    path = f"/api/v1/notes/{note['id']}"
    without = await client.put(path, json={"content": "none"}, headers={"If-Match": '"1"'})
    assert without.json()["pictures"] == []
    await expect_stored(settings, notes=1, pictures=2)


async def test_a_picture_of_the_largest_size_is_taken_and_one_byte_more_is_not(
    open_client: OpenClient, settings: Settings
) -> None:
    data = picture()
    async with open_client(max_picture_bytes=len(data)) as client:
        assert (await upload(client, data)).status_code == 201
        larger = await upload(client, data + b"\0")
        assert expect_problem(larger, 413, "content-too-large")["max_bytes"] == len(data)
    await expect_stored(settings, pictures=1)


async def test_a_lost_object_is_unavailable_and_never_not_found(
    client: httpx.AsyncClient, settings: Settings, every_s3: ObjectServer
) -> None:
    data = picture()
    found = await kept(client, data)
    await every_s3.clear_bucket(settings.minio_bucket)
    for answer in (await client.get(found["url"]), await client.get(f"{found['url']}?width=20")):
        expect_problem(answer, 503, "pictures-unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert (await client.head(found["url"])).status_code == 503
