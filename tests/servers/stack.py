"""What the tests share for a whole run: the S3 servers, started when first asked for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from knote.local.child import ChildServer
from knote.local.errors import LocalModeError
from knote.local.mongod import MongoServer
from knote.local.s3server import ObjectServer, S3Server
from servers.minio import MinioServer, find_minio
from servers.process import KnoteProcess


def s3_server_names() -> list[str]:
    """The S3 servers at hand: SeaweedFS always, MinIO where it has been built."""
    return ["weed", "minio"] if find_minio() else ["weed"]


class S3Servers:
    """One server of each kind."""

    def __init__(self, folder: Callable[[str], Path]) -> None:
        self._folder = folder
        self._servers: dict[str, ObjectServer] = {}

    async def get(self, name: str) -> ObjectServer:
        """The running server of that name."""
        if name not in self._servers:
            kind = {"weed": S3Server, "minio": MinioServer}[name]
            self._servers[name] = kind(self._folder(name))
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


class SharedKnote(KnoteProcess):
    """The Knote of the browser and wire tests, with its servers in the tests' hands."""

    def __init__(self, data_dir: Path, mongo: MongoServer, s3: ObjectServer) -> None:
        super().__init__(
            data_dir,
            environment={
                "MONGO_URL": mongo.url,
                "MINIO_HOST": s3.endpoint,
                "MINIO_ACCESS_KEY": s3.access_key,
                "MINIO_SECRET_KEY": s3.secret_key,
                "MINIO_BUCKET": s3.bucket,
            },
        )
        self.mongo = mongo
        self.s3 = s3

    @property
    def mongo_pid(self) -> int:
        """The process of MongoDB."""
        return self.mongo.pid

    @property
    def s3_pid(self) -> int:
        """The process of the S3 server."""
        return self.s3.pid

    async def clear(self) -> None:
        """Empties the notebook: every document and every object; indexes stay."""
        async with self.mongo.open_admin() as client:
            database = client["knote"]
            for name in await database.list_collection_names():
                await database[name].delete_many({})
        await self.s3.clear_bucket(self.s3.bucket)
