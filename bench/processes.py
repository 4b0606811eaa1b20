"""Processes of the bench: which core each may use, and when it is ready."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from knote.local.ports import free_port
from servers.process import is_setting

CHECKOUT = Path(__file__).resolve().parents[1]
# What is measured has the first core to itself; load and stores share the second.
MEASURED, REST = 0, 1


class Server:
    """A Python server on a port of its own, pinned by taskset; its output goes to `folder`."""

    def __init__(
        self, module: str, *arguments: str, folder: Path, environment: Mapping[str, str], core: int = MEASURED
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._module = module
        self._command = [
            "taskset",
            "--cpu-list",
            str(core),
            sys.executable,
            "-m",
            module,
            *arguments,
        ]
        kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
        ports = {"PORT": str(self.port), "KNOTE_PORT": str(self.port)}
        self._environment = kept | {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT}/tests"} | ports | dict(environment)
        self._output = folder / f"{module.replace('.', '-')}-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Starts it and returns at once."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=CHECKOUT,
                env=self._environment,
                start_new_session=True,
            )

    async def start(self, path: str) -> None:
        """Starts it and returns when it answers there with 200."""
        self.spawn()
        await self.wait(path)

    async def wait(self, path: str) -> None:
        """Returns when it answers there with 200."""
        deadline = time.monotonic() + 60
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=10) as client:
            while True:
                if self._process is None or self._process.poll() is not None:
                    raise RuntimeError(f"{self._module} has ended:\n{self._output.read_text()[-2000:]}")
                try:
                    if (await client.get(path)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self._module} is not ready:\n{self._output.read_text()[-2000:]}")
                await asyncio.sleep(0.005)

    @property
    def process(self) -> psutil.Process:
        """The running process."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def stop(self) -> None:
        """Ends it at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def pin(process_id: int, cores: int | str) -> None:
    """Keeps a running process, its children and all their threads to these cores."""
    for process in (psutil.Process(process_id), *psutil.Process(process_id).children(recursive=True)):
        subprocess.run(
            ["taskset", "--all-tasks", "--cpu-list", "--pid", str(cores), str(process.pid)],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def cpu_seconds(process: psutil.Process) -> float:
    """The time that a process has had of a core."""
    times = process.cpu_times()
    return float(times.user + times.system)
