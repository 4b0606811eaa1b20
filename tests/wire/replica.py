"""One API replica as production runs it: `python -m knote serve` in a process of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from knote.local.ports import free_port
from knote.settings import Settings
from secrecy.overheard import OVERHEARD
from servers.process import is_setting, whole_lines

MEBIBYTE = 1024 * 1024


class Replica:
    """A replica over the stores of `settings`; its output is kept in `folder`."""

    def __init__(self, settings: Settings, folder: Path, **more: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.temporary = folder / f"tmp-{self.port}"
        self.temporary.mkdir()
        self._output = folder / f"replica-{self.port}.log"
        self._environment = {
            "MONGO_URL": settings.mongo_url.get_secret_value(),
            "MINIO_HOST": settings.minio_host,
            "MINIO_ACCESS_KEY": settings.minio_access_key,
            "MINIO_SECRET_KEY": settings.minio_secret_key.get_secret_value(),
            "MINIO_BUCKET": settings.minio_bucket,
            "KNOTE_PORT": str(self.port),
            "TMPDIR": str(self.temporary),
            **more,
        }
        OVERHEARD.hold_settings(self._environment)
        self.process: subprocess.Popen[bytes] | None = None
        self._log_starts_at = 0

    def spawn(self) -> None:
        """Starts the process and returns at once."""
        kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "knote", "serve"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=kept | self._environment,
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def output(self) -> str:
        """All it has printed."""
        return self._output.read_text(encoding="utf-8")

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its log since the test began: one JSON object a line, or this fails."""
        return [json.loads(line) for line in whole_lines(self.output)[self._log_starts_at :]]

    async def line_of(self, request_id: str) -> dict[str, Any]:
        """The line about a request: it is written once the answer is on its way."""

        def found() -> list[dict[str, Any]]:
            lines = [line for line in self.log if line["logger"] == "knote.access"]
            return [line for line in lines if line["request_id"] == request_id]

        async def is_written() -> bool:
            return bool(found())

        await until(is_written, what=f"the request {request_id} stands in the log")
        (line,) = found()
        return line

    def forget_log(self) -> None:
        """Makes the log begin here."""
        self._log_starts_at = len(whole_lines(self.output))

    @property
    def resident_bytes(self) -> int:
        """The memory of the process itself."""
        assert self.process is not None
        return psutil.Process(self.process.pid).memory_info().rss

    def open(self, **options: Any) -> httpx.AsyncClient:
        """A client of it."""
        return httpx.AsyncClient(base_url=self.url, trust_env=False, **{"timeout": 30, **options})

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def wait_ready(self, status: str = "ok") -> None:
        """Returns when `/readyz` says this."""
        async with self.open(timeout=10) as client:

            async def is_ready() -> bool:
                assert self.is_alive, self.output
                try:
                    answer = await client.get("/readyz")
                except httpx.TransportError:
                    return False
                return bool(answer.json()["status"] == status)

            await until(is_ready, what=f"the replica says {status}")

    async def wait_ended(self, *, within_seconds: float = 30) -> int:
        """Its exit status."""
        process = self.process
        assert process is not None

        async def has_ended() -> bool:
            return process.poll() is not None

        await until(has_ended, what="the replica ends", within_seconds=within_seconds)
        return process.returncode

    def kill(self) -> None:
        """Ends it as a crash would."""
        if self.process is not None and self.is_alive:
            self.process.kill()
            self.process.wait()


@contextmanager
def replica(settings: Settings, folder: Path, **more: str) -> Iterator[Replica]:
    """A replica that has been started and is not waited for."""
    started = Replica(settings, folder, **more)
    started.spawn()
    try:
        yield started
    finally:
        started.kill()


@asynccontextmanager
async def ready_replica(settings: Settings, folder: Path, **more: str) -> AsyncIterator[Replica]:
    """A replica that serves, with its stores in reach."""
    with replica(settings, folder, **more) as started:
        await started.wait_ready()
        yield started


async def until(condition: Callable[[], Awaitable[bool]], *, what: str, within_seconds: float = 30) -> None:
    """Returns when the condition holds; fails when that takes too long."""
    deadline = time.monotonic() + within_seconds
    while not await condition():
        assert time.monotonic() < deadline, f"it never came true that {what}"
        await asyncio.sleep(0.02)
