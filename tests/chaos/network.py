"""The lines between the parts, in a process of their own: a Service for the API, proxies for the stores.

`python -m chaos.network` takes one JSON object a line on standard input and answers each with one line.
It knows three kinds of line:

- `service`: each connection goes to one of the targets at random, as a Service of Kubernetes does it;
- `tcp`: to the one target; connections of MongoDB's members among themselves pass without faults;
- `http`: to the one target; it can answer in the target's place.
"""

import asyncio
import contextlib
import dataclasses
import json
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from knote.local.child import until

_CHUNK_BYTES = 256 * 1024
_CHUNKS_ON_THE_WAY = 64
_AMONG_MEMBERS = b"internalClient"
_REFUSED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)


@dataclasses.dataclass
class Weather:
    """What is wrong with a line at the moment."""

    delay_seconds: float = 0
    cut_after_bytes: int | None = None
    answers_errors: bool = False


class Line:
    """One port that passes connections on."""

    def __init__(self, port: int, kind: str, targets: list[int], seed: int) -> None:
        self.port = port
        self.kind = kind
        self.targets = targets
        self.weather = Weather()
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()

    async def open(self) -> None:
        """Begins to listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=1024)

    def cut(self) -> None:
        """Drops the connections there are, in the middle of whatever they carry."""
        for link in list(self._links):
            if not link.is_immune:
                link.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, writer)
        self._links.add(link)
        try:
            first = await reader.read(_CHUNK_BYTES) if self.kind != "service" else b""
            link.is_immune = self.kind == "service" or _AMONG_MEMBERS in first
            if self.kind == "http" and self.weather.answers_errors:
                await _refuse(writer)
                return
            if not self.targets:
                link.abort()
                return
            there_reader, there = await asyncio.open_connection(
                "127.0.0.1", self._random.choice(self.targets)
            )
            link.writers.append(there)
            if first:
                there.write(first)
            await asyncio.gather(
                link.pass_on(reader, there, is_answer=False),
                link.pass_on(there_reader, writer, is_answer=True),
            )
        except OSError:
            link.abort()
        finally:
            self._links.discard(link)
            for one in link.writers:
                one.close()


class _Link:
    """One connection through a line: two ways."""

    def __init__(self, line: Line, writer: asyncio.StreamWriter) -> None:
        self._line = line
        self.writers = [writer]
        self.is_immune = False
        self._answered_bytes = 0

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    async def pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        """Copies one way until it ends. Answers are what is late or cut."""
        loop = asyncio.get_running_loop()
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_ON_THE_WAY)
        delivering = asyncio.create_task(self._deliver(on_the_way, writer, is_answer=is_answer))
        try:
            while chunk := await reader.read(_CHUNK_BYTES):
                await on_the_way.put((loop.time(), chunk))
            await on_the_way.put((loop.time(), b""))
            await delivering
        finally:
            delivering.cancel()

    async def _deliver(
        self, on_the_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            came_at, chunk = await on_the_way.get()
            if not self.is_immune:
                if is_answer:
                    await until(lambda at=came_at: loop.time() >= at + self._line.weather.delay_seconds)  # type: ignore[misc]
                if self._is_cut_at(chunk, is_answer=is_answer):
                    writer.write(chunk[: len(chunk) // 2])
                    await asyncio.sleep(0.01)
                    self.abort()
                    return
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    def _is_cut_at(self, chunk: bytes, *, is_answer: bool) -> bool:
        weather = self._line.weather
        if weather.answers_errors and self._line.kind == "http":
            return True
        if not is_answer or weather.cut_after_bytes is None:
            return False
        self._answered_bytes += len(chunk)
        return self._answered_bytes > weather.cut_after_bytes


async def _refuse(writer: asyncio.StreamWriter) -> None:
    """Answers as an S3 server under too much load does, whatever was asked."""
    writer.write(
        b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(_REFUSED), _REFUSED)
    )
    await writer.drain()
    # A moment for the client to read it before what it still sends meets a closed connection.
    await asyncio.sleep(0.2)


async def _serve() -> None:
    lines: dict[str, Line] = {}
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while order := await orders.readline():
        asked = json.loads(order)
        name = asked["line"]
        match asked["do"]:
            case "open":
                lines[name] = Line(asked["port"], asked["kind"], asked["targets"], asked["seed"])
                await lines[name].open()
            case "target":
                lines[name].targets = asked["targets"]
            case "weather":
                lines[name].weather = dataclasses.replace(lines[name].weather, **asked["weather"])
            case "cut":
                lines[name].cut()
        sys.stdout.write("{}\n")
        sys.stdout.flush()


class Network:
    """The process, seen from outside."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The process, for as long as this lasts; it ends with its standard input."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "chaos.network"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=Path(__file__).parents[1],
            )
        try:
            yield
        finally:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()

    async def open(self, line: str, port: int, kind: str, targets: list[int], *, seed: int) -> None:
        """Opens a line."""
        await self._tell(do="open", line=line, port=port, kind=kind, targets=targets, seed=seed)

    async def target(self, line: str, targets: list[int]) -> None:
        """Sends new connections elsewhere; those there are stay."""
        await self._tell(do="target", line=line, targets=targets)

    async def weather(self, line: str, **weather: Any) -> None:
        """Makes the line bad in this way, or good again; what is not named stays as it is."""
        await self._tell(do="weather", line=line, weather=weather)

    async def cut(self, line: str) -> None:
        """Drops the line's connections."""
        await self._tell(do="cut", line=line)

    async def _tell(self, **order: Any) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        async with self._lock:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
            answer = await process.stdout.readline()
        assert answer, f"the network has ended: {self._log.read_text(encoding='utf-8')}"


def _loop_factory() -> asyncio.AbstractEventLoop:
    from uvicorn import Config

    factory = Config(app="knote").get_loop_factory()
    return factory() if factory else asyncio.new_event_loop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_loop_factory) as runner:
        runner.run(_serve())
