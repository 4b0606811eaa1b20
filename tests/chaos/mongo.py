"""A replica set of MongoDB whose members can be reached through lines that fail."""

import asyncio
import base64
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from bootstrap.job import bootstrap
from bootstrap.members import SET, Member
from knote.local.datafolder import write_private
from knote.local.ports import free_port

_APP = "knote"
# With this one a member does not learn which of its writes a majority has, as in its first moment in office.
UNAWARE = "disableSnapshotting"
Client = AsyncMongoClient[dict[str, Any]]


class ChaosMember(Member):
    """One member, which can be told to answer errors."""

    def __init__(self, data_dir: Path, keyfile: Path, line_port: int) -> None:
        super().__init__(data_dir, keyfile)
        self.line_port = line_port
        self.key = keyfile.read_text(encoding="ascii")

    @property
    def title_of_one(self) -> str:
        """Which of the members this is."""
        return self.data_dir.name

    def open_admin(self) -> Client:
        """A client that may do everything, past the line; close it after use."""
        return AsyncMongoClient(
            self.address,
            username="__system",
            password=self.key,
            authSource="local",
            directConnection=True,
            serverSelectionTimeoutMS=10_000,
            connectTimeoutMS=10_000,
            socketTimeoutMS=20_000,
        )

    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        command, environment = super()._prepare()
        return [*command, "--setParameter=enableTestCommands=1"], environment

    async def is_primary(self) -> bool:
        """Whether it takes writes, as far as it knows."""
        if not self.is_running:
            return False
        try:
            async with asyncio.timeout(3), self.open_admin() as client:
                return bool((await client.admin.command("hello"))["isWritablePrimary"])
        except (PyMongoError, TimeoutError):
            return False

    async def become_primary(self) -> None:
        """Has it elected, as often as it takes."""
        while not await self.is_primary():
            with contextlib.suppress(PyMongoError):
                async with self.open_admin() as client:
                    await client.admin.command("replSetStepUp")
            await asyncio.sleep(0.1)

    @contextlib.asynccontextmanager
    async def failing(self, fail_point: str) -> AsyncIterator[None]:
        """Fails in the way of that name for as long as this lasts, or until it ends."""
        await self._set_fail_point(fail_point, "alwaysOn")
        try:
            yield
        finally:
            # One that was killed meanwhile has forgotten it.
            with contextlib.suppress(PyMongoError):
                await self._set_fail_point(fail_point, "off")

    async def fail(self, fail_point: dict[str, Any] | None) -> None:
        """Makes it answer the API as the fail point says; None: as it should."""
        mode: Any = "off"
        data: dict[str, Any] = {}
        if fail_point is not None:
            mode = {"activationProbability": fail_point.pop("probability")}
            data = {"appName": _APP, **fail_point}
        await self._set_fail_point("failCommand", mode, data=data)

    async def _set_fail_point(self, name: str, mode: Any, **more: Any) -> None:
        async with self.open_admin() as client:
            await client.admin.command("configureFailPoint", name, mode=mode, **more)


class ReplicaSet:
    """The members, and what `MONGO_URL` says of them."""

    def __init__(self, folder: Path, *, members: int) -> None:
        folder.mkdir(parents=True)
        self.keyfile = folder / "keyfile"
        write_private(self.keyfile, base64.b64encode(secrets.token_bytes(72)).decode(), mode=0o400)
        self.password = secrets.token_urlsafe(24)
        self.members = [
            ChaosMember(folder / f"mongo-{number}", self.keyfile, free_port()) for number in range(members)
        ]

    @property
    def names(self) -> str:
        """The members as the API and the members themselves know them."""
        return ",".join(f"127.0.0.1:{member.line_port}" for member in self.members)

    @property
    def url(self) -> str:
        """What `MONGO_URL` takes."""
        return f"mongodb://knote:{self.password}@{self.names}/knote?replicaSet={SET}&authSource=admin"

    async def bootstrap(self) -> None:
        """Makes set and user as a deployment does, once the members run."""
        run = await bootstrap(
            {
                "KNOTE_MONGO_MEMBERS": self.names,
                "KNOTE_MONGO_KEYFILE": str(self.keyfile),
                "MONGO_URL": self.url,
            },
            secrets=(self.password,),
        )
        assert run.status == 0, run.output

    async def primary(self) -> ChaosMember | None:
        """The member that takes writes, if there is one."""
        answers = await asyncio.gather(*(member.is_primary() for member in self.members))
        return next((member for member, answer in zip(self.members, answers, strict=True) if answer), None)
