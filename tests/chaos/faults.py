"""What is done to the system: each fault begins, lasts, and ends; the schedule says which and when."""

import asyncio
import contextlib
import dataclasses
import functools
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from pymongo.errors import PyMongoError

from chaos.history import Chore
from chaos.mongo import UNAWARE, ChaosMember
from chaos.replicas import ApiProcess
from chaos.system import S3_LINE, System
from knote.local.child import until
from wire.replica import until as until_true

_LONGEST_RESTART_SECONDS = 60
_LONGEST_ELECTION_SECONDS = 5
# So long the one before goes on acknowledging.
_UNAWARE_SECONDS = 1
# What a MongoDB in trouble answers: too slow, stopping, stepped down, no disk space, no majority.
_MONGO_ERRORS = (
    {"errorCode": 50},
    {"errorCode": 91},
    {"errorCode": 189},
    {"errorCode": 262},
    {"errorCode": 14031},
    {"closeConnection": True},
    # Done, and not told as done.
    {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
    {"writeConcernError": {"code": 91, "errmsg": "Replication is being shut down"}},
)
_COMMANDS = ["find", "aggregate", "getMore", "insert", "update", "delete", "findAndModify", "ping"]
_WRITES = ["insert", "update", "delete", "findAndModify"]

Begin = Callable[[System, random.Random], AbstractAsyncContextManager[None]]


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of fault: what it does, and between how many seconds and how many it lasts."""

    name: str
    begin: Begin
    seconds: tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Planned:
    """One fault to come. `seed` is for its own choices: which replica, which error."""

    kind: str
    after_seconds: float
    seconds: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Step:
    """One fault or two at once, after a pause in which everything is well."""

    pause_seconds: float
    faults: tuple[Planned, ...]


def plan(seed: int, kinds: list[str]) -> Iterator[Step]:
    """Steps without end: each kind alone and in a pair, in an order of the seed's, then all over again.

    Pairs begin with what comes alone last: in half of the steps there has been each kind.
    """
    draw = random.Random(f"{seed}/faults")
    half = len(kinds) // 2
    while True:
        alone, second = (draw.sample(kinds, len(kinds)) for _ in range(2))
        first = alone[half:] + alone[:half]
        for one, two, three in zip(alone, first, second, strict=True):
            yield _step(draw, [one])
            yield _step(draw, [two, three] if two != three else [two])


def _step(draw: random.Random, kinds: list[str]) -> Step:
    faults = []
    for number, kind in enumerate(kinds):
        after = draw.uniform(0, 2) if number else 0.0
        faults.append(Planned(kind, after, draw.uniform(*KINDS[kind].seconds), draw.getrandbits(32)))
    return Step(draw.uniform(0.5, 2.5), tuple(faults))


def _some_replicas(system: System, draw: random.Random) -> list[ApiProcess]:
    replicas = system.fleet.replicas
    return draw.sample(replicas, min(draw.randint(1, 3), len(replicas) - 1) or 1)


async def _until_started(replicas: list[ApiProcess], starts: list[int]) -> None:
    """Returns when each has a successor that answers: until then a replica is missing."""
    for one, before in zip(replicas, starts, strict=True):

        async def is_back(one: ApiProcess = one, before: int = before) -> bool:
            return one.starts > before and await one.is_live()

        await until_true(is_back, what=f"{one.name} is back", within_seconds=_LONGEST_RESTART_SECONDS)


@contextlib.asynccontextmanager
async def _api_end(system: System, draw: random.Random, *, end_signal: signal.Signals) -> AsyncIterator[None]:
    victims = _some_replicas(system, draw)
    starts = [one.starts for one in victims]
    for one in victims:
        one.send_signal(end_signal)
    yield
    await _until_started(victims, starts)


@contextlib.asynccontextmanager
async def _api_stop(system: System, draw: random.Random) -> AsyncIterator[None]:
    victims = _some_replicas(system, draw)
    for one in victims:
        one.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for one in victims:
            one.send_signal(signal.SIGCONT)


@contextlib.asynccontextmanager
async def _api_rolling(system: System, draw: random.Random) -> AsyncIterator[None]:
    """As a Deployment does it: three of ten at a time, the next when those are ready."""
    replicas = [*system.fleet.replicas]
    draw.shuffle(replicas)
    size = max(1, len(replicas) * 3 // 10)
    for batch in (replicas[start : start + size] for start in range(0, len(replicas), size)):
        starts = [one.starts for one in batch]
        for one in batch:
            one.send_signal(signal.SIGTERM)
        await _until_started(batch, starts)
        async with asyncio.timeout(_LONGEST_RESTART_SECONDS):
            names = {one.name for one in batch}
            await until(lambda names=names: names <= system.fleet.ready)  # type: ignore[misc]
    yield


async def _members(system: System) -> tuple[ChaosMember | None, list[ChaosMember]]:
    primary = await system.mongo.primary()
    return primary, [one for one in system.mongo.members if one is not primary]


@contextlib.asynccontextmanager
async def _killed(system: System, victims: list[ChaosMember]) -> AsyncIterator[None]:
    for one in victims:
        if one.is_running:
            os.kill(one.pid, signal.SIGKILL)
    await asyncio.sleep(0.2)
    yield
    await _until_running(victims)


async def _until_running(members: list[ChaosMember]) -> None:
    async with asyncio.timeout(_LONGEST_RESTART_SECONDS):
        await until(lambda: all(one.is_running for one in members))


@contextlib.asynccontextmanager
async def _mongo_kill_primary(system: System, draw: random.Random) -> AsyncIterator[None]:
    primary, others = await _members(system)
    async with _killed(system, [primary or others[0]]):
        yield


@contextlib.asynccontextmanager
async def _mongo_stop_primary(system: System, draw: random.Random) -> AsyncIterator[None]:
    """It stands still until the others have another primary, and believes to be one when it goes on."""
    primary, others = await _members(system)
    victim = primary or others[0]
    pid = victim.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def mongo_elect(system: System, draw: random.Random) -> AsyncIterator[None]:
    """A secondary becomes primary, and does not learn for a while what was acknowledged before."""
    _, others = await _members(system)
    successor = draw.choice(others)
    async with contextlib.AsyncExitStack() as stack:
        with contextlib.suppress(PyMongoError):
            await stack.enter_async_context(successor.failing(UNAWARE))
        await asyncio.sleep(_UNAWARE_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_ELECTION_SECONDS):
                await successor.become_primary()
        yield


@contextlib.asynccontextmanager
async def _mongo_kill_secondary(system: System, draw: random.Random) -> AsyncIterator[None]:
    _, others = await _members(system)
    async with _killed(system, [draw.choice(others or system.mongo.members)]):
        yield


@contextlib.asynccontextmanager
async def _mongo_kill_all(system: System, draw: random.Random) -> AsyncIterator[None]:
    async with _killed(system, system.mongo.members):
        yield


@contextlib.asynccontextmanager
async def _s3_kill(system: System, draw: random.Random) -> AsyncIterator[None]:
    if system.s3.is_running:
        os.kill(system.s3.pid, signal.SIGKILL)
    await asyncio.sleep(0.2)
    yield
    async with asyncio.timeout(_LONGEST_RESTART_SECONDS):
        await until(lambda: system.s3.is_running)


def _mongo_lines(system: System) -> list[str]:
    return [one.data_dir.name for one in system.mongo.members]


def _weather(lines: Callable[[System], list[str]], **weather: Any) -> Begin:
    """A fault of lines."""

    @contextlib.asynccontextmanager
    async def begin(system: System, draw: random.Random) -> AsyncIterator[None]:
        for line in lines(system):
            await system.network.weather(line, **weather)
        try:
            yield
        finally:
            for line in lines(system):
                await system.network.weather(line, **dict.fromkeys(weather, 0))

    return begin


def _cuts(lines: Callable[[System], list[str]]) -> Begin:
    """Connections are cut now, and again and again, in the middle of an answer."""

    @contextlib.asynccontextmanager
    async def begin(system: System, draw: random.Random) -> AsyncIterator[None]:
        for line in lines(system):
            await system.network.cut(line)
            await system.network.weather(line, cut_after_bytes=draw.choice((500, 20_000, 300_000)))
        try:
            yield
        finally:
            for line in lines(system):
                await system.network.weather(line, cut_after_bytes=None)

    return begin


@contextlib.asynccontextmanager
async def _mongo_errors(system: System, draw: random.Random) -> AsyncIterator[None]:
    error = draw.choice(_MONGO_ERRORS)
    probability = draw.choice((0.3, 1.0))
    commands = _WRITES if "writeConcernError" in error else _COMMANDS
    for member in system.mongo.members:
        with contextlib.suppress(PyMongoError):
            await member.fail({"probability": probability, "failCommands": commands, **error})
    try:
        yield
    finally:
        for member in system.mongo.members:
            # One that was killed meanwhile has forgotten it.
            with contextlib.suppress(PyMongoError):
                await member.fail(None)


@contextlib.asynccontextmanager
async def _s3_disk_full(system: System, draw: random.Random) -> AsyncIterator[None]:
    system.disks["s3"].fill()
    try:
        yield
    finally:
        system.disks["s3"].free()


@contextlib.asynccontextmanager
async def _mongo_disk_full(system: System, draw: random.Random) -> AsyncIterator[None]:
    """The primary's disk, or that of all of them."""
    primary, others = await _members(system)
    victims = system.mongo.members if draw.random() < 0.5 else [primary or others[0]]
    for one in victims:
        system.disks[one.data_dir.name].fill()
    try:
        yield
    finally:
        for one in victims:
            system.disks[one.data_dir.name].free()
    await _until_running(victims)


@contextlib.asynccontextmanager
async def _nginx_reload(system: System, draw: random.Random) -> AsyncIterator[None]:
    system.web.reload()
    yield


@contextlib.asynccontextmanager
async def _maintenance(system: System, draw: random.Random) -> AsyncIterator[None]:
    """Two sweeps and two checks at once."""
    runs = [asyncio.create_task(_chore(system, name)) for name in ("sweep", "fsck") * 2]
    try:
        yield
    finally:
        await asyncio.gather(*runs, return_exceptions=True)


async def _chore(system: System, name: str) -> None:
    started = time.monotonic()
    status, report = await run_command(system, name)
    system.chores.append(Chore(name, "during", started, time.monotonic(), status, report))


async def run_command(
    system: System, name: str, *arguments: str, **more: str
) -> tuple[int, dict[str, Any] | None]:
    """One `python -m knote sweep` or `fsck`: its exit status and its report."""
    environment = {**system.process_environment(), **more}
    with (system.logs / f"{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *system.size.module, name, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=environment,
        )
        output, _ = await process.communicate()
        log.write(output)
    report = json.loads(output) if output.startswith(b"{") else None
    return process.returncode or 0, report


@contextlib.asynccontextmanager
async def _clock(system: System, draw: random.Random) -> AsyncIterator[None]:
    system.set_clock(draw.choice((-300, 300)))
    try:
        yield
    finally:
        system.set_clock(0)


def _s3_line(_: System) -> list[str]:
    return [S3_LINE]


_BRIEF, _SHORT, _LONG = (1.0, 3.0), (3.0, 6.0), (12.0, 15.0)

KINDS = {
    kind.name: kind
    for kind in (
        Kind("api-kill", functools.partial(_api_end, end_signal=signal.SIGKILL), _BRIEF),
        Kind("api-term", functools.partial(_api_end, end_signal=signal.SIGTERM), _BRIEF),
        Kind("api-stop", _api_stop, _SHORT),
        Kind("api-rolling-restart", _api_rolling, (0, 0)),
        Kind("mongo-kill-primary", _mongo_kill_primary, _BRIEF),
        Kind("mongo-kill-secondary", _mongo_kill_secondary, _BRIEF),
        Kind("mongo-kill-all", _mongo_kill_all, _BRIEF),
        Kind("mongo-stop-primary", _mongo_stop_primary, (7.0, 10.0)),
        Kind("mongo-elect", mongo_elect, _BRIEF),
        Kind("mongo-slow-1s", _weather(_mongo_lines, delay_seconds=1), _SHORT),
        Kind("mongo-slow-10s", _weather(_mongo_lines, delay_seconds=10), _LONG),
        Kind("mongo-errors", _mongo_errors, _SHORT),
        Kind("mongo-cuts", _cuts(_mongo_lines), _SHORT),
        Kind("mongo-disk-full", _mongo_disk_full, _SHORT),
        Kind("s3-kill", _s3_kill, _BRIEF),
        Kind("s3-slow-1s", _weather(_s3_line, delay_seconds=1), _SHORT),
        Kind("s3-slow-10s", _weather(_s3_line, delay_seconds=10), _LONG),
        Kind("s3-errors", _weather(_s3_line, answers_errors=True), _SHORT),
        Kind("s3-cuts", _cuts(_s3_line), _SHORT),
        Kind("s3-disk-full", _s3_disk_full, _SHORT),
        Kind("nginx-reload", _nginx_reload, _BRIEF),
        Kind("sweep-and-fsck", _maintenance, _BRIEF),
        Kind("clock", _clock, _SHORT),
    )
}


def kinds_for(system: System) -> list[str]:
    """The kinds that can be had here."""
    left_out = set() if system.disks else {"s3-disk-full", "mongo-disk-full"}
    if not system.has_false_clock:
        left_out.add("clock")
    return [name for name in KINDS if name not in left_out]
