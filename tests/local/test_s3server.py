"""The S3 servers: they keep what they have acknowledged, and answer nothing without the keys."""

import socket
import stat
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import httpx
import psutil
import pytest

from knote.local.s3server import ObjectServer, S3Server
from knote.s3 import Bucket, open_bucket
from knote.settings import Settings

KEY = "pictures/secret"
CONTENT = b"only for those with the keys" * 1000


@pytest.fixture(scope="module")
async def weed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("weed"))
    await server.start()
    yield server
    await server.kill()


async def _store(server: ObjectServer, key: str, folder: Path) -> None:
    path = folder / "object"
    path.write_bytes(CONTENT)
    async with open_bucket(_settings(server)) as bucket:
        await bucket.put(key, path, content_type="application/octet-stream")


async def _load(server: ObjectServer, key: str) -> bytes:
    async with open_bucket(_settings(server)) as bucket:
        return await _bytes(bucket, key)


async def _bytes(bucket: Bucket, key: str) -> bytes:
    return b"".join([chunk async for chunk in await bucket.get(key)])


def _settings(server: ObjectServer) -> Settings:
    return Settings(
        MINIO_HOST=server.endpoint,
        MINIO_ACCESS_KEY=server.access_key,
        MINIO_SECRET_KEY=server.secret_key,
        MINIO_BUCKET=server.bucket,
    )


async def test_objects_survive_a_restart_and_a_crash(weed: S3Server, tmp_path: Path) -> None:
    endpoint = weed.endpoint
    await _store(weed, "pictures/before-restart", tmp_path)
    await weed.restart()
    await _store(weed, "pictures/before-crash", tmp_path)
    await weed.kill()
    await weed.start()
    assert await _load(weed, "pictures/before-restart") == CONTENT
    assert await _load(weed, "pictures/before-crash") == CONTENT
    assert weed.endpoint == endpoint


async def test_objects_survive_a_change_of_ports(tmp_path: Path) -> None:
    server = S3Server(tmp_path)
    await server.start()
    await _store(server, KEY, tmp_path)
    await server.kill()
    with (
        socket.create_server(("127.0.0.1", server.ports["s3"])),
        socket.create_server(("127.0.0.1", server.ports["master"])),
        socket.create_server(("127.0.0.1", server.ports["volume"])),
    ):
        moved = S3Server(tmp_path)
        await moved.start()
        try:
            assert moved.endpoint != server.endpoint
            assert await _load(moved, KEY) == CONTENT
            await _store(moved, "pictures/after", tmp_path)
            assert await _load(moved, "pictures/after") == CONTENT
        finally:
            await moved.kill()


async def test_no_port_answers_an_object_without_the_keys(weed: S3Server, tmp_path: Path) -> None:
    await _store(weed, KEY, tmp_path)
    bucket = weed.bucket
    paths = [
        f"/{bucket}/{KEY}",
        f"/{bucket}/",
        f"/buckets/{bucket}/{KEY}",
        f"/buckets/{bucket}/",
        f"/buckets/{bucket}/{KEY}?metadata=true",
        f"/webdav/buckets/{bucket}/{KEY}",
        "/etc/iam/identity.json",
        "/etc/seaweedfs/filer.conf",
        "/dir/assign",
        "/dir/lookup?volumeId=1",
        "/vol/status",
        "/",
        *(f"/{volume},{needle:02x}00000000" for volume in range(1, 8) for needle in range(1, 8)),
    ]
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        for name, port in weed.ports.items():
            for path in paths:
                try:
                    answer = await client.get(f"http://127.0.0.1:{port}{path}")
                except httpx.TransportError:
                    continue  # a gRPC port
                assert CONTENT[:28] not in answer.content, (name, path)
                # A refusal may repeat what it was asked for; a list would be another matter.
                assert answer.is_error or KEY.encode() not in answer.content, (name, path)
                assert weed.secret_key.encode() not in answer.content, (name, path)


async def test_no_port_takes_a_write_without_the_keys(weed: S3Server) -> None:
    path = f"/buckets/{weed.bucket}/planted"
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        for name, port in weed.ports.items():
            for target in (path, f"/{weed.bucket}/planted", "/1,0100000000"):
                for method in ("PUT", "POST", "DELETE"):
                    try:
                        answer = await client.request(
                            method, f"http://127.0.0.1:{port}{target}", content=b"x"
                        )
                    except httpx.TransportError:
                        continue  # a gRPC port
                    assert answer.status_code >= 400, (name, method, target)


async def test_every_s3_server_listens_on_loopback_and_keeps_its_keys_to_itself(
    every_s3: ObjectServer,
) -> None:
    process = psutil.Process(every_s3.pid)
    listening = [c.laddr for c in process.net_connections("tcp") if c.status == "LISTEN"]
    assert all(ip_address(address.ip).is_loopback for address in listening)
    assert {address.port for address in listening} <= set(every_s3.ports.values())
    command = " ".join(process.cmdline())
    assert every_s3.secret_key not in command
    assert every_s3.access_key not in command
    assert (every_s3.home / "server.json").stat().st_mode & 0o077 == 0
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{every_s3.endpoint}/{every_s3.bucket}/{KEY}")
    assert answer.status_code == 403


async def test_the_sockets_are_private_and_gone_afterwards(tmp_path: Path) -> None:
    server = S3Server(tmp_path / ("a-long-name-" * 12))
    await server.start()
    sockets = [
        Path(str(found.laddr)) for found in psutil.Process(server.pid).net_connections("unix") if found.laddr
    ]
    assert sockets
    for path in sockets:
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert mode & 0o077 == 0
    await server.kill()
    assert [path for path in sockets if path.exists()] == []
