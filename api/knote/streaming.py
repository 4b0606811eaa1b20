"""An answer that is sent while it comes in, for as long as there is somebody to take it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class Stream(StreamingResponse):
    """Starlette's, but for how it looks out for a client that leaves: by one task, not by a group of them.

    The task is looked at before each chunk.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        """`chunks` is closed however the answer ends."""
        super().__init__(chunks, status, headers, media_type)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Sends all chunks, or those that come before the client leaves."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            async with aclosing(self._chunks):
                await send(start)
                async for chunk in self._chunks:
                    if leaving.done():
                        return
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()
