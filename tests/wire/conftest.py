"""Stores that all tests of this folder share, emptied before each, and a replica over them."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from knote.local.mongod import MongoServer
from knote.local.s3server import ObjectServer
from knote.settings import Settings
from servers.stack import S3Servers
from wire.replica import Replica, ready_replica

_DATABASE, _BUCKET = "wire", "wire-pictures"


@pytest.fixture(scope="session")
async def settings_of_run(
    mongo_of_run: MongoServer, s3_servers: S3Servers, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings with a database and a bucket for this folder."""
    s3 = await s3_servers.get("weed")
    await s3.create_bucket(_BUCKET)
    return Settings(
        MONGO_URL=SecretStr(mongo_of_run.url_of(_DATABASE)),
        MINIO_HOST=s3.endpoint,
        MINIO_ACCESS_KEY=s3.access_key,
        MINIO_SECRET_KEY=SecretStr(s3.secret_key),
        MINIO_BUCKET=_BUCKET,
        data_dir=tmp_path_factory.mktemp("wire") / "data",
    )


@pytest.fixture
async def settings(
    settings_of_run: Settings,
    mongo: MongoServer,
    s3: ObjectServer,
    mongo_admin: AsyncMongoClient[dict[str, object]],
) -> Settings:
    """The settings, with nothing stored; both servers run."""
    database = mongo_admin[_DATABASE]
    for name in await database.list_collection_names():
        await database[name].delete_many({})
    await s3.clear_bucket(_BUCKET)
    return settings_of_run


@pytest.fixture(scope="session")
async def one_of_run(
    settings_of_run: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Replica]:
    """The replica that no test ends."""
    async with ready_replica(settings_of_run, tmp_path_factory.mktemp("one")) as replica:
        yield replica


@pytest.fixture
async def one(one_of_run: Replica, settings: Settings) -> Replica:
    """A replica that is ready, over empty stores, with an empty log."""
    await one_of_run.wait_ready()
    one_of_run.forget_log()
    return one_of_run
