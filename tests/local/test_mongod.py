"""Local mode's MongoDB: it keeps what it has acknowledged, and lets nobody else in."""

import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from knote.local.errors import LocalModeError
from knote.local.mongod import MongoServer

Client = AsyncMongoClient[dict[str, Any]]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MongoServer]:
    server = MongoServer(tmp_path)
    await server.start()
    yield server
    await server.kill()


async def _write(server: MongoServer, text: str) -> None:
    async with Client(server.url) as client:
        await client["knote"]["words"].insert_one({"text": text})


async def _texts(server: MongoServer) -> list[str]:
    async with Client(server.url) as client:
        return [row["text"] async for row in client["knote"]["words"].find().sort("_id")]


async def test_data_survives_a_restart_and_a_crash(server: MongoServer) -> None:
    port, url = server.port, server.url
    await _write(server, "before the restart")
    await server.restart()
    await _write(server, "before the crash")
    await server.kill()
    await server.start()
    assert await _texts(server) == ["before the restart", "before the crash"]
    assert (server.port, server.url) == (port, url)


async def test_data_survives_a_change_of_port(server: MongoServer) -> None:
    await _write(server, "kept")
    await server.kill()
    with socket.socket() as other:
        other.bind(("127.0.0.1", server.port))
        moved = MongoServer(server.data_dir)
        await moved.start()
        try:
            assert moved.port != server.port
            assert await _texts(moved) == ["kept"]
        finally:
            await moved.kill()


async def test_the_port_is_remembered(server: MongoServer) -> None:
    await server.kill()
    again = MongoServer(server.data_dir)
    await again.start()
    await again.kill()
    assert again.url == server.url


async def test_only_the_user_gets_in_and_only_to_its_database(server: MongoServer) -> None:
    async with Client("127.0.0.1", server.port, directConnection=True) as nobody:
        with pytest.raises(OperationFailure, match="requires authentication"):
            await nobody["knote"]["words"].find_one()
    async with Client(server.url) as user:
        with pytest.raises(OperationFailure, match="not authorized"):
            await user["other"]["words"].find_one()


async def test_it_is_a_replica_set_with_transactions_and_change_streams(
    server: MongoServer,
) -> None:
    async with Client(server.url) as client:
        words = client["knote"]["words"]
        await words.insert_one({"text": "first"})
        async with await words.watch() as changes, client.start_session() as session:
            async with await session.start_transaction():
                await words.insert_one({"text": "second"}, session=session)
            assert (await changes.next())["fullDocument"]["text"] == "second"


async def test_it_listens_on_loopback_only_and_leaves_no_secret_on_its_command_line(
    server: MongoServer,
) -> None:
    process = psutil.Process(server.pid)
    listening = [c.laddr for c in process.net_connections("all") if c.status == "LISTEN"]
    assert [tuple(address) for address in listening] == [("127.0.0.1", server.port)]
    password = server.url.partition("knote:")[2].partition("@")[0]
    assert password not in " ".join(process.cmdline())
    for path in (server.home / "keyfile", server.home / "server.json"):
        assert path.stat().st_mode & 0o077 == 0


async def test_what_is_slow_is_not_told(server: MongoServer) -> None:
    async def told(**profile: float) -> str:
        """What the log says while everything is slow: reads and writes of a text."""
        async with server.open_admin() as admin:
            await admin["knote"].command({"profile": 0, **profile})
        begin = server.log_path.stat().st_size
        async with Client(server.url) as client:
            words = client["knote"]["words"]
            await words.update_one({"text": "sought"}, {"$set": {"text": "written"}}, upsert=True)
            assert await words.find_one({"text": "sought"}) is None
            await words.delete_many({"text": "written"})
        return server.log_path.read_bytes()[begin:].decode()

    assert not re.search("sought|written", await told())
    assert not re.search("sought|written", await told(slowms=-1))
    # The same operations, where somebody wants to know of them.
    said = await told(slowms=-1, sampleRate=1.0)
    assert "sought" in said
    assert "written" in said


async def test_damaged_data_is_told_with_the_reason_from_the_log(tmp_path: Path) -> None:
    database = tmp_path / "mongo" / "db"
    database.mkdir(parents=True)
    (database / "storage.bson").write_bytes(b"x")
    (database / "WiredTiger.wt").write_bytes(b"not a database")
    server = MongoServer(tmp_path)
    with pytest.raises(LocalModeError, match="MongoDB ended while it started") as failure:
        await server.start()
    assert "Unable to read the storage engine metadata file" in str(failure.value)
    assert str(server.log_path) in str(failure.value)
    assert not server.is_running


async def test_a_missing_system_library_is_one_sentence_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mongod"
    said = "error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    program.write_text(f"#!/bin/sh\necho '{program}: {said}' >&2\nexit 127\n")
    program.chmod(0o755)
    monkeypatch.setenv("KNOTE_MONGOD", str(program))
    with pytest.raises(LocalModeError, match=r"needs the system library libcurl\.so\.4") as failure:
        await MongoServer(tmp_path / "data").start()
    assert str(failure.value).endswith("sudo apt-get install libcurl4")
