"""What the rows stand on: MongoDB with its notebooks, MinIO, replicas, and the two nginx."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from bench.notebooks import prepare
from bench.processes import MEASURED, REST, Server, pin
from delivery.web import Web
from knote.local.mongod import MongoServer
from servers.minio import MinioServer

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "knote", "bench")
_ROLES = [{"role": f"{what}AnyDatabase", "db": "admin"} for what in ("readWrite", "dbAdmin")]


class Stage:
    """The running servers. What a row starts ends with the row."""

    def __init__(self, mongo: MongoServer, minio: MinioServer, folder: Path) -> None:
        self.mongo = mongo
        self.minio = minio
        self.folder = folder

    def stores(self, database: str) -> dict[str, str]:
        """The settings of whoever uses a database and the bucket."""
        return {
            "MONGO_URL": self.mongo.url_of(database),
            "MINIO_HOST": self.minio.endpoint,
            "MINIO_ACCESS_KEY": self.minio.access_key,
            "MINIO_SECRET_KEY": self.minio.secret_key,
            "MINIO_BUCKET": self.minio.bucket,
        }

    def knote(self, database: str, *, core: int = MEASURED, **settings: str) -> Server:
        """A replica over a database, not yet started."""
        environment = self.stores(database) | settings
        return Server("knote", "serve", folder=self.folder, environment=environment, core=core)

    def limit(self, name: str, **environment: str) -> Server:
        """A bare app of `bench/limits`, not yet started."""
        return Server(f"bench.limits.{name}", folder=self.folder, environment=environment)

    @asynccontextmanager
    async def web(self, replica: Server, **settings: str) -> AsyncIterator[Web]:
        """The nginx of web in front of a replica."""
        address = self.minio.endpoint.removeprefix("http://")
        # In memory: for minutes after many files were removed, ext4 takes a millisecond to make a new one.
        with TemporaryDirectory(prefix="knote-bench-", dir="/dev/shm") as folder:
            web = Web(Path(folder), api=[f"127.0.0.1:{replica.port}"], s3=address, **settings)
            web.start()
            pin(web.process_id, MEASURED)
            try:
                yield web
            finally:
                web.stop()


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """The stores, with what they hold."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="knote-bench-"))
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        mongo = MongoServer(CACHE, roles=_ROLES)
        await mongo.start()
        stack.push_async_callback(mongo.stop)
        await prepare(mongo)
        pin(mongo.pid, REST)
        minio = MinioServer(folder)
        await minio.start()
        stack.push_async_callback(minio.stop)
        pin(minio.pid, REST)
        os.sched_setaffinity(0, {REST})
        yield Stage(mongo, minio, folder)
