"""Bodies of ten gigabytes: refused in words, while next to nothing of them is held."""

import asyncio
import contextlib
import re
from pathlib import Path

import httpx
import pytest

from api.expect import expect_problem, expect_stored
from delivery.web import Web
from knote.settings import Settings
from wire.replica import MEBIBYTE, Replica

TEN_GIGABYTES = 10 * 1024**3
START = {
    "/api/v1/pictures": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n\x89PNG\r\n\x1a\n',
    ),
    "/api/v1/notes": ("application/json", b'{"content": "'),
}
MOST_HELD_BYTES = 24 * MEBIBYTE


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had."""
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    return int(found) * 1024


async def send_ten_gigabytes(port: int, path: str, *, chunked: bool) -> tuple[httpx.Response, int]:
    """Sends until there is an answer. The answer, and how many bytes were taken before it."""
    type_, start = START[path]
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {TEN_GIGABYTES}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = asyncio.create_task(_answer(reader))
    taken = 0
    try:
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: knote\r\nContent-Type: {type_}\r\n{size}\r\n\r\n".encode()
        )
        piece = start + b"x" * (256 * 1024 - len(start))
        while taken < TEN_GIGABYTES and not answered.done():
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            drained = asyncio.ensure_future(writer.drain())
            await asyncio.wait({drained, answered}, return_when=asyncio.FIRST_COMPLETED)
            if not drained.done():
                drained.cancel()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await drained
            taken += len(piece)
            piece = b"x" * 256 * 1024
        async with asyncio.timeout(30):
            return await answered, taken
    finally:
        writer.transport.abort()


async def _answer(reader: asyncio.StreamReader) -> httpx.Response:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lines = (line.partition(": ") for line in head[1:] if line)
    headers = httpx.Headers([(name, value) for name, _, value in lines])
    content = await reader.readexactly(int(headers["content-length"]))
    return httpx.Response(int(head[0].split(" ")[1]), headers=headers, content=content)


@pytest.mark.parametrize("way", ["bare", "web"])
async def test_ten_gigabytes_are_refused_in_bounded_memory(
    web: Web, replica: Replica, settings: Settings, way: str
) -> None:
    port = replica.port if way == "bare" else web.port
    assert replica.process is not None
    processes = {"api": replica.process.pid, **web.workers()}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        assert (await client.get("/api/v1/notes")).status_code == 200
        before = {name: peak_bytes(pid) for name, pid in processes.items()}
        for path in START:
            for chunked in (False, True):
                answer, taken = await send_ten_gigabytes(port, path, chunked=chunked)
                expect_problem(answer, 413, "content-too-large")
                # A limit, and what the sockets on the way hold.
                assert taken < 64 * MEBIBYTE, f"{path}, chunked {chunked}: {taken}"
        assert (await client.get("/api/v1/notes")).json()["items"] == []
    grown = {name: peak_bytes(pid) - before[name] for name, pid in processes.items()}
    assert not {name: size for name, size in grown.items() if size > MOST_HELD_BYTES}, grown
    assert not list(replica.temporary.iterdir()), "temporary files were left"
    assert not [line for line in replica.log if line["level"] in {"ERROR", "CRITICAL"}]
    await expect_stored(settings)
