"""Servers that nobody has prepared."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bootstrap.members import KEY, Member
from servers.minio import MinioServer, find_minio
from servers.stack import ensure_running

# Like `every_s3`: MinIO where it has been built.
collect_ignore = [] if find_minio() else ["test_object_store.py"]


@pytest.fixture
def keyfile(tmp_path: Path) -> Path:
    """The key that members and bootstrap share."""
    path = tmp_path / "keyfile"
    path.write_text(f"{KEY[:9]}\n{KEY[9:]}\n", encoding="ascii")
    path.chmod(0o400)
    return path


@pytest.fixture
async def members(tmp_path: Path, keyfile: Path) -> AsyncIterator[list[Member]]:
    """Three members; none knows of another."""
    async with AsyncExitStack() as stack:
        started = []
        for number in range(3):
            member = Member(tmp_path / f"member-{number}", keyfile)
            await ensure_running(member)
            stack.push_async_callback(member.kill)
            started.append(member)
        yield started


@pytest.fixture(scope="session")
async def minio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MinioServer]:
    """A MinIO of these tests' own; its keys are root's."""
    server = MinioServer(tmp_path_factory.mktemp("minio"))
    await ensure_running(server)
    yield server
    await server.kill()


@pytest.fixture
def store(minio: MinioServer) -> dict[str, str]:
    """What a bootstrap of a bucket that is not there yet is told."""
    token = secrets.token_hex(6)
    return {
        "MINIO_HOST": minio.endpoint,
        "MINIO_ROOT_USER": minio.access_key,
        "MINIO_ROOT_PASSWORD": minio.secret_key,
        "MINIO_ACCESS_KEY": f"knote-{token}",
        "MINIO_SECRET_KEY": secrets.token_urlsafe(24),
        "MINIO_BUCKET": f"knote-{token}",
    }
