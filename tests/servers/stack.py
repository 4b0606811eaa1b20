"""What the tests share for a whole run: the S3 servers, started when first asked for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from pydantic import SecretStr

from knote.accounts import add_user
from knote.local.child import ChildServer
from knote.local.errors import LocalModeError
from knote.local.mongod import MongoServer
from knote.local.s3server import ObjectServer, S3Server
from knote.settings import Settings
from servers.minio import MinioServer, find_minio
from servers.process import KnoteProcess


def s3_server_names() -> list[str]:
    """The S3 servers at hand: SeaweedFS always, MinIO where it has been built."""
    return ["weed", "minio"] if find_minio() else ["weed"]


def s3_server_kind(name: str) -> type[ObjectServer]:
    """The S3 server of that name."""
    return {"weed": S3Server, "minio": MinioServer}[name]


class S3Servers:
    """One server of each kind."""

    def __init__(self, folder: Callable[[str], Path]) -> None:
        self._folder = folder
        self._servers: dict[str, ObjectServer] = {}

    async def get(self, name: str) -> ObjectServer:
        """The running server of that name."""
        if name not in self._servers:
            self._servers[name] = s3_server_kind(name)(self._folder(name))
        await ensure_running(self._servers[name])
        return self._servers[name]

    async def stop(self) -> None:
        """Ends all of them."""
        for server in self._servers.values():
            await server.kill()


async def ensure_running(server: ChildServer) -> None:
    """Starts the server unless it runs. A missing program fails the test with how to get it."""
    if server.is_running:
        return
    try:
        await server.start()
    except LocalModeError as error:
        pytest.fail(str(error), pytrace=False)


SETUP_TOKEN = "the token of the tests"
COOKIE = "__Host-knote"


class Person(NamedTuple):
    """Somebody with an account."""

    name: str
    password: str


ADA = Person("Ada", "correct horse battery staple")


class SharedKnote(KnoteProcess):
    """The Knote of the browser and wire tests, with its servers in the tests' hands.

    With accounts, an emptied one has that of Ada, an administrator, and `secret` is her session's.
    """

    def __init__(
        self,
        data_dir: Path,
        mongo: MongoServer,
        s3: ObjectServer,
        *,
        port: int | None = None,
        auth: str = "open",
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.auth = auth
        self.mongo = mongo
        self.s3 = s3
        self.secret = ""
        self.database = f"knote_{auth}"
        super().__init__(
            data_dir,
            port=port,
            environment={
                "KNOTE_AUTH": auth,
                # All tests are one user, who asks for more than anybody may.
                "KNOTE_REQUESTS_PER_MINUTE": "0",
                "KNOTE_UPLOADS_PER_HOUR": "0",
                "KNOTE_SETUP_TOKEN": SETUP_TOKEN,
                "MONGO_URL": mongo.url_of(self.database),
                "MINIO_HOST": s3.endpoint,
                "MINIO_ACCESS_KEY": s3.access_key,
                "MINIO_SECRET_KEY": s3.secret_key,
                "MINIO_BUCKET": s3.bucket,
                **(more or {}),
            },
        )

    @property
    def headers(self) -> dict[str, str]:
        """What makes a request one of Ada's; nothing in an open notebook."""
        if self.auth == "open":
            return {}
        return {"Cookie": f"{COOKIE}={self.secret}", "Sec-Fetch-Site": "same-origin"}

    @property
    def mongo_pid(self) -> int:
        """The process of MongoDB."""
        return self.mongo.pid

    @property
    def s3_pid(self) -> int:
        """The process of the S3 server."""
        return self.s3.pid

    async def clear(self) -> None:
        """Empties it: every document and every object; indexes stay."""
        await self.clear_all()
        if self.auth == "accounts":
            self.secret = await self.set_up(ADA)

    async def clear_all(self) -> None:
        """The same, and with accounts there is none."""
        async with self.mongo.open_admin() as client:
            database = client[self.database]
            for name in await database.list_collection_names():
                await database[name].delete_many({})
        await self.s3.clear_bucket(self.s3.bucket)

    async def add(self, person: Person, *, is_admin: bool = False) -> None:
        """Makes another account, as the command does."""
        settings = Settings(
            MONGO_URL=SecretStr(self.mongo.url_of(self.database)),
            MINIO_HOST=self.s3.endpoint,
            MINIO_ACCESS_KEY=self.s3.access_key,
            MINIO_SECRET_KEY=SecretStr(self.s3.secret_key),
            MINIO_BUCKET=self.s3.bucket,
        )
        await add_user(settings, person.name, person.password, is_admin=is_admin)

    async def set_up(self, person: Person) -> str:
        """Makes the first account; the secret of its session."""
        body = {"setup_token": SETUP_TOKEN, **person._asdict()}
        headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0"}
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, trust_env=False, timeout=30
        ) as client:
            answer = await client.post("/api/v1/setup", json=body)
            answer.raise_for_status()
            # Over plain HTTP, a client like this one would not send it back by itself.
            return answer.cookies[COOKIE]


class Knotes:
    """One process with an open notebook and one with accounts, started when first asked for."""

    def __init__(self, folder: Path, mongo: MongoServer, s3: ObjectServer) -> None:
        self._folder = folder
        self._mongo = mongo
        self._s3 = s3
        self._running: dict[str, SharedKnote] = {}

    async def get(self, auth: str) -> SharedKnote:
        """The one that runs so."""
        if auth not in self._running:
            knote = SharedKnote(self._folder / auth, self._mongo, self._s3, auth=auth)
            await knote.start()
            self._running[auth] = knote
        return self._running[auth]

    async def stop(self) -> None:
        """Ends them."""
        for knote in self._running.values():
            await knote.stop()
