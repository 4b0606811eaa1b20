"""Fixtures: real servers for the whole run, a fresh database and bucket for each test."""

import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect

from knote.app import create_app
from knote.local.binaries import find_mongod, find_weed
from knote.local.errors import LocalModeError
from knote.local.mongod import MongoServer
from knote.local.s3server import ObjectServer
from knote.settings import Settings
from secrecy.overheard import OVERHEARD
from servers.minio import find_minio
from servers.process import is_setting
from servers.stack import Knotes, S3Servers, SharedKnote, ensure_running, s3_server_names


def pytest_configure() -> None:
    """Keeps the settings of the person who runs the tests out of them."""
    for name in filter(is_setting, list(os.environ)):
        del os.environ[name]


def pytest_report_header() -> list[str]:
    """Which servers the tests run against."""
    minio = find_minio()
    return [
        f"mongodb: {_version_of(find_mongod, '--version')}",
        f"s3: {_version_of(find_weed, 'version')}",
        f"s3: {minio.name}" if minio else "s3: no MinIO here (`make test` builds it where Go is)",
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `every_s3` runs once with each S3 server at hand."""
    if "every_s3" in metafunc.fixturenames:
        metafunc.parametrize("s3", s3_server_names(), indirect=True)


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_told(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[None]:
    """Ends the run, after all else has ended, with a look at everything it produced."""
    with OVERHEARD.listening(tmp_path_factory.mktemp("overheard")):
        yield
    if leaks := OVERHEARD.leaks(tmp_path_factory.getbasetemp()):
        if cache := getattr(pytestconfig, "cache", None):
            cache.set("knote/told", leaks)  # tools/test-again excuses no such run
        pytest.fail("\n".join(["A secret was told:", *leaks[:40]]), pytrace=False)


@pytest.fixture(scope="session")
async def mongo_of_run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MongoServer]:
    """The one MongoDB of the run, whoever stops it meanwhile."""
    roles = [{"role": f"{what}AnyDatabase", "db": "admin"} for what in ("readWrite", "dbAdmin")]
    server = MongoServer(tmp_path_factory.mktemp("mongo"), roles=roles)
    await ensure_running(server)
    yield server
    await server.kill()


@pytest.fixture(scope="session")
async def mongo_admin(
    mongo_of_run: MongoServer,
) -> AsyncIterator[AsyncMongoClient[dict[str, object]]]:
    """A client that may do everything."""
    async with mongo_of_run.open_admin() as client:
        yield client


@pytest.fixture(scope="session")
async def s3_servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[S3Servers]:
    """The S3 servers of the run."""
    servers = S3Servers(tmp_path_factory.mktemp)
    yield servers
    await servers.stop()


@pytest.fixture
async def mongo(mongo_of_run: MongoServer) -> AsyncIterator[MongoServer]:
    """MongoDB, running; a test may stop and start it."""
    await ensure_running(mongo_of_run)
    yield mongo_of_run
    await ensure_running(mongo_of_run)


@pytest.fixture
async def s3(request: pytest.FixtureRequest, s3_servers: S3Servers) -> AsyncIterator[ObjectServer]:
    """The S3 server, running; a test may stop and start it."""
    name = getattr(request, "param", "weed")
    yield await s3_servers.get(name)
    await s3_servers.get(name)


@pytest.fixture
def every_s3(s3: ObjectServer) -> ObjectServer:
    """Runs the test with each S3 server at hand; `settings`, `app` and `client` use the same."""
    return s3


@pytest.fixture
async def settings(
    mongo: MongoServer,
    s3: ObjectServer,
    mongo_admin: AsyncMongoClient[dict[str, object]],
    tmp_path: Path,
) -> AsyncIterator[Settings]:
    """Settings with a database and a bucket of their own; both are gone after the test."""
    token = secrets.token_hex(6)
    database, bucket = f"test_{token}", f"test-{token}"
    await s3.create_bucket(bucket)
    yield Settings(
        MONGO_URL=SecretStr(mongo.url_of(database)),
        MINIO_HOST=s3.endpoint,
        MINIO_ACCESS_KEY=s3.access_key,
        MINIO_SECRET_KEY=SecretStr(s3.secret_key),
        MINIO_BUCKET=bucket,
        data_dir=tmp_path / "data",
    )
    await ensure_running(mongo)
    await ensure_running(s3)
    try:
        await mongo_admin.drop_database(database)
    except AutoReconnect:
        # The test ended the server, or kept this loop from hearing of it: the next connection is a new one.
        await mongo_admin.drop_database(database)
    await s3.drop_bucket(bucket)


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The application over those settings; its lifespan has not begun."""
    return create_app(settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running application, in this process."""
    async with LifespanManager(app) as manager:
        transport = httpx.ASGITransport(app=manager.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://knote") as client:
            yield client


@pytest.fixture(scope="session")
async def knotes(
    mongo_of_run: MongoServer, s3_servers: S3Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Knotes]:
    """One `python -m knote local` of each mode for the run."""
    processes = Knotes(tmp_path_factory.mktemp("knote"), mongo_of_run, await s3_servers.get("weed"))
    yield processes
    await processes.stop()


@pytest.fixture
def auth() -> str:
    """How `knote` runs: with an open notebook, unless somebody says otherwise."""
    return "open"


@pytest.fixture
async def knote(knotes: Knotes, auth: str, mongo: MongoServer, s3: ObjectServer) -> SharedKnote:
    """A real `python -m knote local` that is ready, page included, with an empty notebook."""
    process = await knotes.get(auth)
    await process.wait_ready()
    await process.clear()
    return process


def _version_of(find: Callable[[], Path], argument: str) -> str:
    try:
        program = find()
    except LocalModeError as error:
        return str(error)
    run = subprocess.run([program, argument], capture_output=True, text=True, check=False)
    return run.stdout.partition("\n")[0].strip()
