"""A real `python -m knote local`, started as a person would start it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from knote.local.ports import free_port
from secrecy.overheard import OVERHEARD

CHECKOUT = Path(__file__).resolve().parents[2]


class KnoteProcess:
    """One process on its own port and data folder; its output is kept."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        self._environment = dict(environment or {})
        OVERHEARD.hold_settings(self._environment)
        self._output = data_dir.with_name(f"{data_dir.name}.{self.port}.out")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process of Knote itself."""
        assert self._process is not None, "Knote has not been started"
        return self._process.pid

    @property
    def output(self) -> str:
        """All it has printed."""
        return self._output.read_text(encoding="utf-8") if self._output.exists() else ""

    def spawn(self) -> None:
        """Starts the process and returns at once."""
        environment = {name: value for name, value in os.environ.items() if not is_setting(name)}
        environment |= {"KNOTE_PORT": str(self.port), "KNOTE_DATA_DIR": str(self.data_dir)}
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "knote", "local"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                env=environment | self._environment,
                start_new_session=True,
            )

    async def start(self, *, timeout_seconds: float = 60) -> None:
        """Starts the process and returns when it serves and its stores answer."""
        self.spawn()
        await self.wait_ready(timeout_seconds=timeout_seconds)

    async def wait_ready(self, *, timeout_seconds: float = 60) -> None:
        """Returns when `/readyz` says that everything is in order."""
        deadline = time.monotonic() + timeout_seconds
        async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            while True:
                ended = self._process is None or self._process.poll() is not None
                assert not ended, f"Knote ended while it started:\n{self.output}"
                try:
                    answer = await client.get("/readyz", timeout=5)
                    if answer.status_code == 200 and answer.json()["status"] == "ok":
                        return
                except httpx.TransportError:
                    pass
                assert time.monotonic() < deadline, f"Knote is not ready:\n{self.output}"
                await asyncio.sleep(0.05)

    async def wait_output(self, text: str, *, timeout_seconds: float = 30) -> None:
        """Returns when it has printed the text."""
        deadline = time.monotonic() + timeout_seconds
        while text not in self.output:
            assert time.monotonic() < deadline, f"{text!r} was never printed:\n{self.output}"
            await asyncio.sleep(0.02)

    async def wait_ended(self, *, timeout_seconds: float = 60) -> int:
        """Its exit status."""
        assert self._process is not None, "Knote has not been started"
        deadline = time.monotonic() + timeout_seconds
        while (status := self._process.poll()) is None:
            assert time.monotonic() < deadline, f"Knote does not end:\n{self.output}"
            await asyncio.sleep(0.02)
        return status

    async def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Sends the signal and waits; the exit status."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
        return await self.wait_ended()

    def children(self) -> list[psutil.Process]:
        """The processes it has started."""
        return psutil.Process(self.pid).children(recursive=True)


def whole_lines(output: str) -> list[str]:
    """The lines that have ended: the process that prints may be in the midst of one more."""
    return output.rpartition("\n")[0].splitlines()


def is_setting(name: str) -> bool:
    """Whether a variable of the environment configures Knote."""
    return name.startswith(("KNOTE_", "MONGO_", "MINIO_")) and name not in PROGRAMS


PROGRAMS = frozenset({"KNOTE_MONGOD", "KNOTE_WEED", "KNOTE_MINIO"})
