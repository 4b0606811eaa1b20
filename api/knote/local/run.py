"""`knote local`: starts the servers, serves API and page on one port, and ends all of it."""

import asyncio
import contextlib
import importlib
import socket
import sys
import time
from collections.abc import Coroutine
from importlib.metadata import version
from typing import Any

from pydantic import SecretStr

from knote.local.child import ChildServer
from knote.local.datafolder import DataFolder
from knote.local.environment import shared_environment
from knote.local.errors import LocalModeError
from knote.local.mongod import MongoServer
from knote.local.s3server import S3Server
from knote.local.signals import StopSignals
from knote.local.supervisor import Supervisor
from knote.settings import Settings


async def run_local(settings: Settings) -> int:
    """Runs until Ctrl-C or SIGTERM; the process's exit status. What is wrong is said on stderr."""
    stop = StopSignals(lambda: _say("\nStopping. (Ctrl-C again: at once.)"))
    with stop.caught():
        try:
            return await _run(settings, stop)
        except LocalModeError as error:
            print(f"knote: {error}", file=sys.stderr, flush=True)
            return 1


async def _run(settings: Settings, stop: StopSignals) -> int:
    began = time.monotonic()
    with contextlib.ExitStack() as held:
        listener = held.enter_context(_listen(settings))
        _say(f"Knote {version('knote')}, local mode")
        servers = _own_servers(settings)
        if servers:
            folder = held.enter_context(DataFolder(settings.data_dir))
            _say(f"  data: {folder.path}")
        supervisor = Supervisor(servers, say=_say)
        try:
            for server in servers:
                _say(f"  starting {server.title} ...")
            # Loading the API takes about as long as the servers take to start.
            loading = asyncio.to_thread(importlib.import_module, "knote.local.serve")
            if not await _finish(loading, supervisor.start(), unless=stop.asked):
                return 0
            settings = _with_servers(settings, servers)
            if servers:
                held.enter_context(shared_environment(folder.path, settings))
            return await _serve(settings, listener, supervisor, stop, began)
        finally:
            await supervisor.stop(hurry=stop.hurried)
            if stop.asked.is_set():
                _say("Knote has ended; your data stays where it is.")


async def _serve(
    settings: Settings,
    listener: socket.socket,
    supervisor: Supervisor,
    stop: StopSignals,
    began: float,
) -> int:
    from knote.local.serve import serve  # noqa: PLC0415 - loaded while the servers started

    def say_ready() -> None:
        url = f"http://{_shown_host(settings)}:{listener.getsockname()[1]}"
        _say(f"Knote is ready at {url} ({time.monotonic() - began:.1f} s). Ctrl-C ends it.")

    watching = asyncio.create_task(supervisor.watch())
    try:
        served = await serve(settings, listener, stop=stop, on_ready=say_ready)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return 0 if served else 1


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


async def _finish(*work: Coroutine[Any, Any, object], unless: asyncio.Event) -> bool:
    """Whether all the work came to its end before the event; it is cancelled otherwise."""
    together: asyncio.Future[Any] = asyncio.gather(*work)
    waiting: asyncio.Future[Any] = asyncio.create_task(unless.wait())
    try:
        await asyncio.wait({together, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finished = together.done()
    finally:
        together.cancel()
        waiting.cancel()
        await asyncio.gather(together, waiting, return_exceptions=True)
    if finished:
        together.result()
    return finished


def _listen(settings: Settings) -> socket.socket:
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


def _shown_host(settings: Settings) -> str:
    if settings.host in {"127.0.0.1", "0.0.0.0", "::", "::1"}:  # noqa: S104 - only shown
        return "localhost"
    return f"[{settings.host}]" if ":" in settings.host else settings.host


def _say(line: str) -> None:
    print(line, flush=True)
