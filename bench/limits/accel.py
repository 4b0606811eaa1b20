"""One answer that sends nginx to an object, at once and whoever asks: no session, no row, no signing."""

import os

from starlette.types import Receive, Scope, Send

from bench.limits.serve import serve


class Accel:
    """Answers with `REDIRECT` as its X-Accel-Redirect, whatever is asked for."""

    def __init__(self) -> None:
        self._headers = [
            (b"content-type", b"image/jpeg"),
            (b"content-length", b"0"),
            (b"x-accel-redirect", os.environ["REDIRECT"].encode()),
            (b"x-accel-cache-control", b"private, max-age=31536000, immutable"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    serve(Accel())
