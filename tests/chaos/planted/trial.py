"""One small system for all trials: for each, two replicas of an API with a bug, or none, and a fault."""

import asyncio
import contextlib
import dataclasses
import hashlib
import os
import random
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from chaos.faults import mongo_elect, run_command
from chaos.final import gather_final_state, open_s3
from chaos.history import Call, Fault, History, Process, Record, Setup
from chaos.members import hire_members
from chaos.mongo import ChaosMember
from chaos.people import People
from chaos.recovery import Canary
from chaos.replicas import ApiProcess
from chaos.resources import sampled
from chaos.system import S3_LINE, Size, System
from chaos.workload import MIX, NOTES, PICTURES, Workload, noise
from knote.settings import Auth
from wire.replica import until

_WORKERS = 8
_USERS = 2
_PAGE = 10
_ADMIRER = -3
_GRACE_SECONDS = 2.0
_UNUSED = 60
_READY_SECONDS = 120
_ELECTION_SECONDS = 30
_USER = "planted"


class Trial:
    """A running system, and what one trial has seen of it."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.processes: list[Process] = []
        self.workload: Workload
        self.people: People | None = None

    async def run(self, recipe: "Recipe", module: tuple[str, ...], *, is_whole: bool) -> History:
        """The recipe with an empty notebook and that module as API; `is_whole`: with the final state."""
        await self._begin(recipe, module)
        self.calls, self.faults, self.processes = [], [], []
        final: list[Record] = []
        self.workload = Workload(
            self.system.web.url,
            seed=1,
            workers=recipe.workers,
            record=self.calls.append,
            mix=recipe.mix,
            page=_PAGE,
            hire=None if self.people is None else hire_members(self.people),
        )
        async with sampled(self.system, self.processes.append):
            async with self.workload.running():
                await recipe.run(self)
            await recipe.after(self)
        if is_whole:
            final = await gather_final_state(self.system, self.workload, self.people)
        setup = Setup(
            1, 0, recipe.workers, 2, 3, self.system.s3.title, recipe.grace_seconds, auth=recipe.auth
        )
        return History.of([setup, *self.calls, *self.faults, *self.processes, *self.system.chores, *final])

    @contextlib.asynccontextmanager
    async def fault(self, name: str) -> AsyncIterator[None]:
        """A fault for as long as this lasts, and then until all is well again."""
        started = time.monotonic()
        yield
        ended = time.monotonic()
        seconds = await Canary(self.system, self.workload, self.people).seconds_until_whole()
        self.faults.append(Fault(name, started, ended, None if seconds is None else ended + seconds))

    async def work(self, count: int, *, seconds: float = 60, statuses: frozenset[int] | None = None) -> None:
        """Lets the clients make so many more requests (with one of these answers), or takes so long."""
        seen = len(self.calls)
        deadline = time.monotonic() + seconds

        async def is_done() -> bool:
            found = sum(statuses is None or call.status in statuses for call in self.calls[seen:])
            return found >= count or time.monotonic() > deadline

        await until(is_done, what="the clients have worked", within_seconds=seconds + 10)

    async def _begin(self, recipe: "Recipe", module: tuple[str, ...]) -> None:
        """Starts the replicas anew, with a database and a bucket of their own."""
        system = self.system
        before, name = system.database, f"trial-{secrets.token_hex(4)}"
        system.database = system.bucket = name
        await system.s3.create_bucket(name)
        system.size = dataclasses.replace(system.size, module=module)
        system.chores = []
        environment = {
            "MONGO_URL": system.mongo.url.replace("/knote?", f"/{name}?").replace("//knote:", f"//{_USER}:"),
            "MINIO_BUCKET": name,
            "KNOTE_AUTH": recipe.auth,
            "KNOTE_PICTURE_GRACE_DAYS": str(recipe.grace_seconds / 86400),
        }
        system.environment |= environment
        replicas = system.fleet.replicas
        starts = [replica.starts for replica in replicas]
        for replica in replicas:
            replica.change(module, **environment)
            replica.send_signal(signal.SIGKILL)

        async def are_ready() -> bool:
            are_new = all(replica.starts > before for replica, before in zip(replicas, starts, strict=True))
            return are_new and len(system.fleet.ready) == len(replicas)

        await until(are_ready, what="the replicas are ready", within_seconds=_READY_SECONDS)
        # MongoDB opens files for each database that it has, when it likes.
        primary, _ = await _members(self)
        async with primary.open_admin() as client:
            await client.drop_database(before)
        self.people = None
        if recipe.auth == "accounts":
            self.people = People(_USERS)
            await self.people.open_accounts(system)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What happens to the system in a trial, while clients are at work."""

    run: Callable[[Trial], Awaitable[None]]
    mix: Mapping[str, int] = dataclasses.field(default_factory=lambda: MIX)
    grace_seconds: float = 30
    workers: int = _WORKERS
    auth: Auth = "open"
    after: Callable[[Trial], Awaitable[None]] = lambda _: asyncio.sleep(0)


@contextlib.asynccontextmanager
async def running_trials(folder: Path) -> AsyncIterator[Trial]:
    """The system, for any number of trials one after the other."""
    size = Size(replicas=2, members=3, has_small_disks=False)
    system = System(folder / "data", folder / "logs", size, seed=1)
    async with system.running():
        primary = await system.mongo.primary()
        assert primary is not None
        async with primary.open_admin() as client:
            roles = [{"role": "readWriteAnyDatabase", "db": "admin"}]
            await client.admin.command("createUser", _USER, pwd=system.mongo.password, roles=roles)
        yield Trial(system)


def quietly(count: int, seconds: float = 0) -> Callable[[Trial], Awaitable[None]]:
    """Nothing happens until so many requests have been made, and for so long."""

    async def run(trial: Trial) -> None:
        await asyncio.gather(trial.work(count), asyncio.sleep(seconds))

    return run


def in_turn(*recipes: Recipe) -> Callable[[Trial], Awaitable[None]]:
    """One after the other."""

    async def run(trial: Trial) -> None:
        for recipe in recipes:
            await recipe.run(trial)

    return run


async def rivals(trial: Trial) -> None:
    """Two clients write from the same version of a note at the same time, again and again."""
    workload = trial.workload
    async with workload.open() as client:
        for number in range(20):
            key = f"rivals-{number}"
            text = {"content": f"{key} one"}
            made: dict[str, Any] = {
                "method": "POST",
                "path": NOTES,
                "json": text,
                "headers": {"Idempotency-Key": key},
            }
            _, note, _ = await workload.call(client, _ADMIRER, "create", key, 0, text, **made)
            id_ = note["id"]

            async def write(text: str, id_: str = id_) -> None:
                request = {"content": text, "if_match": '"1"'}
                put: dict[str, Any] = {
                    "method": "PUT",
                    "path": f"{NOTES}/{id_}",
                    "headers": {"If-Match": '"1"'},
                }
                body = {"content": text}
                await workload.call(client, _ADMIRER, "replace", id_, 0, request, json=body, **put)

            await asyncio.gather(write(f"{key} two"), write(f"{key} zwei"))


async def mongo_untold(trial: Trial) -> None:
    """MongoDB does what it is asked, and every second time says that it may not have."""
    error = {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}}
    writes = ["insert", "update", "findAndModify"]
    await _failing(trial, {"probability": 0.5, "failCommands": writes, **error})


async def mongo_down(trial: Trial) -> None:
    """MongoDB answers every second request with an error, and says nothing of being down."""
    commands = ["find", "aggregate", "insert", "update", "findAndModify"]
    await _failing(trial, {"probability": 0.5, "failCommands": commands, "errorCode": 43})


async def _failing(trial: Trial, fail_point: dict[str, object]) -> None:
    members = trial.system.mongo.members
    await trial.work(40)
    async with trial.fault("mongo-errors"):
        for member in members:
            await member.fail({**fail_point})
        await trial.work(80, seconds=10)
        for member in members:
            await member.fail(None)
    await trial.work(20)


async def secondary_behind(trial: Trial) -> None:
    """One secondary learns of nothing for a while: with the other there is a majority still."""
    _, others = await _members(trial)
    await trial.work(30)
    async with _behind(others[:1]):
        await trial.work(100)


async def primary_alone_and_killed(trial: Trial) -> None:
    """The others learn of nothing from the primary, then it dies; they go on with what they have."""
    primary, others = await _members(trial)
    await trial.work(40)
    async with trial.fault("mongo-kill-primary"):
        async with _behind(others):
            await trial.work(5, seconds=3, statuses=frozenset({201}))
            os.kill(primary.pid, signal.SIGKILL)

        async with asyncio.timeout(_ELECTION_SECONDS):
            await others[0].become_primary()
    await trial.work(40)


async def another_is_elected(trial: Trial) -> None:
    """Another member becomes primary, and does not learn for a while what was acknowledged before."""
    await trial.work(40)
    async with trial.fault("mongo-elect"), mongo_elect(trial.system, random.Random(1)):
        await trial.work(100, seconds=5)
    await trial.work(20)


async def _members(trial: Trial) -> tuple[ChaosMember, list[ChaosMember]]:
    """The primary, and the others."""
    primary = await trial.system.mongo.primary()
    assert primary is not None
    return primary, [one for one in trial.system.mongo.members if one is not primary]


@contextlib.asynccontextmanager
async def _behind(members: list[ChaosMember]) -> AsyncIterator[None]:
    """They fetch nothing of what has been written since."""
    async with contextlib.AsyncExitStack() as stack:
        for member in members:
            await stack.enter_async_context(member.failing("stopReplProducer"))
        yield


async def s3_refuses(trial: Trial) -> None:
    """The object store answers errors."""
    network = trial.system.network
    await trial.work(40)
    async with trial.fault("s3-errors"):
        await network.weather(S3_LINE, answers_errors=True)
        await trial.work(40, seconds=10)
        await network.weather(S3_LINE, answers_errors=False)
    await trial.work(20)


async def one_is_terminated(trial: Trial) -> None:
    """SIGTERM, first to one replica and then to the other."""
    for replica in trial.system.fleet.replicas:
        await trial.work(40)
        async with trial.fault("api-term"):
            await _terminate(replica)


async def _terminate(replica: ApiProcess) -> None:
    starts = replica.starts

    async def is_new() -> bool:
        return replica.starts > starts

    replica.send_signal(signal.SIGTERM)
    await until(is_new, what="the replica has been started anew", within_seconds=_READY_SECONDS)


async def pictures_swept_and_named(trial: Trial) -> None:
    """Pictures become unused; while a sweep removes them, notes come to name them."""
    workload = trial.workload
    pictures = []
    async with workload.open() as client:
        for seed in range(_UNUSED):
            data, pixels = noise(seed, 1000)
            id_ = hashlib.sha256(data).hexdigest()
            request = {"sha256": id_, "size_bytes": len(data), "pixels_sha256": pixels}
            files = {"file": ("image.png", data)}
            said: dict[str, Any] = {"method": "POST", "path": PICTURES, "files": files}
            await workload.call(client, _ADMIRER, "upload", id_, 0, request, **said)
            pictures.append(id_)
        await run_command(trial.system, "sweep")
        await asyncio.sleep(_GRACE_SECONDS)
        sweep = asyncio.create_task(run_command(trial.system, "sweep"))
        while pictures and not sweep.done():
            id_ = pictures.pop()
            key = f"admirer-{id_[:8]}"
            text = {"content": f"{key} ![]({PICTURES}/{id_})"}
            named: dict[str, Any] = {
                "method": "POST",
                "path": NOTES,
                "json": text,
                "headers": {"Idempotency-Key": key},
            }
            await workload.call(client, _ADMIRER, "create", key, 0, text, **named)
            await asyncio.sleep(0.2)
        await sweep


async def stray_object(trial: Trial) -> None:
    """An object is left behind, as by a replica that died in the middle of an upload."""
    key = f"pictures/{'5' * 64}/{'a' * 24}/original"
    with open_s3(trial.system) as client:
        await asyncio.to_thread(client.put_object, Bucket=trial.system.bucket, Key=key, Body=b"left behind")
