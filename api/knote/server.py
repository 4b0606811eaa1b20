"""The HTTP server around the app: readiness falls first, then requests finish, then it exits."""

import gc
import socket
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from knote.health import Drain
from knote.settings import Settings

HEAD_BYTES = 64 * 1024


class BoundedHead(HttpToolsProtocol):
    """Uvicorn's HTTP with an end to what may come before, after and between bytes of a body.

    The parser keeps a request line, headers and trailers in memory until they are complete.
    """

    _idle_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Takes bytes from the socket; cuts the connection when too many have led to nothing."""
        self._idle_bytes += len(data)
        super().data_received(data)
        if self._idle_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.logger.warning("A request with too large a head was refused.")
            if self.cycle is None or self.cycle.response_complete:
                self.send_400_response("The head of this request is too large.")
            self.transport.close()

    def on_body(self, body: bytes) -> None:
        """Takes a part of a body."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Takes note that a request has been read."""
        self._idle_bytes = 0
        super().on_message_complete()


class Server(uvicorn.Server):
    """Uvicorn with a drain: after SIGTERM or SIGINT it serves on for `drain_seconds`, not ready.

    A second signal cuts the drain short, a third one the running requests.
    """

    def __init__(self, app: FastAPI, settings: Settings, *, served: ASGIApp | None = None) -> None:
        """`served` stands around `app` where something wraps it, as local mode does."""
        super().__init__(
            uvicorn.Config(
                served or app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="on",
                timeout_keep_alive=75,
                timeout_graceful_shutdown=settings.shutdown_seconds,
                http=BoundedHead,
            )
        )
        self._drain: Drain = app.state.drain
        self._drain_seconds = settings.drain_seconds
        self._exit_at = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Starts the drain at the first signal, ends it at the second.

        The signal is not raised again after the server has stopped: to stop was its purpose.
        """
        if self.should_exit:
            self.force_exit = True
        elif self._drain.is_on:
            self.should_exit = True
        else:
            self._drain.is_on = True
            self._exit_at = time.monotonic() + self._drain_seconds
            self.should_exit = self._drain_seconds == 0 or not self.started

    async def on_tick(self, counter: int) -> bool:
        """Runs ten times a second: ends the drain when its time is over."""
        if time.monotonic() >= self._exit_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts as uvicorn does, then takes what is there out of the garbage collector's work."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
