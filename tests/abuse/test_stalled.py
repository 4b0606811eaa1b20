"""Clients that stall: they are let go, and meanwhile cost others nothing."""

import asyncio
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from api.expect import expect_problem, expect_stored
from api.samples import noise_png, picture
from delivery.web import Web
from knote.local.mongod import MongoServer
from knote.settings import Settings
from wire.replica import MEBIBYTE, Replica, ready_replica, until
from wire.replica import replica as started

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
POST_NOTE = f"POST {NOTES} HTTP/1.1\r\nHost: knote\r\nContent-Type: application/json\r\n".encode()
POST_PICTURE = (
    f"POST {PICTURES} HTTP/1.1\r\nHost: knote\r\nContent-Type: multipart/form-data; boundary=b\r\n"
).encode()
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
STALLED = {
    "nothing": b"",
    "half a line": b"GET /",
    "half a head": b"GET /livez HTTP/1.1\r\nHost: knote\r\n",
    "empty lines": b"\r\n\r\n",
    "no body": POST_NOTE + b"Content-Length: 100\r\n\r\n",
    "half a body": POST_NOTE + b'Content-Length: 100\r\n\r\n{"content": "',
    "half a chunk": POST_NOTE + b'Transfer-Encoding: chunked\r\n\r\nff\r\n{"content": "',
    "half an upload": POST_PICTURE + b"Content-Length: 100000\r\n\r\n" + PART + bytes(5000),
    "half a second request": b"GET /livez HTTP/1.1\r\nHost: knote\r\n\r\nGET /",
}


@pytest.fixture
async def hasty(settings: Settings, tmp_path: Path) -> AsyncIterator[Replica]:
    """A replica that waits for its clients a second."""
    async with ready_replica(settings, tmp_path, KNOTE_CLIENT_TIMEOUT_SECONDS="1") as one:
        yield one


async def read_to_the_end(port: int, sent: bytes, *, drip: bytes = b"") -> bytes:
    """What comes back until the server closes; `drip` is sent on, again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def drip_on() -> None:
        while drip:
            writer.write(drip)
            await writer.drain()
            await asyncio.sleep(0.2)

    writer.write(sent)
    dripping = asyncio.create_task(drip_on())
    try:
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.close()


async def test_clients_that_stall_are_let_go(
    hasty: Replica, settings: Settings, subtests: pytest.Subtests
) -> None:
    waiting = {name: asyncio.create_task(read_to_the_end(hasty.port, STALLED[name])) for name in STALLED}
    for start, drip in ((b"GET /livez HTTP/1.1\r\n", b"X-A: b\r\n"), (b"\r\n", b"\r\n")):
        waiting[f"{drip!r} again and again"] = asyncio.create_task(
            read_to_the_end(hasty.port, start, drip=drip)
        )
    for name, ended in waiting.items():
        with subtests.test(name):
            assert (await ended).count(b"HTTP/1.1 ") == (name == "half a second request")
    async with hasty.open() as client:
        assert (await client.get(NOTES)).json()["items"] == []
    assert not [line for line in hasty.log if line["level"] in {"WARNING", "ERROR", "CRITICAL"}]
    await expect_stored(settings)


async def test_a_slow_body_is_taken_while_it_moves(hasty: Replica, settings: Settings) -> None:
    async def in_time() -> AsyncIterator[bytes]:
        for piece in ('{"content"', ': "slow', " but", " sure", '"}'):
            yield piece.encode()
            await asyncio.sleep(0.6)

    async with hasty.open(headers={"Content-Type": "application/json"}) as client:
        answer = await client.post(NOTES, content=in_time())
    assert (answer.status_code, answer.json()["content"]) == (201, "slow but sure")
    await expect_stored(settings, notes=1)


async def test_an_answer_that_takes_its_time_is_waited_for(hasty: Replica, mongo: MongoServer) -> None:
    body = b'{"content": "late"}'
    # Some clients send a line end too many behind a body.
    request = POST_NOTE + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body + b"\r\n"
    process = psutil.Process(mongo.pid)
    process.suspend()
    try:
        waiting = asyncio.create_task(read_to_the_end(hasty.port, request))
        await asyncio.sleep(3)
        assert not waiting.done()
    finally:
        process.resume()
    assert (await waiting).startswith(b"HTTP/1.1 201 ")


async def test_stalled_uploads_hold_no_worker_and_little_memory(settings: Settings, tmp_path: Path) -> None:
    async with ready_replica(settings, tmp_path, KNOTE_PICTURE_WORKERS="1") as busy, busy.open() as client:
        await client.post(PICTURES, files={"file": picture(seed=1)})
        before = busy.resident_bytes
        writers = []
        for _ in range(200):
            _, writer = await asyncio.open_connection("127.0.0.1", busy.port)
            writer.write(POST_PICTURE + b"Content-Length: 10000000\r\n\r\n" + PART + bytes(900_000))
            await writer.drain()
            writers.append(writer)
        answer = await client.post(PICTURES, files={"file": picture(seed=2)})
        assert answer.status_code == 201
        assert busy.resident_bytes - before < 60 * MEBIBYTE
        for writer in writers:
            writer.transport.abort()
    await expect_stored(settings, pictures=2)


async def test_uploads_without_room_are_asked_to_come_again(settings: Settings, tmp_path: Path) -> None:
    async with (
        ready_replica(settings, tmp_path, KNOTE_UPLOAD_ROOM_BYTES="1000000") as narrow,
        narrow.open() as client,
    ):
        large = noise_png(200)
        writers = []

        async def is_full() -> bool:
            # Whoever comes second is refused: until that is the picture, another one stalls.
            _, writer = await asyncio.open_connection("127.0.0.1", narrow.port)
            writers.append(writer)
            writer.write(POST_PICTURE + b"Content-Length: 10000000\r\n\r\n" + PART + bytes(900_000))
            await writer.drain()
            await asyncio.sleep(0.2)
            answer = await client.post(PICTURES, files={"file": large})
            if answer.status_code in {200, 201}:
                return False
            expect_problem(answer, 503, "pictures-unavailable")
            assert int(answer.headers["retry-after"]) > 0
            return True

        await until(is_full, what="the room is taken")
        # What is small still finds a place, and the end of the other makes room.
        assert (await client.post(NOTES, json={"content": "small"})).status_code == 201
        for writer in writers:
            writer.transport.abort()

        async def is_taken() -> bool:
            return (await client.post(PICTURES, files={"file": large})).status_code in {200, 201}

        await until(is_taken, what="there is room again")
    await expect_stored(settings, notes=1, pictures=1)


def test_a_replica_opens_as_many_files_as_it_may(settings: Settings, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with started(settings, tmp_path) as one:
            asyncio.run(one.wait_ready())
            assert one.process is not None
            raised, _ = psutil.Process(one.process.pid).rlimit(psutil.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert raised == min(hard, 65536)


async def test_web_lets_go_who_stalls_and_serves_the_others(web: Web, replica: Replica) -> None:
    names = [name for name in STALLED if name not in {"nothing", "half a second request"}]
    stalled = [asyncio.create_task(read_to_the_end(web.port, STALLED[name])) for name in names]
    stalled.append(asyncio.create_task(read_to_the_end(web.port, STALLED["half a head"], drip=b"X-A: b\r\n")))
    async with web.open() as client:
        for number in range(20):
            assert (await client.post(NOTES, json={"content": f"{number}"})).status_code == 201
        assert (await client.post(PICTURES, files={"file": picture()})).status_code == 201
    assert not {answer[9:12] for answer in await asyncio.gather(*stalled)} - {b"", b"408"}
