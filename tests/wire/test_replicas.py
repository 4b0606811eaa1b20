"""The life of replicas: start, drain, end, crash, and what their logs say."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest

from api.expect import expect_problem, expect_stored
from api.samples import noise_png, picture
from knote.local.mongod import MongoServer
from knote.local.s3server import ObjectServer
from knote.settings import Settings
from wire.replica import Replica, ready_replica, replica, until

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"


async def test_what_one_replica_writes_the_other_reads_at_once(
    one: Replica, settings: Settings, tmp_path: Path
) -> None:
    async with ready_replica(settings, tmp_path) as two, one.open() as first, two.open() as second:
        for number in range(20):
            writer, reader = (first, second) if number % 2 else (second, first)
            made = await writer.post(NOTES, json={"content": f"note {number}"})
            path = made.headers["location"]
            assert (await reader.get(path)).json() == made.json()
            assert (await reader.get(NOTES, params={"limit": 1})).json()["items"] == [made.json()]
            headers = {"If-Match": made.headers["etag"]}
            changed = await reader.put(path, json={"content": "changed"}, headers=headers)
            assert (await writer.get(path)).json() == changed.json()
            expect_problem(await writer.delete(path, headers=headers), 412, "precondition-failed")
            await writer.delete(path, headers={"If-Match": changed.headers["etag"]})
            expect_problem(await reader.get(path), 404, "not-found")
        kept = (await first.post(PICTURES, files={"file": picture()})).json()
        assert (await second.get(kept["url"])).status_code == 200
    await expect_stored(settings, notes=20, pictures=1)


async def test_a_replica_that_is_killed_takes_nothing_with_it(
    one: Replica, settings: Settings, tmp_path: Path
) -> None:
    """Each request is repeated with its key at the other replica when the first one dies under it."""
    async with ready_replica(settings, tmp_path) as two, one.open() as survivor, two.open() as victim:
        kept = (await victim.post(PICTURES, files={"file": picture()})).json()

        async def publish(number: int) -> str:
            headers = {"Idempotency-Key": f"k{number}"}
            body = {"content": f"note {number} {kept['markdown']}"}
            try:
                answer = await victim.post(NOTES, json=body, headers=headers)
            except httpx.TransportError:
                answer = await survivor.post(NOTES, json=body, headers=headers)
            assert answer.status_code == 201
            return str(answer.json()["id"])

        async def crash() -> None:
            async def has_begun() -> bool:
                return bool((await survivor.get(NOTES)).json()["items"])

            await until(has_begun, what="notes are being written")
            two.kill()

        upload = asyncio.create_task(victim.post(PICTURES, files={"file": noise_png(1000)}))
        *ids, _ = await asyncio.gather(*(publish(number) for number in range(60)), crash())
        await asyncio.gather(upload, return_exceptions=True)
        listed = (await survivor.get(NOTES, params={"limit": 100})).json()["items"]
        assert sorted(note["id"] for note in listed) == sorted(str(id_) for id_ in ids)
        assert (await survivor.get(kept["url"])).status_code == 200
        again = await survivor.post(PICTURES, files={"file": noise_png(1000)})
        assert again.status_code in {200, 201}
        assert (await survivor.get(again.json()["url"])).status_code == 200


async def test_a_drain_is_told_first_then_served_then_ended(settings: Settings, tmp_path: Path) -> None:
    async with ready_replica(settings, tmp_path, KNOTE_DRAIN_SECONDS="2") as draining:
        async with draining.open() as client, draining.open() as idle:
            kept = (await client.post(PICTURES, files={"file": noise_png(1600)})).json()
            await idle.get("/livez")
            async with draining.open() as slow:
                body = json.dumps({"content": "begun before the end"}).encode()
                go_on = asyncio.Event()

                async def bytes_in_time() -> AsyncIterator[bytes]:
                    yield body[:5]
                    await go_on.wait()
                    yield body[5:]

                headers = {"Content-Type": "application/json"}
                upload = asyncio.create_task(slow.post(NOTES, content=bytes_in_time(), headers=headers))
                async with slow.stream("GET", kept["url"]) as download:
                    draining.send_signal(signal.SIGTERM)
                    await draining.wait_ready("draining")
                    ready = await client.get("/readyz")
                    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
                    assert (await client.get("/livez")).status_code == 200
                    served = await client.post(NOTES, json={"content": "during"})
                    assert served.status_code == 201
                    assert served.headers["connection"] == "close"

                    async def is_closed() -> bool:
                        try:
                            _, writer = await asyncio.open_connection("127.0.0.1", draining.port)
                        except OSError:
                            return True
                        writer.close()
                        return False

                    await until(is_closed, what="the port is closed")
                    assert draining.is_alive
                    go_on.set()
                    assert (await upload).status_code == 201
                    size = 0
                    async for chunk in download.aiter_raw():
                        size += len(chunk)
                    assert size == kept["size_bytes"]
        assert await draining.wait_ended() == 0
        assert not [line for line in draining.log if line["level"] in {"ERROR", "CRITICAL"}]
    await expect_stored(settings, notes=2, pictures=1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_replica_ends_at_once(
    settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    async with ready_replica(settings, tmp_path) as ending, ending.open() as client:
        await client.get("/livez")
        ending.send_signal(number)
        assert await ending.wait_ended() == 0


async def test_no_thread_of_a_replica_takes_the_core_from_another_one(one: Replica) -> None:
    async with one.open() as client:
        assert (await client.get(NOTES)).status_code == 200  # by threads that this has started
    assert one.process is not None
    threads = [thread.id for thread in psutil.Process(one.process.pid).threads()]
    assert len(threads) > 2
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}


async def test_requests_that_never_end_do_not_keep_a_replica_alive(
    settings: Settings, tmp_path: Path
) -> None:
    async with ready_replica(settings, tmp_path, KNOTE_SHUTDOWN_SECONDS="1") as ending:
        _, writer = await asyncio.open_connection("127.0.0.1", ending.port)
        writer.write(b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{")
        await writer.drain()
        ending.send_signal(signal.SIGTERM)
        assert await ending.wait_ended() == 0
        writer.close()


async def test_a_replica_that_starts_before_mongodb_waits_for_it(
    settings: Settings, mongo: MongoServer, tmp_path: Path
) -> None:
    await mongo.stop()
    with replica(settings, tmp_path, KNOTE_MONGO_TIMEOUT_SECONDS="2") as early:
        await early.wait_ready("unavailable")
        async with early.open() as client:
            assert (await client.get("/livez")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503
            answer = await client.get(NOTES)
            expect_problem(answer, 503, "notes-unavailable")
            assert int(answer.headers["retry-after"]) >= 1
            await mongo.start()
            await early.wait_ready()
            made = await client.post(NOTES, json={"content": "after all"})
            assert made.status_code == 201
            listed = (await client.get(NOTES, params={"q": "after"})).json()["items"]
            assert listed == [made.json()]


async def test_an_object_store_that_dies_under_a_download_cuts_it_and_no_more(
    one: Replica, settings: Settings, s3: ObjectServer
) -> None:
    data = noise_png(2200)
    async with one.open() as client:
        kept = (await client.post(PICTURES, files={"file": data})).json()
        size = 0
        with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012
            async with client.stream("GET", kept["url"]) as download:
                await s3.kill()
                async for chunk in download.aiter_raw():
                    size += len(chunk)
        assert size < kept["size_bytes"]
        expect_problem(await client.get(kept["url"]), 503, "pictures-unavailable")
        assert (await client.get(NOTES)).status_code == 200
        await s3.start()
        await one.wait_ready()
        assert len((await client.get(kept["url"])).content) == kept["size_bytes"]
    await expect_stored(settings, pictures=1)


async def test_a_port_that_is_taken_is_told_and_ends_the_replica(
    one: Replica, settings: Settings, tmp_path: Path
) -> None:
    with replica(settings, tmp_path, KNOTE_PORT=str(one.port)) as late:
        assert await late.wait_ended() != 0
        assert "Traceback" not in late.output
        assert "address already in use" in late.output.lower()


async def test_a_setting_that_is_none_is_told_without_its_value(settings: Settings, tmp_path: Path) -> None:
    with replica(settings, tmp_path, KNOTE_MAX_NOTE_BYTES="secret-value") as wrong:
        assert await wrong.wait_ended() == 2
        assert "KNOTE_MAX_NOTE_BYTES" in wrong.output
        assert "secret-value" not in wrong.output
        assert "Traceback" not in wrong.output


async def test_logs_are_objects_with_ids_and_without_secrets(
    settings: Settings, mongo: MongoServer, tmp_path: Path
) -> None:
    text = "the-text-of-a-note"
    more = {"KNOTE_LOG_LEVEL": "debug", "KNOTE_MONGO_TIMEOUT_SECONDS": "2"}
    async with ready_replica(settings, tmp_path, **more) as talking:
        async with talking.open(headers={"X-Request-ID": "my-trace"}) as client:
            note = (await client.post(NOTES, json={"content": text})).json()
            await client.get(NOTES, params={"q": text})
            await client.put(f"{NOTES}/{note['id']}", json={"content": text}, headers={"If-Match": '"7"'})
            await client.post(NOTES, content=f'{{"content": {text}}}'.encode())
            await client.post(PICTURES, files={"file": (f"{text}.png", text.encode())})
            await mongo.stop()
            assert (await client.get(NOTES, params={"q": text})).status_code == 503
            await mongo.start()
            await talking.wait_ready()
        talking.send_signal(signal.SIGTERM)
        assert await talking.wait_ended() == 0
        output, log = talking.output, talking.log
    url, key = settings.mongo_url.get_secret_value(), settings.minio_secret_key.get_secret_value()
    password = url.partition("@")[0].rpartition(":")[2]
    for secret in (text, url, password, key, settings.minio_access_key):
        assert secret not in output
    for line in log:
        assert {"time", "level", "logger", "message", "request_id"} <= set(line)
    traced = [line for line in log if line["request_id"] == "my-trace"]
    requests = [line for line in traced if line["logger"] == "knote.access"]
    assert [line["status"] for line in requests] == [201, 200, 412, 422, 415, 503]
    assert [line["method"] for line in requests] == ["POST", "GET", "PUT", "POST", "POST", "GET"]
    assert all(line["duration_ms"] > 0 and line["size_bytes"] > 0 for line in requests)
