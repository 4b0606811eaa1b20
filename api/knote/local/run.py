"""`knote local`: starts the servers, serves API and page on one port, and ends all of it."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import SecretStr

import knote
from knote.app import create_app
from knote.local.child import ChildServer, until
from knote.local.datafolder import DataFolder
from knote.local.errors import LocalModeError
from knote.local.mongod import MongoServer
from knote.local.s3server import S3Server
from knote.local.spa import Spa
from knote.local.supervisor import Supervisor
from knote.logs import configure_logging
from knote.server import Server
from knote.settings import Settings


async def run_local(settings: Settings) -> int:
    """Runs until Ctrl-C or SIGTERM; the process's exit status. What is wrong is said on stderr."""
    stop = StopSignals()
    with stop.caught():
        try:
            return await _run(settings, stop)
        except LocalModeError as error:
            print(f"knote: {error}", file=sys.stderr, flush=True)
            return 1


class StopSignals:
    """Ctrl-C and SIGTERM: the first asks for an orderly end, the second for a quick one."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Takes the signals for as long as this lasts."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        try:
            for number in numbers:
                loop.add_signal_handler(number, self._receive)
        except NotImplementedError:  # Windows: Ctrl-C cancels the main task instead
            yield
            return
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _receive(self) -> None:
        if self.asked.is_set():
            self.hurried.set()
        else:
            _say("\nStopping. (Ctrl-C again: at once.)")
        self.asked.set()


class LocalServer(Server):
    """The server of production; only the signals are not its own here."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals to local mode, which has more to stop than this server."""
        yield


async def _run(settings: Settings, stop: StopSignals) -> int:
    began = time.monotonic()
    with contextlib.ExitStack() as held:
        listener = held.enter_context(_bind(settings))
        servers = _own_servers(settings)
        _say(f"Knote {version('knote')}, local mode")
        if servers:
            folder = held.enter_context(DataFolder(settings.data_dir))
            _say(f"  data: {folder.path}")
        for server in servers:
            _say(f"  starting {server.title} ...")
        supervisor = Supervisor(servers, say=_say)
        try:
            if not await _finishes(supervisor.start(), unless=stop.asked):
                return 0
            address = listener.getsockname()[1]
            ready = f"Knote is ready at http://{_shown_host(settings)}:{address}"
            watching = asyncio.create_task(supervisor.watch())
            try:
                return await _serve(_with_servers(settings, servers), listener, stop, ready, began)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        finally:
            await supervisor.stop(hurry=stop.hurried)
            if stop.asked.is_set():
                _say("Knote has ended; your data stays where it is.")


def _own_servers(settings: Settings) -> list[ChildServer]:
    """The servers nobody else provides."""
    servers: list[ChildServer] = []
    if "mongo_url" in settings.model_fields_set:
        _say("  MongoDB: the one in MONGO_URL")
    else:
        servers.append(MongoServer(settings.data_dir))
    if "minio_host" in settings.model_fields_set:
        _say("  S3: the one in MINIO_HOST")
    else:
        servers.append(S3Server(settings.data_dir, bucket=settings.minio_bucket))
    return servers


def _with_servers(settings: Settings, servers: list[ChildServer]) -> Settings:
    changes: dict[str, Any] = {}
    for server in servers:
        if isinstance(server, MongoServer):
            changes["mongo_url"] = SecretStr(server.url)
        if isinstance(server, S3Server):
            changes["minio_host"] = server.endpoint
            changes["minio_access_key"] = server.access_key
            changes["minio_secret_key"] = SecretStr(server.secret_key)
    if "log_format" not in settings.model_fields_set:
        changes["log_format"] = "text"  # people read it here
    return settings.model_copy(update=changes)


async def _serve(
    settings: Settings, listener: socket.socket, stop: StopSignals, ready: str, began: float
) -> int:
    configure_logging(settings)
    app = create_app(settings)
    server = LocalServer(app, settings, served=Spa(app, _web_dir(settings)))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    signals = asyncio.create_task(_pass_on(stop, server))
    try:
        await until(lambda: server.started or serving.done())
        if server.started:
            _say(f"{ready} ({time.monotonic() - began:.1f} s). Ctrl-C ends it.")
        await serving
    finally:
        signals.cancel()
        await asyncio.gather(signals, return_exceptions=True)
    return 0 if server.started else 1


async def _pass_on(stop: StopSignals, server: LocalServer) -> None:
    """Tells the HTTP server what the signals would: drain, then make haste."""
    await stop.asked.wait()
    server.handle_exit(signal.SIGTERM, None)
    await stop.hurried.wait()
    server.should_exit = server.force_exit = True


async def _finishes(work: Coroutine[Any, Any, None], *, unless: asyncio.Event) -> bool:
    """Whether the work came to its end before the event; it is cancelled otherwise."""
    task = asyncio.create_task(work)
    waiting = asyncio.create_task(unless.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        ended = task.done()
        task.cancel()
        await asyncio.gather(waiting, task, return_exceptions=True)
    if ended:
        task.result()
    return ended


def _bind(settings: Settings) -> socket.socket:
    """The port of the page and the API, taken before anything is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise LocalModeError(
            f"Port {settings.port} on {settings.host} cannot be used ({error.strerror or error}):"
            " stop what is using it, or choose another port with KNOTE_PORT."
        ) from error
    return listener


def _web_dir(settings: Settings) -> Path:
    beside_checkout = Path(knote.__file__).resolve().parents[2] / "frontend" / "dist"
    return settings.web_dir or beside_checkout


def _shown_host(settings: Settings) -> str:
    if settings.host in {"127.0.0.1", "0.0.0.0", "::", "::1"}:  # noqa: S104 - only shown
        return "localhost"
    return f"[{settings.host}]" if ":" in settings.host else settings.host


def _say(line: str) -> None:
    print(line, flush=True)
