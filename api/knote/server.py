"""The HTTP server around the app: readiness falls first, then requests finish, then it exits."""

import asyncio
import ctypes
import gc
import os
import socket
import sys
import time
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from knote.health import Drain
from knote.settings import Settings

if sys.platform != "win32":
    import resource

HEAD_BYTES = 64 * 1024
OPEN_FILES = 64 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP with an end to what may come around the bytes of a body, and to waiting for it.

    The parser keeps a request line, headers and trailers in memory until they are complete. A head
    gets `silence_seconds` in all, a body as long between any two parts of it.
    """

    silence_seconds: float = 30.0

    _idle_bytes = 0
    _is_midway = False
    _has_moved = False
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes a connection, and begins to wait for its first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes bytes from the socket; cuts the connection when too many have led to nothing."""
        self._idle_bytes += len(data)
        super().data_received(data)
        if self._idle_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.logger.warning("A request with too large a head was refused.")
            if self.cycle is None or self.cycle.response_complete:
                self.send_400_response("The head of this request is too large.")
            self.transport.close()
        if not self._is_midway and not self._idle_bytes:
            self._stop_waiting()
        elif self._has_moved or self._patience is None:
            self._wait()
        self._has_moved = False

    def on_message_begin(self) -> None:
        """Takes the first byte of a request."""
        self._is_midway = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Takes the head of a request."""
        self._has_moved = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Takes a part of a body."""
        self._idle_bytes = 0
        self._has_moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Takes note that a request has been read."""
        self._idle_bytes = 0
        self._is_midway = False
        super().on_message_complete()

    def _wait(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(self.silence_seconds, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        """Cuts the connection, unless it is the app that does not go on."""
        is_answering = self.cycle is not None and not self.cycle.response_complete and not self._is_midway
        if self.flow.read_paused or is_answering:
            self._wait()
        else:
            self.transport.close()


class Server(uvicorn.Server):
    """Uvicorn with a drain: after SIGTERM or SIGINT it serves on for `drain_seconds`, not ready.

    A second signal cuts the drain short, a third one the running requests.
    """

    def __init__(self, app: FastAPI, settings: Settings, *, served: ASGIApp | None = None) -> None:
        """`served` stands around `app` where something wraps it, as local mode does."""

        class Protocol(BoundedProtocol):
            silence_seconds = settings.client_timeout_seconds

        super().__init__(
            uvicorn.Config(
                served or app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                lifespan="on",
                timeout_keep_alive=75,
                timeout_graceful_shutdown=settings.shutdown_seconds,
                http=Protocol,
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
        _raise_open_files()
        _finish_before_others()
        # Loading leaves next to no garbage; opening the stores does.
        gc.freeze()
        await super().startup(sockets)
        gc.collect()
        _return_memory()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        gc.enable()


def _finish_before_others() -> None:
    """Lets no thread of this process that wakes up take the core from another one.

    Motor's threads wake up for each answer of MongoDB, and find that Python lets one thread run at a time:
    each request would cost eight changes of thread instead of two.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # where the sandbox forbids to ask
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _return_memory() -> None:
    """Gives back what starting took and needs no more: 6 MB, which glibc would keep."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # of another C library
            ctypes.CDLL(None).malloc_trim(0)


def _raise_open_files() -> None:
    """Lets this process open as many files as it may: each connection and each upload is one."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
