"""One stage for all tests of this folder, put back before each request."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from authorization.stage import Stage, open_stage
from knote.local.mongod import MongoServer
from knote.settings import Settings
from servers.provider import SignOnProvider
from servers.stack import S3Servers, ensure_running

_DATABASE, _BUCKET = "authorization", "authorization-pictures"


@pytest.fixture(scope="session")
async def stage_of_run(
    mongo_of_run: MongoServer,
    mongo_admin: AsyncMongoClient[dict[str, object]],
    s3_servers: S3Servers,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stage]:
    """The stage with a database and a bucket of its own."""
    s3 = await s3_servers.get("weed")
    await s3.create_bucket(_BUCKET)
    provider = SignOnProvider(tmp_path_factory.mktemp("provider"), "https://knote/api/v1/sso/callback")
    await ensure_running(provider)
    settings = Settings(
        MONGO_URL=SecretStr(mongo_of_run.url_of(_DATABASE)),
        MINIO_HOST=s3.endpoint,
        MINIO_ACCESS_KEY=s3.access_key,
        MINIO_SECRET_KEY=SecretStr(s3.secret_key),
        MINIO_BUCKET=_BUCKET,
        public_url="https://knote",
        oidc_issuer=provider.issuer,
        oidc_client_id=provider.client_id,
        oidc_client_secret=SecretStr(provider.client_secret),
        oidc_name="Example",
        data_dir=tmp_path_factory.mktemp("authorization") / "data",
    )
    async with open_stage(settings, mongo_admin[_DATABASE]) as stage:
        yield stage
    await provider.kill()


@pytest.fixture
async def stage(stage_of_run: Stage, mongo: MongoServer) -> Stage:
    """The stage, with both stores running."""
    return stage_of_run
