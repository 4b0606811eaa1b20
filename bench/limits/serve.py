"""Runs a bare ASGI app as Knote runs its own: uvicorn, uvloop, httptools, the same garbage collection."""

import gc
import os
import socket

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)


def serve(app: ASGIApp) -> None:
    """Serves on `PORT` until it is ended."""
    port = int(os.environ["PORT"])
    _Server(
        uvicorn.Config(
            app, port=port, log_level="warning", access_log=False, server_header=False, lifespan="off"
        )
    ).run()
