"""One object of the S3 server a request, streamed by aiohttp from a presigned URL: no row, no checks."""

import os

import aiohttp
from starlette.types import Receive, Scope, Send

from bench.limits.serve import serve

CHUNK_BYTES = 256 * 1024


class Pictures:
    """Streams the object at `URL`, whatever is asked for."""

    def __init__(self) -> None:
        self._url = os.environ["URL"]
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=64), read_bufsize=CHUNK_BYTES
            )
        async with self._session.get(self._url) as answer:
            length = answer.headers["content-length"].encode()
            headers = [(b"content-type", b"image/jpeg"), (b"content-length", length)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    serve(Pictures())
