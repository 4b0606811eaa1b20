"""A TCP line to a server that says what passed through it, and can be cut."""

import asyncio
import contextlib
import re

from knote.local.ports import free_port

_HEAD = re.compile(rb"(?:GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1\.1\r\n.*?\r\n\r\n", re.DOTALL)
_CHUNK_BYTES = 64 * 1024


class Line:
    """Passes bytes from a port of its own to `target`, and keeps the head of each request."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.heads: list[str] = []
        self.received_bytes = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begins to listen."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Refuses new connections and drops those there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def requests(self, method: str, part: str = "") -> int:
        """How many requests of this method came, for a path with this part."""
        return sum(head.startswith(f"{method} ") and part in head.partition("\r\n")[0] for head in self.heads)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        self._writers.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self._writers.discard(writer)
            writer.transport.abort()
            return
        self._writers.add(there_writer)
        ways = (
            self._copy(reader, there_writer, listen=True),
            self._copy(there_reader, writer, listen=False),
        )
        await asyncio.gather(*ways, return_exceptions=True)
        for one in (writer, there_writer):
            one.close()
            self._writers.discard(one)

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, listen: bool
    ) -> None:
        kept = b""
        while chunk := await reader.read(_CHUNK_BYTES):
            if listen:
                self.received_bytes += len(chunk)
                kept = self._note(kept + chunk)
            writer.write(chunk)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    def _note(self, data: bytes) -> bytes:
        """Keeps the heads in the data. Returns what may be the beginning of one."""
        end = 0
        for found in _HEAD.finditer(data):
            self.heads.append(found[0].decode("latin-1"))
            end = found.end()
        return data[end:][-16 * 1024 :]
