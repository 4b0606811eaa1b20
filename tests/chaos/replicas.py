"""The API's processes, and what Kubernetes does for them: probes, restarts, the endpoints of a Service."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any

import httpx

import knote
from chaos.history import Call
from chaos.network import Network
from knote.local import leash
from knote.local.child import until
from knote.local.ports import free_port
from servers.process import is_setting

SERVICE = "api"
PROBE_SECONDS = 1.0
_PROBE_TIMEOUT_SECONDS = 4.0
_FAILURES = 2
_RESTART_SECONDS = 1.0
_TESTS = Path(__file__).parents[1]


@contextlib.asynccontextmanager
async def beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Lets endless work go on for as long as this lasts."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def base_environment() -> dict[str, str]:
    """What any of Knote's processes is started with: no setting of whoever runs this, and our modules."""
    kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
    return {**kept, "PYTHONPATH": f"{Path(knote.__file__).parents[1]}:{_TESTS}"}


class ApiProcess:
    """One `python -m knote serve`, or another module that ends up as one."""

    def __init__(
        self, name: str, folder: Path, logs: Path, environment: Mapping[str, str], *, module: tuple[str, ...]
    ) -> None:
        self.name = name
        self.port = free_port()
        self.log_path = logs / f"{name}.log"
        self.starts = 0
        temporary = folder / f"tmp-{name}"
        temporary.mkdir()
        self._module = module
        self._environment = {
            **base_environment(),
            "KNOTE_PORT": str(self.port),
            "TMPDIR": str(temporary),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Starts the process and returns at once; it dies with this one."""
        held = [sys.executable, "-I", "-S", str(leash.__file__), str(os.getpid())]
        with self.log_path.open("ab") as output:
            self.process = subprocess.Popen(
                [*held, sys.executable, "-m", *self._module, "serve"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        self.starts += 1

    def change(self, module: tuple[str, ...], **environment: str) -> None:
        """Makes the next start another one."""
        self._module = module
        self._environment |= environment

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The process."""
        assert self.process is not None
        return self.process.pid

    async def is_live(self) -> bool:
        """Whether it has started: what its startup probe asks."""
        try:
            async with httpx.AsyncClient(trust_env=False, verify=False, timeout=2) as client:
                return (await client.get(f"http://127.0.0.1:{self.port}/livez")).status_code == 200
        except httpx.HTTPError:
            return False

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal, if there is a process to take it."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)


class Fleet:
    """All replicas behind one Service: each is probed, and started again when it ends."""

    def __init__(self, replicas: list[ApiProcess], network: Network) -> None:
        self.port = free_port()
        self.replicas = replicas
        self.ready: set[str] = set()
        self._network = network

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The replicas, kept running and probed for as long as this lasts."""
        await self._network.open(SERVICE, self.port, "service", [], seed=self.port)
        async with httpx.AsyncClient(trust_env=False, timeout=_PROBE_TIMEOUT_SECONDS) as client:
            keeping = [self._keep(replica) for replica in self.replicas]
            probing = [self._probe(replica, client) for replica in self.replicas]
            try:
                async with beside(*keeping, *probing):
                    yield
            finally:
                for replica in self.replicas:
                    replica.send_signal(signal.SIGKILL)
                    if replica.process is not None:
                        replica.process.wait()

    async def _keep(self, replica: ApiProcess) -> None:
        while True:
            replica.spawn()
            await until(lambda: not replica.is_alive, every_seconds=0.05)
            await self._set_ready(replica, is_ready=False)
            await asyncio.sleep(_RESTART_SECONDS)

    async def _probe(self, replica: ApiProcess, client: httpx.AsyncClient) -> None:
        failures = 0
        while True:
            try:
                answer = await client.get(f"http://127.0.0.1:{replica.port}/readyz")
            except httpx.HTTPError:
                failures += 1
            else:
                # A drain is told once and meant; the rest may pass.
                is_draining = answer.json()["status"] == "draining"
                failures = 0 if answer.status_code == 200 else failures + (_FAILURES if is_draining else 1)
            if failures == 0 or failures >= _FAILURES:
                await self._set_ready(replica, is_ready=failures == 0)
            await asyncio.sleep(PROBE_SECONDS)

    async def _set_ready(self, replica: ApiProcess, *, is_ready: bool) -> None:
        if is_ready == (replica.name in self.ready):
            return
        if is_ready:
            self.ready.add(replica.name)
        else:
            self.ready.discard(replica.name)
        ports = [one.port for one in self.replicas if one.name in self.ready]
        await self._network.target(SERVICE, ports)


def replica_of_calls(calls: list[Call], logs: Path) -> list[Call]:
    """The calls with the replica that answered each, by the request id in the replicas' logs."""
    answered: dict[tuple[str, int], str] = {}
    for path in sorted(logs.glob("api-*.log")):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if '"knote.access"' in line and '"call-' in line:
                    with contextlib.suppress(ValueError):
                        said = json.loads(line)
                        answered[said["request_id"], said["status"]] = path.stem
    return [
        dataclasses.replace(call, replica=answered.get((f"call-{call.number}", call.status or 0)))
        for call in calls
    ]
