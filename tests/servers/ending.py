"""An object store that has been told to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def ending_store() -> AsyncIterator[str]:
    """Answers what a MinIO does then: 499, as if the client had gone. Gives its address."""
    async with await asyncio.start_server(_end, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    said = b"<Error><Code>ClientDisconnected</Code></Error>"
    writer.write(b"HTTP/1.1 499 status code 499\r\nContent-Length: %d\r\n" % len(said))
    writer.write(b"Connection: close\r\n\r\n" + said)
    await writer.drain()
    await reader.read()  # what else there is of the body, until the client hangs up
    writer.close()
