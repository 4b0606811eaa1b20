"""What a crowd of stalled clients costs the others: `make test-abuse`.

Medians with the crowd and without it, in turns, on the same machine in the same minutes: only their ratio
is judged. It needs a machine with little else to do, and is therefore no part of `make test`.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from api.samples import picture
from delivery.web import Web
from knote.settings import Settings
from servers.process import CHECKOUT, whole_lines
from wire.replica import Replica, until

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
ROUNDS = 5
REQUESTS = 60
MOST_TIMES = 2.0
CROWDS = [("heads", 10_000), ("uploads", 1_000), ("notes", 1_000)]


@dataclass
class Times:
    """Seconds of single requests, by what was asked."""

    calm: dict[str, list[float]] = field(default_factory=dict)
    crowded: dict[str, list[float]] = field(default_factory=dict)

    def ratios(self) -> dict[str, float]:
        """How many times the calm median the crowded one is, of each request and of all."""
        return {
            name: round(statistics.median(self.crowded[name]) / statistics.median(self.calm[name]), 2)
            for name in self.calm
        }

    def medians_ms(self) -> dict[str, tuple[float, float]]:
        """The medians themselves, calm and crowded."""
        return {
            name: (
                round(statistics.median(self.calm[name]) * 1000, 1),
                round(statistics.median(self.crowded[name]) * 1000, 1),
            )
            for name in self.calm
        }


class Crowd:
    """A crowd at a port, in a process of its own."""

    def __init__(self, port: int, kind: str, count: int, folder: Path) -> None:
        self.count = count
        self._log = folder / "crowd"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "abuse.crowd", str(port), kind, str(count)],
                env={**os.environ, "PYTHONPATH": str(CHECKOUT / "tests")},
                stdout=output,
            )

    async def is_there(self) -> bool:
        """Whether nearly all of it are connected and stall."""
        assert self._process.poll() is None
        lines = whole_lines(self._log.read_text("ascii"))
        return bool(lines) and json.loads(lines[-1])["open"] >= 0.95 * self.count

    def stop(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


async def measure(url: str, into: dict[str, list[float]]) -> None:
    """Some requests of one person, one after the other; each is answered as ever."""
    limits = httpx.Limits(max_keepalive_connections=1)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30, limits=limits) as kept:
        note = (await kept.post(NOTES, json={"content": "here"})).json()["id"]
        requests: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
            "list": lambda: kept.get(NOTES, params={"limit": 20}),
            "read": lambda: kept.get(f"{NOTES}/{note}"),
            "write": lambda: kept.post(NOTES, json={"content": "one more"}),
            "upload": lambda: kept.post(PICTURES, files={"file": picture(seed=time.monotonic_ns())}),
            "connect": lambda: _alone(f"{url}{NOTES}/{note}"),
        }
        for _ in range(REQUESTS // 5):
            for name, request in requests.items():
                began = time.perf_counter()
                answer = await request()
                seconds = time.perf_counter() - began
                assert answer.status_code in {200, 201}, answer.text
                into.setdefault(name, []).append(seconds)
                into.setdefault("all", []).append(seconds)


async def _alone(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.get(url)


async def compare(url: str, port: int, kind: str, count: int, folder: Path) -> Times:
    """The times of a person with and without the crowd, in turns."""
    times = Times()
    await measure(url, {})
    for _ in range(ROUNDS):
        await measure(url, times.calm)
        crowd = Crowd(port, kind, count, folder)
        try:
            await until(crowd.is_there, what=f"{count} {kind} are open", within_seconds=120)
            await measure(url, times.crowded)
        finally:
            crowd.stop()
        await asyncio.sleep(2)
    return times


def report(where: str, kind: str, count: int, times: Times, processes: dict[str, int]) -> None:
    """The figures, for people."""
    peak = {name: psutil.Process(pid).memory_info().rss // 1024**2 for name, pid in processes.items()}
    sys.stdout.write(
        f"\n{where}, {count} {kind}: ratios {times.ratios()}; medians in ms {times.medians_ms()}; "
        f"memory in MiB {peak}\n"
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "count"), CROWDS)
async def test_a_crowd_at_web_leaves_others_under_twice_their_time(
    web: Web, replica: Replica, tmp_path: Path, kind: str, count: int
) -> None:
    times = await compare(web.url, web.port, kind, count, tmp_path)
    assert replica.process is not None
    report("through web", kind, count, times, {"api": replica.process.pid, **web.workers()})
    assert not {name: ratio for name, ratio in times.ratios().items() if ratio >= MOST_TIMES}
    assert "worker_connections" not in web.output
    assert not [line for line in replica.log if line["level"] in {"ERROR", "CRITICAL"}]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "count"), CROWDS)
async def test_a_crowd_at_a_bare_replica_is_borne(
    replica: Replica, settings: Settings, tmp_path: Path, kind: str, count: int
) -> None:
    times = await compare(replica.url, replica.port, kind, count, tmp_path)
    assert replica.process is not None
    report("bare", kind, count, times, {"api": replica.process.pid})
    assert not [line for line in replica.log if line["level"] in {"ERROR", "CRITICAL"}]
