"""Clients that misbehave at the socket: too much, too slow, gone, or not HTTP at all."""

import asyncio
import hashlib
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from socket import SO_LINGER, SOL_SOCKET

import httpx
import pytest

from api.expect import expect_problem, expect_stored
from api.samples import noise_png, picture
from knote.settings import Settings
from wire.replica import MEBIBYTE, Replica, ready_replica, until

PICTURES = "/api/v1/pictures"


@asynccontextmanager
async def connect(replica: Replica) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw connection; when it ends early it is reset, as by a client that is gone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", replica.port)
    try:
        yield reader, writer
    finally:
        with suppress(OSError):  # the server was first
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()


async def flood(writer: asyncio.StreamWriter, data: bytes, times: int) -> None:
    """Sends the same again and again."""
    for _ in range(times):
        writer.write(data)
        await writer.drain()


def head(method: str, path: str, **headers: str) -> bytes:
    """A request's head."""
    lines = [f"{method} {path} HTTP/1.1", "Host: knote"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def read_answer(reader: asyncio.StreamReader) -> httpx.Response:
    """One answer with a declared length."""
    async with asyncio.timeout(30):
        start = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = httpx.Headers(
            [(name, value) for name, _, value in (line.partition(": ") for line in start[1:]) if name]
        )
        content = await reader.readexactly(int(headers["content-length"]))
    return httpx.Response(int(start[0].split(" ")[1]), headers=headers, content=content)


async def expect_unmoved(replica: Replica) -> None:
    """The process lives and serves, and logged nothing that it calls an error."""
    assert replica.is_alive
    async with replica.open() as client:
        assert (await client.get("/api/v1/notes")).status_code == 200
    faults = [line for line in replica.log if line["level"] in {"ERROR", "CRITICAL"}]
    assert not faults


async def expect_no_files_left(replica: Replica) -> None:
    """What an upload kept on disk is gone."""

    async def is_empty() -> bool:
        return not list(replica.temporary.iterdir())

    await until(is_empty, what="temporary files are gone")


async def test_a_declared_body_of_ten_gigabytes_is_refused_at_once(one: Replica, settings: Settings) -> None:
    before = one.resident_bytes
    for path in (PICTURES, "/api/v1/notes"):
        async with connect(one) as (reader, writer):
            writer.write(
                head("POST", path, Content_Length=str(10 * 1024**3), Content_Type="application/json")
            )
            await writer.drain()
            expect_problem(await read_answer(reader), 413, "content-too-large")
    assert one.resident_bytes - before < 30 * MEBIBYTE
    await expect_unmoved(one)
    await expect_stored(settings)


async def test_what_follows_a_refused_body_is_not_kept_in_memory(one: Replica, settings: Settings) -> None:
    before = one.resident_bytes
    async with connect(one) as (reader, writer):
        writer.write(head("POST", PICTURES, Content_Length=str(10 * 1024**3)))
        expect_problem(await read_answer(reader), 413, "content-too-large")
        with suppress(ConnectionError):
            await flood(writer, bytes(MEBIBYTE), 300)
    assert one.resident_bytes - before < 30 * MEBIBYTE
    await expect_unmoved(one)


async def test_a_chunked_body_over_the_limit_is_refused_in_flat_memory(
    one: Replica, settings: Settings
) -> None:
    before = one.resident_bytes
    start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    for path, type_ in ((PICTURES, "multipart/form-data; boundary=b"), ("/api/v1/notes", "application/json")):
        async with connect(one) as (reader, writer):
            writer.write(head("POST", path, Transfer_Encoding="chunked", Content_Type=type_))
            answer = asyncio.create_task(read_answer(reader))
            chunk = start + bytes(MEBIBYTE)
            for _ in range(60):
                if answer.done():
                    break
                writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                await writer.drain()
                chunk = bytes(MEBIBYTE)
            expect_problem(await answer, 413, "content-too-large")
    assert one.resident_bytes - before < 60 * MEBIBYTE
    await expect_unmoved(one)
    await expect_no_files_left(one)
    await expect_stored(settings)


async def test_a_head_without_end_is_cut_off(one: Replica) -> None:
    before = one.resident_bytes
    for start in (b"GET / HTTP/1.1\r\nX-A: ", b"GET /", b"POST /api/v1/notes HTTP/1.1\r\nX"):
        async with connect(one) as (_, writer):
            writer.write(start)
            with pytest.raises(ConnectionError):
                await flood(writer, b"a" * MEBIBYTE, 200)
    assert one.resident_bytes - before < 30 * MEBIBYTE
    await expect_unmoved(one)


async def test_headers_and_trailers_without_end_are_cut_off(one: Replica) -> None:
    line = b"X-Some-Header: and its value\r\n"
    last_chunk = b"POST /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    for start in (b"GET /livez HTTP/1.1\r\nHost: a\r\n", last_chunk):
        async with connect(one) as (_, writer):
            writer.write(start)
            with pytest.raises(ConnectionError):
                await flood(writer, line * 100, 20_000)
    await expect_unmoved(one)


async def test_a_large_head_within_reason_is_served(one: Replica) -> None:
    async with connect(one) as (reader, writer):
        writer.write(head("GET", f"/api/v1/notes?q=%20{'a' * 100}", Cookie="a" * 30_000))
        assert (await read_answer(reader)).status_code == 200


NO_HTTP = [
    b"\r\n\r\n\r\n",
    b"hello\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    bytes(range(256)) * 20,
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET  HTTP/1.1\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a/livez HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET //// HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: a\x00b\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET /livez HTTP/1.1\nHost: a\n\n",
    b"GET /livez HTTP/1.0\r\n\r\n",
    b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"GET /api/v1/notes/%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /api/v1/notes/%ff%2F..%2f HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /api/v1/notes/../../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /api/v1/pictures/% HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /api/v1/pictures/" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 500,
]


async def test_what_is_no_http_or_barely_is_answered_or_cut_off_and_no_more(
    one: Replica, settings: Settings, subtests: pytest.Subtests
) -> None:
    for raw in NO_HTTP:
        with subtests.test(repr(raw[:60])):
            async with connect(one) as (reader, writer):
                writer.write(raw)
                writer.write_eof()
                async with asyncio.timeout(30):
                    answer = await reader.read(2048)
            status = answer[9:12]
            assert not answer or answer.startswith(b"HTTP/1.1 ")
            assert not status.startswith(b"5")
            await expect_unmoved(one)
    await expect_stored(settings)


async def test_a_client_that_is_gone_midway_through_an_upload_leaves_nothing(
    one: Replica, settings: Settings
) -> None:
    data = noise_png(1000)
    start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    end = b"\r\n--b--\r\n"
    body = start + data + end
    for share in (0, 100, len(body) // 2, len(body) - 1, len(body)):
        async with connect(one) as (_, writer):
            type_ = "multipart/form-data; boundary=b"
            writer.write(head("POST", PICTURES, Content_Length=str(len(body)), Content_Type=type_))
            writer.write(body[:share])
            await writer.drain()
    for share in (0, 5):
        async with connect(one) as (_, writer):
            writer.write(head("POST", "/api/v1/notes", Content_Length="20", Content_Type="application/json"))
            writer.write(b'{"content": "hello"}'[:share])
            await writer.drain()
    await expect_unmoved(one)
    await expect_no_files_left(one)
    async with one.open() as client:
        answer = await client.post(PICTURES, files={"file": data})
    assert answer.status_code in {200, 201}
    assert answer.json()["id"] == hashlib.sha256(data).hexdigest()
    await expect_stored(settings, pictures=1)


async def test_clients_that_are_gone_midway_through_downloads_hold_nothing(
    one: Replica, settings: Settings
) -> None:
    """More of them than there are connections to the object store."""
    data = noise_png(1600)
    async with one.open() as client:
        kept = (await client.post(PICTURES, files={"file": data})).json()
        for number in range(100):
            async with connect(one) as (reader, writer):
                writer.write(head("GET", kept["url"]))
                if number % 3:
                    await reader.readexactly(1000 * (number % 3))
        answer = await client.get(kept["url"])
        assert len(answer.content) == kept["size_bytes"]
        assert (await client.get("/readyz")).json()["pictures"] == "ok"
    await expect_unmoved(one)
    await expect_stored(settings, pictures=1)


async def test_a_slow_client_is_served_and_is_in_nobodys_way(one: Replica, settings: Settings) -> None:
    body = json.dumps({"content": "slowly"}).encode()
    data = noise_png(1200)
    async with one.open() as client, connect(one) as (reader, writer), connect(one) as (slow_reader, slow):
        kept = (await client.post(PICTURES, files={"file": data})).json()
        slow.write(head("GET", kept["url"]))
        writer.write(
            head("POST", "/api/v1/notes", Content_Length=str(len(body)), Content_Type="application/json")
        )
        for byte in body[:-1]:
            writer.write(bytes([byte]))
            await writer.drain()
            assert (await client.get("/api/v1/notes")).json()["items"] == []
        writer.write(body[-1:])
        answer = await read_answer(reader)
        assert (answer.status_code, answer.json()["content"]) == (201, "slowly")
        whole = await read_answer(slow_reader)
        assert len(whole.content) == kept["size_bytes"]
    await expect_stored(settings, notes=1, pictures=1)


async def test_a_broken_off_multipart_body_is_refused(one: Replica, settings: Settings) -> None:
    start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = start + picture()
    async with connect(one) as (reader, writer):
        type_ = "multipart/form-data; boundary=b"
        writer.write(head("POST", PICTURES, Content_Length=str(len(body)), Content_Type=type_) + body)
        answer = await read_answer(reader)
    assert "file" in expect_problem(answer, 422, "invalid")["detail"]
    await expect_unmoved(one)
    await expect_no_files_left(one)
    await expect_stored(settings)


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on_or_not(one: Replica) -> None:
    for length, expected in ((20, b"HTTP/1.1 100 "), (10**10, b"HTTP/1.1 413 ")):
        async with connect(one) as (reader, writer):
            type_ = {"Content_Type": "application/json", "Expect": "100-continue"}
            writer.write(head("POST", "/api/v1/notes", Content_Length=str(length), **type_))
            async with asyncio.timeout(30):
                assert (await reader.readuntil(b"\r\n")).startswith(expected)


async def test_idle_uploads_do_not_keep_others_waiting(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with ready_replica(settings, tmp_path_factory.mktemp("idle"), KNOTE_PICTURE_WORKERS="1") as replica:
        writers = []
        for _ in range(50):
            _, writer = await asyncio.open_connection("127.0.0.1", replica.port)
            type_ = "multipart/form-data; boundary=b"
            writer.write(head("POST", PICTURES, Content_Length="100000", Content_Type=type_) + b"--b\r\n")
            writers.append(writer)
        async with replica.open() as client:
            answer = await client.post(PICTURES, files={"file": picture()})
            assert answer.status_code == 201
        for writer in writers:
            writer.close()
        await expect_unmoved(replica)
