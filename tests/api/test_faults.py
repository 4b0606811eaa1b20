"""Stores that fail for real: stopped, frozen, refusing; and the recovery without a restart."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from api.conftest import OpenClient
from api.expect import expect_problem, expect_stored
from api.samples import picture
from knote.local.mongod import MongoServer
from knote.local.s3server import ObjectServer
from knote.settings import Settings
from servers.ending import ending_store
from wire.replica import until

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
LONGEST_ANSWER_SECONDS = 15


async def in_time(answer: Awaitable[httpx.Response]) -> httpx.Response:
    """An answer that nobody has to wait for without end."""
    async with asyncio.timeout(LONGEST_ANSWER_SECONDS):
        return await answer


def expect_unavailable(answer: httpx.Response, store: str) -> None:
    """503, with a time after which to try again."""
    expect_problem(answer, 503, f"{store}-unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def expect_ready(client: httpx.AsyncClient, status: str, **stores: str) -> None:
    """`/readyz` comes to say this, and `/livez` is unmoved."""

    async def is_so() -> bool:
        answer = await in_time(client.get("/readyz"))
        assert answer.status_code == (200 if answer.json()["status"] in {"ok", "degraded"} else 503)
        expected: dict[str, Any] = {"status": status, **stores}
        return bool(answer.json() == expected)

    await until(is_so, what=f"/readyz says {status}")
    live = await in_time(client.get("/livez"))
    assert (live.status_code, live.json()) == (200, {"status": "ok"})


async def write(client: httpx.AsyncClient) -> tuple[dict[str, Any], dict[str, Any]]:
    """A note and a picture."""
    note = await client.post(NOTES, json={"content": "before"})
    kept = await client.post(PICTURES, files={"file": picture(size=(400, 20))})
    assert (note.status_code, kept.status_code) == (201, 201)
    return note.json(), kept.json()


async def expect_pictures_unavailable(client: httpx.AsyncClient, kept: dict[str, Any]) -> None:
    """What needs the bucket says that it is away, and what does not works."""
    for path in (kept["url"], f"{kept['url']}?width=320"):
        expect_unavailable(await in_time(client.get(path)), "pictures")
    assert (await in_time(client.head(kept["url"]))).status_code == 503
    new = await in_time(client.post(PICTURES, files={"file": picture(seed=2)}))
    expect_unavailable(new, "pictures")
    expect_problem(await client.get(f"{PICTURES}/{'0' * 64}"), 404, "not-found")
    same = await client.post(PICTURES, files={"file": picture(size=(400, 20))})
    assert same.status_code == 200


async def test_without_the_object_store_notes_go_on_and_pictures_come_back(
    client: httpx.AsyncClient, settings: Settings, every_s3: ObjectServer
) -> None:
    note, kept = await write(client)
    await expect_ready(client, "ok", mongo="ok", pictures="ok")
    await every_s3.stop()
    await expect_pictures_unavailable(client, kept)
    await expect_ready(client, "degraded", mongo="ok", pictures="unavailable")
    content = f"during {kept['markdown']}"
    during = await in_time(client.post(NOTES, json={"content": content}))
    assert during.status_code == 201
    assert [shown["id"] for shown in during.json()["pictures"]] == [kept["id"]]
    path = f"{NOTES}/{note['id']}"
    assert (await client.put(path, json={"content": "x"}, headers={"If-Match": '"1"'})).status_code == 200
    assert len((await client.get(NOTES)).json()["items"]) == 2
    await every_s3.start()
    await expect_ready(client, "ok", mongo="ok", pictures="ok")
    assert (await client.get(kept["url"])).status_code == 200
    assert (await client.get(f"{kept['url']}?width=320")).status_code == 200
    again = await client.post(PICTURES, files={"file": picture(seed=2)})
    assert again.status_code == 201
    await expect_stored(settings, notes=2, pictures=2, objects=3)


async def test_a_frozen_object_store_is_waited_for_no_longer_than_told(
    open_client: OpenClient, settings: Settings, s3: ObjectServer
) -> None:
    async with open_client(s3_timeout_seconds=0.5) as client:
        _, kept = await write(client)
        # The server is a child of what holds its leash: both stop, and nothing answers.
        os.kill(s3.pid, signal.SIGSTOP)
        try:
            await expect_pictures_unavailable(client, kept)
            await expect_ready(client, "degraded", mongo="ok", pictures="unavailable")
            assert (await in_time(client.get(NOTES))).status_code == 200
        finally:
            os.kill(s3.pid, signal.SIGCONT)
        await expect_ready(client, "ok", mongo="ok", pictures="ok")
        assert (await client.get(kept["url"])).status_code == 200


async def test_without_mongodb_nothing_is_said_to_be_missing_and_all_comes_back(
    client: httpx.AsyncClient, settings: Settings, mongo: MongoServer
) -> None:
    note, kept = await write(client)
    path = f"{NOTES}/{note['id']}"
    await mongo.stop()
    headers = {"If-Match": '"1"'}
    head, *answers = await asyncio.gather(
        in_time(client.head(kept["url"])),
        in_time(client.get(NOTES)),
        in_time(client.get(f"{NOTES}?q=before")),
        in_time(client.get(path)),
        in_time(client.get(path, headers={"If-None-Match": '"1"'})),
        in_time(client.post(NOTES, json={"content": "x"}, headers={"Idempotency-Key": "k"})),
        in_time(client.put(path, json={"content": "x"}, headers=headers)),
        in_time(client.delete(path, headers=headers)),
        in_time(client.post(f"{path}/restore")),
        in_time(client.get(kept["url"])),
        in_time(client.get(f"{PICTURES}/{'0' * 64}")),
        in_time(client.post(PICTURES, files={"file": picture(seed=2)})),
    )
    for answer in answers:
        expect_unavailable(answer, "notes")
    assert head.status_code == 503
    await expect_ready(client, "unavailable", mongo="unavailable", pictures="ok")
    await mongo.start()
    await expect_ready(client, "ok", mongo="ok", pictures="ok")
    assert (await client.get(path)).json() == note
    assert (await client.get(kept["url"])).status_code == 200
    again = await client.post(NOTES, json={"content": "x"}, headers={"Idempotency-Key": "k"})
    assert again.status_code == 201
    await expect_stored(settings, notes=2, pictures=1)


async def test_a_frozen_mongodb_is_waited_for_no_longer_than_told(
    open_client: OpenClient, settings: Settings, mongo: MongoServer
) -> None:
    async with open_client(mongo_timeout_seconds=2) as client:
        note, _ = await write(client)
        os.kill(mongo.pid, signal.SIGSTOP)
        try:
            answers = await asyncio.gather(*(in_time(client.get(f"{NOTES}/{note['id']}")) for _ in range(3)))
            for answer in answers:
                expect_unavailable(answer, "notes")
            written = await in_time(client.post(NOTES, json={"content": "x"}))
            expect_unavailable(written, "notes")
            await expect_ready(client, "unavailable", mongo="unavailable", pictures="ok")
        finally:
            os.kill(mongo.pid, signal.SIGCONT)
        await expect_ready(client, "ok", mongo="ok", pictures="ok")
        assert (await client.get(f"{NOTES}/{note['id']}")).json() == note


async def test_writes_through_a_killed_mongodb_are_kept_once_when_acknowledged(
    client: httpx.AsyncClient, mongo: MongoServer
) -> None:
    """Each client repeats its request with its key until it is answered, while MongoDB is killed."""

    async def publish(number: int) -> str:
        deadline = time.monotonic() + 60
        while True:
            headers = {"Idempotency-Key": f"k{number}"}
            answer = await client.post(NOTES, json={"content": f"note {number}"}, headers=headers)
            if answer.status_code == 201:
                return str(answer.json()["id"])
            expect_unavailable(answer, "notes")
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)

    async def crash() -> None:
        await mongo.kill()
        await mongo.start()

    *ids, _ = await asyncio.gather(*(publish(number) for number in range(30)), crash())
    listed = (await client.get(NOTES, params={"limit": 100})).json()["items"]
    assert sorted(note["id"] for note in listed) == sorted(ids)  # type: ignore[type-var]


async def test_a_database_that_does_not_know_us_yet_is_unavailable(
    open_client: OpenClient, settings: Settings, mongo: MongoServer
) -> None:
    """As while a cluster is being set up: the user is made after the replicas have started."""
    url = settings.mongo_url.get_secret_value()
    wrong = url.replace("mongodb://", "mongodb://x-")
    async with open_client(mongo_url=SecretStr(wrong)) as client:
        await expect_ready(client, "unavailable", mongo="unavailable", pictures="ok")
        answer = await in_time(client.get(NOTES))
        expect_unavailable(answer, "notes")
        assert "x-" not in answer.text


async def test_an_object_store_that_refuses_us_is_unavailable(
    client: httpx.AsyncClient, open_client: OpenClient, every_s3: ObjectServer
) -> None:
    _, kept = await write(client)
    for changes in (
        {"minio_secret_key": SecretStr("wrong-wrong-wrong")},
        {"minio_access_key": "unknown"},
        {"minio_bucket": "no-such-bucket"},
    ):
        async with open_client(**changes) as refused:
            if "minio_bucket" in changes:
                # An object that is promised and not there, or a bucket: neither is the client's fault.
                assert (await in_time(refused.get(kept["url"]))).status_code == 503
            else:
                await expect_pictures_unavailable(refused, kept)
            await expect_ready(refused, "degraded", mongo="ok", pictures="unavailable")
            assert (await refused.get(NOTES)).status_code == 200


async def test_an_object_store_that_leads_elsewhere_is_not_followed(
    open_client: OpenClient, every_s3: ObjectServer
) -> None:
    """Whoever answers in its place may say anything, and would be handed pictures."""
    asked: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        place = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}{path}"
        writer.write(
            f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {place}\r\nContent-Length: 0\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        await writer.drain()
        await reader.read()  # what else there is of the body, until the client hangs up
        writer.close()

    async with open_client() as client:
        kept = (await client.post(PICTURES, files={"file": picture()})).json()
    async with (
        await asyncio.start_server(take, "127.0.0.1", 0) as other,
        await asyncio.start_server(lead, "127.0.0.1", 0) as store,
        open_client(minio_host=f"127.0.0.1:{store.sockets[0].getsockname()[1]}") as client,
    ):
        expect_unavailable(await in_time(client.get(kept["url"])), "pictures")
        sent = client.post(PICTURES, files={"file": picture(seed=3)})
        expect_unavailable(await in_time(sent), "pictures")
        await expect_ready(client, "degraded", mongo="ok", pictures="unavailable")
    assert asked == []


async def test_an_object_store_that_is_about_to_end_is_unavailable(open_client: OpenClient) -> None:
    async with open_client() as client:
        kept = (await client.post(PICTURES, files={"file": picture(size=(400, 20))})).json()
    async with ending_store() as address, open_client(minio_host=address) as client:
        await expect_pictures_unavailable(client, kept)
        await expect_ready(client, "degraded", mongo="ok", pictures="unavailable")


async def test_an_unexpected_fault_is_a_problem_that_tells_nothing_and_can_be_found_in_the_log(
    client: httpx.AsyncClient,
    settings: Settings,
    mongo_admin: AsyncMongoClient[dict[str, object]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    note = (await client.post(NOTES, json={"content": "secret text"})).json()
    database = mongo_admin[settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]]
    await database["notes"].update_one({"_id": note["id"]}, {"$unset": {"pictures": 1}})
    with caplog.at_level(logging.ERROR):
        answer = await client.get(f"{NOTES}/{note['id']}", headers={"X-Request-ID": "find-me"})
    body = expect_problem(answer, 500, "internal", without="secret text")
    assert body["request_id"] == "find-me"
    assert "KeyError" not in answer.text
    assert "KeyError: 'pictures'" in caplog.text
    await database["notes"].update_one({"_id": note["id"]}, {"$set": {"pictures": []}})
    assert (await client.get(f"{NOTES}/{note['id']}")).json() == note


async def test_a_crowd_without_mongodb_waits_no_longer_than_one(
    client: httpx.AsyncClient, mongo: MongoServer
) -> None:
    await write(client)
    await mongo.stop()
    crowd = (in_time(client.get(NOTES)) for _ in range(100))
    for answer in await asyncio.gather(*crowd):
        expect_unavailable(answer, "notes")
    await mongo.start()
    await expect_ready(client, "ok", mongo="ok", pictures="ok")
    answers = await asyncio.gather(*(client.get(NOTES) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
