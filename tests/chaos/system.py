"""The whole system of the proof: real processes on loopback, with lines between them that can fail."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from chaos.disks import MEBIBYTE, Disk, own_mounts
from chaos.history import Chore
from chaos.mongo import ReplicaSet
from chaos.network import Network
from chaos.replicas import ApiProcess, Fleet, base_environment, beside
from chaos.web import HeldWeb
from knote.local.child import ChildServer, until
from knote.local.errors import LocalModeError
from knote.local.ports import free_port
from knote.local.s3server import ObjectServer
from knote.settings import Auth
from servers.stack import s3_server_kind, s3_server_names

S3_LINE = "s3"
RESTART_SECONDS = 1.0
# A replica serves on for this long after SIGTERM, as with Compose: a probe sees it, and nginx lets go of it.
DRAIN_SECONDS = 5
# Longer than the longest time between a note's look at its pictures and its own write.
PICTURE_GRACE_SECONDS = 30
_S3_DISK_BYTES = 1024 * MEBIBYTE
_MONGO_DISK_BYTES = 768 * MEBIBYTE


@dataclasses.dataclass(frozen=True)
class Size:
    """How many of each, which object store, and which module is the API: `python -m <module> serve`.

    The object store is MinIO where it has been built.
    """

    replicas: int = 10
    members: int = 3
    module: tuple[str, ...] = ("knote",)
    has_small_disks: bool = True
    s3: str = dataclasses.field(default_factory=lambda: s3_server_names()[-1])
    auth: Auth = "open"


class System:
    """nginx, the replicas, the replica set and the object store; use `running`."""

    def __init__(self, folder: Path, logs: Path, size: Size, *, seed: int) -> None:
        """`folder` is for data and goes after the run, `logs` stays."""
        self.folder = folder
        self.size = size
        self.logs = logs
        self.logs.mkdir(parents=True, exist_ok=True)
        self.disks: dict[str, Disk] = {}
        self.why_no_disks: str | None = "not asked for"
        self._seed = seed
        self.network = Network(self.logs / "network.log")
        self.mongo = ReplicaSet(folder / "mongo", members=size.members)
        self.s3: ObjectServer = s3_server_kind(size.s3)(folder / "object-store")
        self.s3_line_port = free_port()
        self.database = "knote"
        self.bucket = self.s3.bucket
        for server in self.servers:
            # Not on a disk that is going to be full.
            server.log_path = logs / f"{server.data_dir.name}.log"
        self.clock_file = folder / "clock"
        self.environment: dict[str, str] = {}
        self.chores: list[Chore] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything, ready to be used, for as long as this lasts."""
        async with contextlib.AsyncExitStack() as stack:
            if self.size.has_small_disks:
                self._mount()
            for disk in self.disks.values():
                stack.callback(disk.remove)
            await stack.enter_async_context(self.network.running())
            await self._open_lines()
            for server in self.servers:
                stack.push_async_callback(server.kill)
            await asyncio.gather(*(server.start() for server in self.servers))
            await stack.enter_async_context(self._kept())
            self.fleet = Fleet(self._replicas(), self.network)
            # Replicas wait for their stores, as they do wherever all is started at once.
            await stack.enter_async_context(self.fleet.running())
            # An object server has made its bucket.
            await self.mongo.bootstrap()
            # Where there are accounts it must make no difference, whoever has set it.
            seen = {"OPEN_PICTURE_SECONDS": "600"} if self.size.auth == "accounts" else {}
            self.web = HeldWeb(
                self.folder,
                api=[f"127.0.0.1:{self.fleet.port}"],
                s3=f"127.0.0.1:{self.s3_line_port}",
                **seen,
            )
            self.web.start()
            stack.callback(self.web.stop)
            await self.wait_in_order()
            yield

    @property
    def servers(self) -> list[ChildServer]:
        """The stores' processes."""
        return [self.s3, *self.mongo.members]

    async def wait_in_order(self, *, within_seconds: float = 60) -> None:
        """Returns when every replica is ready."""
        async with asyncio.timeout(within_seconds):
            await until(lambda: len(self.fleet.ready) == len(self.fleet.replicas))

    async def answers(self, client: httpx.AsyncClient) -> bool:
        """Whether all of the system is there: every replica ready with both stores."""
        if len(self.fleet.ready) < len(self.fleet.replicas):
            return False
        asked = [client.get(f"http://127.0.0.1:{one.port}/readyz") for one in self.fleet.replicas]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return all(
            isinstance(answer, httpx.Response) and answer.json().get("status") == "ok" for answer in answers
        )

    def _mount(self) -> None:
        self.why_no_disks = own_mounts()
        if self.why_no_disks is None:
            self.disks["s3"] = Disk(self.s3.data_dir, size_bytes=_S3_DISK_BYTES)
            for member in self.mongo.members:
                self.disks[member.data_dir.name] = Disk(member.data_dir, size_bytes=_MONGO_DISK_BYTES)

    async def _open_lines(self) -> None:
        """The ports of the lines are known before those of the servers, which are asked for now."""
        for server in self.servers:
            server.ports = server._choose_ports()
            server._pinned = True
        await self.network.open(S3_LINE, self.s3_line_port, "http", [self.s3.ports["s3"]], seed=self._seed)
        for member in self.mongo.members:
            await self.network.open(
                member.data_dir.name, member.line_port, "tcp", [member.ports["mongo"]], seed=self._seed
            )

    @property
    def has_false_clock(self) -> bool:
        """Whether the clock of the last replica can be put wrong: it is Knote that must be started for it."""
        return self.size.module == ("knote",)

    def set_clock(self, seconds: int) -> None:
        """Puts the clock of the last replica wrong by so much, while it runs."""
        draft = self.clock_file.with_suffix(".new")
        draft.write_text(str(seconds), encoding="ascii")
        draft.replace(self.clock_file)

    def process_environment(self) -> dict[str, str]:
        """What a command over the stores is started with."""
        return base_environment() | self.environment

    def _replicas(self) -> list[ApiProcess]:
        self.environment = {
            "MONGO_URL": self.mongo.url,
            "MINIO_HOST": f"http://127.0.0.1:{self.s3_line_port}",
            "MINIO_ACCESS_KEY": self.s3.access_key,
            "MINIO_SECRET_KEY": self.s3.secret_key,
            "MINIO_BUCKET": self.s3.bucket,
            "KNOTE_AUTH": self.size.auth,
            # Each of a few users has clients for many.
            "KNOTE_REQUESTS_PER_MINUTE": "0",
            "KNOTE_UPLOADS_PER_HOUR": "0",
            "KNOTE_MAX_STORED_BYTES": "0",
            "KNOTE_PICTURE_DELIVERY": "accel",
            "KNOTE_DRAIN_SECONDS": str(DRAIN_SECONDS),
            "KNOTE_PICTURE_GRACE_DAYS": str(PICTURE_GRACE_SECONDS / 86400),
        }
        replicas = [
            ApiProcess(f"api-{number}", self.folder, self.logs, self.environment, module=self.size.module)
            for number in range(self.size.replicas - 1)
        ]
        last = f"api-{self.size.replicas - 1}"
        module = self.size.module
        if self.has_false_clock:
            self.set_clock(0)
            module = ("chaos.clockwork",)
        environment = self.environment | {"CHAOS_CLOCK_FILE": str(self.clock_file)}
        return [*replicas, ApiProcess(last, self.folder, self.logs, environment, module=module)]

    @contextlib.asynccontextmanager
    async def _kept(self) -> AsyncIterator[None]:
        """The stores' processes, started again when they end."""
        async with beside(*(_keep(server) for server in self.servers)):
            yield


async def _keep(server: ChildServer) -> None:
    while True:
        await server.wait_ended()
        await asyncio.sleep(RESTART_SECONDS)
        # On a full disk it ends again and again.
        with contextlib.suppress(LocalModeError):
            await server.start()
