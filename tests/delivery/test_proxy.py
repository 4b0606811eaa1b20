"""Requests through web to the API: limits, streaming, identity, and replicas that die."""

import asyncio
import contextlib
import dataclasses
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from api.expect import expect_problem
from api.samples import noise_png, picture
from delivery.conftest import PICTURES, kept
from delivery.line import Line
from delivery.web import Web
from knote.settings import Settings
from wire.replica import MEBIBYTE, Replica, ready_replica, until

NOTES = "/api/v1/notes"


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


async def pieces(size_bytes: int) -> AsyncIterator[bytes]:
    """A body that does not say how long it is."""
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    for _ in range(size_bytes // 65536):
        yield b"x" * 65536


@pytest.fixture
async def api_line(replica: Replica) -> AsyncIterator[Line]:
    """A line to the replica."""
    line = Line(replica.port)
    await line.open()
    yield line
    await line.cut()


@pytest.fixture
async def watched(api_line: Line, s3_line: Line, tmp_path: Path) -> AsyncIterator[Web]:
    """An nginx whose only API is at the end of that line."""
    nginx = Web(tmp_path, api=[api_line.address], s3=s3_line.address)
    nginx.start()
    yield nginx
    nginx.stop()


async def test_a_body_that_is_too_large_is_a_problem_document(browser: httpx.AsyncClient) -> None:
    for path, size in ((PICTURES, 21 * MEBIBYTE), (NOTES, 8 * MEBIBYTE), (NOTES, 2 * MEBIBYTE)):
        declared = await browser.post(path, content=b"x" * size)
        expect_problem(declared, 413, "content-too-large")
        chunked = await browser.post(path, content=pieces(size), headers=MULTIPART)
        expect_problem(chunked, 413, "content-too-large")
    largest = 20 * MEBIBYTE - 1000
    refused = await browser.post(PICTURES, files={"file": ("image.png", b"x" * largest)})
    expect_problem(refused, 415, "unsupported-picture")


async def test_an_upload_reaches_the_api_while_it_is_sent(watched: Web, api_line: Line) -> None:
    data = noise_png(600)
    head = (
        f"POST {PICTURES} HTTP/1.1\r\nHost: knote\r\nContent-Length: {len(data)}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    _, writer = await asyncio.open_connection("127.0.0.1", watched.port)
    half = len(data) // 2
    writer.write(head.encode() + data[:half])
    await writer.drain()

    async def has_the_half() -> bool:
        return api_line.received_bytes >= half

    await until(has_the_half, what="half of the upload is there", within_seconds=5)
    writer.transport.abort()


async def test_a_note_reaches_the_api_when_it_is_whole(watched: Web, api_line: Line) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", watched.port)
    writer.write(
        f"POST {NOTES} HTTP/1.1\r\nHost: knote\r\nContent-Type: application/json\r\n"
        'Content-Length: 17\r\n\r\n{"content": "'.encode()
    )
    await writer.drain()
    await asyncio.sleep(0.3)
    assert api_line.received_bytes == 0
    writer.write(b'abc"}')
    await writer.drain()
    assert (await reader.readline()).startswith(b"HTTP/1.1 422"), "17 bytes hold no whole object"
    writer.transport.abort()


async def test_the_address_of_a_client_is_what_the_trusted_proxy_in_front_says(
    replica: Replica, web: Web, s3_line: Line, tmp_path: Path
) -> None:
    """The gateway is this test; another one may have been before it, and its client may lie."""
    behind = Web(
        tmp_path,
        api=[f"127.0.0.1:{replica.port}"],
        s3=s3_line.address,
        TRUSTED_PROXIES="127.0.0.1 10.0.0.0/8",
    )
    behind.start()
    asked = {
        "of-gateway": (behind, "192.0.2.7", "192.0.2.7"),
        "of-two": (behind, "198.51.100.1, 192.0.2.7, 10.1.1.1", "192.0.2.7"),
        "of-six": (behind, "2001:db8::7", "2001:db8::7"),
        "not-behind": (web, "192.0.2.7", "127.0.0.1"),
    }
    try:
        for id_, (asking, told, _) in asked.items():
            async with asking.open() as client:
                await client.get(NOTES, headers={"X-Request-ID": id_, "X-Forwarded-For": told})
    finally:
        behind.stop()
    seen = {id_: (await replica.line_of(id_))["client"] for id_ in asked}
    assert seen == {id_: expected for id_, (_, _, expected) in asked.items()}


async def test_the_name_and_the_port_that_were_asked_pass(watched: Web, api_line: Line) -> None:
    asked = {
        f"localhost:{watched.port}": f"localhost:{watched.port}",
        "Knote.Example": "knote.example",
        "[::1]:8080": "[::1]:8080",
        "[::1]": "[::1]",
    }
    async with watched.open() as client:
        for host in asked:
            await client.get(NOTES, headers={"Host": host})
        for bad in ("knote:x", "knote/a", "a b"):
            assert (await client.get(NOTES, headers={"Host": bad})).status_code in {200, 400}
    hosts = [re.findall(r"\r\nHost: (.*)\r\n", head) for head in api_line.heads]
    assert [host for (host,) in hosts][: len(asked)] == list(asked.values())
    assert not [host for (host,) in hosts if not re.fullmatch(r"[a-z0-9.\[\]:-]+", host)]


async def test_the_request_id_passes_and_the_address_is_written_anew(watched: Web, api_line: Line) -> None:
    async with watched.open() as client:
        given = await client.get(NOTES, headers={"X-Request-ID": "one-2.3", "X-Forwarded-For": "10.9.8.7"})
        assert given.headers.get_list("x-request-id") == ["one-2.3"]
        made = await client.get(NOTES, headers={"X-Request-ID": "no such id\t!", "Forwarded": "for=evil"})
        assert len(made.headers["x-request-id"]) == 32
        picture_ = await kept(client, picture())
        shown = await client.get(picture_["url"], headers={"X-Request-ID": "shown-1"})
        assert shown.headers.get_list("x-request-id") == ["shown-1"]
    for head in api_line.heads:
        assert "\r\nX-Forwarded-For: 127.0.0.1\r\n" in head
        assert "10.9.8.7" not in head
        assert "evil" not in head


async def test_connections_to_the_api_are_kept(web: Web, replica: Replica) -> None:
    async with web.open() as client:
        for _ in range(50):
            assert (await client.get(NOTES)).status_code == 200
    assert replica.process is not None
    held = psutil.Process(replica.process.pid).net_connections()
    from_web = [one for one in held if one.laddr.port == replica.port and one.status == "ESTABLISHED"]
    assert 1 <= len(from_web) <= 4


async def test_etags_of_the_api_stay_strong(browser: httpx.AsyncClient) -> None:
    made = await browser.post(NOTES, json={"content": "text " * 5000})
    read = await browser.get(made.headers["location"], headers={"Accept-Encoding": "gzip, br"})
    assert read.headers["etag"] == made.headers["etag"] == '"1"'
    assert "content-encoding" not in read.headers
    changed = await browser.put(
        made.headers["location"], json={"content": "new"}, headers={"If-Match": read.headers["etag"]}
    )
    assert changed.status_code == 200
    gone = await browser.delete(made.headers["location"], headers={"If-Match": changed.headers["etag"]})
    assert gone.status_code == 204


async def test_docs_and_contract_are_served(browser: httpx.AsyncClient) -> None:
    for path in ("/docs", "/openapi.json"):
        assert (await browser.get(path)).status_code == 200
    assert (await browser.get("/docs")).headers["cross-origin-opener-policy"] == "same-origin"


async def test_without_any_api_everything_under_it_is_a_503_problem(
    browser: httpx.AsyncClient, replica: Replica
) -> None:
    replica.kill()
    for method in ("GET", "POST", "PUT", "DELETE"):
        for path in (NOTES, PICTURES, f"{NOTES}/abc", f"{PICTURES}/{'0' * 64}"):
            answer = await browser.request(method, path, headers={"X-Request-ID": "mine"})
            problem = expect_problem(answer, 503, "unavailable")
            assert problem["request_id"] == "mine"
            assert answer.headers["retry-after"] == "2"
    assert (await browser.get("/")).status_code == 200


async def test_no_read_fails_while_a_replica_is_killed(settings: Settings, tmp_path: Path) -> None:
    s3 = urlsplit(settings.s3_endpoint).netloc
    async with (
        ready_replica(settings, tmp_path, KNOTE_PICTURE_DELIVERY="accel") as one,
        ready_replica(settings, tmp_path, KNOTE_PICTURE_DELIVERY="accel") as other,
    ):
        nginx = Web(tmp_path, api=[f"127.0.0.1:{each.port}" for each in (one, other)], s3=s3)
        nginx.start()
        try:
            async with nginx.open() as browser:
                read = await read_while_killing(browser, one)
        finally:
            nginx.stop()
    assert read.failed == [], read
    # An answer that had begun cannot be begun again: each reader may see one cut off.
    assert len(read.cut) <= 6, read
    assert read.done > 100


@dataclasses.dataclass
class Read:
    """How many reads were done, and what was wrong with the others."""

    done: int = 0
    cut: list[str] = dataclasses.field(default_factory=list)
    failed: list[str] = dataclasses.field(default_factory=list)


async def read_while_killing(browser: httpx.AsyncClient, victim: Replica) -> Read:
    """What six readers saw while the replica was killed."""
    note = (await browser.post(NOTES, json={"content": "still here"})).headers["location"]
    found = await kept(browser, picture())
    seen = Read()
    is_over = False

    async def read(path: str) -> None:
        while not is_over:
            try:
                answer = await browser.get(path)
            except httpx.RemoteProtocolError as error:
                seen.cut.append(f"{path}: {error!r}")
            except httpx.HTTPError as error:
                seen.failed.append(f"{path}: {error!r}")
            else:
                seen.done += answer.status_code == 200
                if answer.status_code != 200:
                    seen.failed.append(f"{path}: {answer.status_code} {answer.text}")

    readers = [asyncio.create_task(read(path)) for path in (NOTES, note, found["url"]) * 2]
    await asyncio.sleep(1)
    victim.send_signal(signal.SIGKILL)
    await asyncio.sleep(2)
    is_over = True
    await asyncio.gather(*readers)
    return seen


async def test_a_write_that_was_sent_is_not_sent_twice(
    tmp_path: Path,
) -> None:
    """Two APIs that take the request, and hang up without a word."""
    asked: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.read(65536)).partition(b" ")[0])
        writer.close()

    servers = [await asyncio.start_server(hang_up, "127.0.0.1", 0) for _ in range(2)]
    addresses = [f"127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    nginx = Web(tmp_path, api=addresses, s3="127.0.0.1:9")
    nginx.start()
    try:
        async with nginx.open() as client:
            for method in ("PUT", "DELETE", "POST", "PATCH"):
                expect_problem(await client.request(method, f"{NOTES}/abc"), 503, "unavailable")
            expect_problem(await client.post(PICTURES, files={"file": b"abc"}), 503, "unavailable")
            expect_problem(await client.get(NOTES), 503, "unavailable")
    finally:
        nginx.stop()
        for server in servers:
            server.close()
    assert asked == [b"PUT", b"DELETE", b"POST", b"PATCH", b"POST", b"GET", b"GET", b"GET"]


async def test_a_client_that_never_ends_its_head_is_let_go(bare_web: Web) -> None:
    with socket.create_connection(("127.0.0.1", bare_web.port)) as slow:
        slow.settimeout(15)
        slow.sendall(b"GET / HTTP/1.1\r\nHost: knote\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.to_thread(slow.recv, 1) == b""
