"""The HTTP side of local mode: the API of production and the built page, on one port."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import knote
from knote.app import create_app
from knote.errors import PicturesUnavailable
from knote.local.child import until
from knote.local.signals import StopSignals
from knote.local.spa import Spa
from knote.logs import configure_logging
from knote.s3 import open_bucket
from knote.server import Server
from knote.settings import Settings

logger = logging.getLogger(__name__)


class LocalServer(Server):
    """The server of production; only the signals are not its own here."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to local mode, which has more to stop than this server."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes the app's stores in a hurry too: what waits for them would keep the process."""
        await super().shutdown(sockets)
        if self.force_exit:
            await self.lifespan.shutdown()


async def serve(
    settings: Settings,
    listener: socket.socket,
    *,
    stop: StopSignals,
    on_ready: Callable[[], None],
) -> bool:
    """Serves until the signals say otherwise. Whether it ever came to serve."""
    configure_logging(settings)
    await _make_bucket(settings)
    app = create_app(settings)
    server = LocalServer(app, settings, served=Spa(app, _web_dir(settings)))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    signals = asyncio.create_task(_pass_on(stop, server))
    try:
        await until(lambda: server.started or serving.done())
        if server.started:
            on_ready()
        await serving
    finally:
        signals.cancel()
        await asyncio.gather(signals, return_exceptions=True)
    return server.started


async def _make_bucket(settings: Settings) -> None:
    """Makes the bucket on a server that was given; on our own it is there already."""
    async with open_bucket(settings) as bucket:
        try:
            await bucket.ensure()
        except PicturesUnavailable as error:
            logger.warning("bucket %s: %s", settings.minio_bucket, error.__cause__)


async def _pass_on(stop: StopSignals, server: LocalServer) -> None:
    """Tells the HTTP server what the signals would: drain, then make haste."""
    await stop.asked.wait()
    server.handle_exit(signal.SIGTERM, None)
    await stop.hurried.wait()
    server.should_exit = server.force_exit = True


def _web_dir(settings: Settings) -> Path:
    beside_checkout = Path(knote.__file__).resolve().parents[2] / "frontend" / "dist"
    return settings.web_dir or beside_checkout
