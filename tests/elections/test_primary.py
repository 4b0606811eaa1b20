"""A primary that has just been elected answers with what was acknowledged before, or not yet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from chaos.mongo import UNAWARE, ChaosMember, ReplicaSet
from knote.errors import NotesUnavailable
from knote.mongo import Database, database_errors, open_database, wait_for_primary
from knote.settings import Settings
from servers.stack import ensure_running


@pytest.fixture
async def replica_set(tmp_path: Path) -> AsyncIterator[ReplicaSet]:
    """Three members, as a deployment has them; what they say of themselves can be broken."""
    found = ReplicaSet(tmp_path / "set", members=3)
    async with AsyncExitStack() as stack:
        for member in found.members:
            stack.push_async_callback(member.kill)
            await ensure_running(member)
            member.line_port = member.ports["mongo"]
        await found.bootstrap()
        yield found


def settings_of(replica_set: ReplicaSet, settings: Settings) -> Settings:
    return settings.model_copy(update={"mongo_url": SecretStr(replica_set.url)})


async def content_by_majority(member: ChaosMember) -> str:
    """What a driver alone would have read of this member."""
    async with member.open_admin() as client:
        found = await client["knote"].command(
            {"find": "notes", "filter": {"_id": "a"}, "readConcern": {"level": "majority"}}
        )
    content: str = found["cursor"]["firstBatch"][0]["content"]
    return content


async def content_by_knote(database: Database) -> str:
    with database_errors():
        found = await database["notes"].find_one({"_id": "a"})
    assert found is not None
    content: str = found["content"]
    return content


async def test_a_new_primary_is_read_once_it_knows_what_was_acknowledged(
    replica_set: ReplicaSet, settings: Settings
) -> None:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings_of(replica_set, settings)))
        await database["notes"].insert_one({"_id": "a", "content": "old"})
        primary = await replica_set.primary()
        successor = next(member for member in replica_set.members if member is not primary)
        async with successor.failing(UNAWARE):
            await database["notes"].update_one({"_id": "a"}, {"$set": {"content": "acknowledged"}})
            await successor.become_primary()

            assert await content_by_majority(successor) == "old"
            with pytest.raises(NotesUnavailable):
                await wait_for_primary(database, timeout_seconds=1)
            reads = [asyncio.create_task(content_by_knote(database))]
            another = await stack.enter_async_context(open_database(settings_of(replica_set, settings)))
            reads.append(asyncio.create_task(content_by_knote(another)))
            done, _ = await asyncio.wait(reads, timeout=1)
            assert not done
        assert set(await asyncio.gather(*reads)) == {"acknowledged"}
        await wait_for_primary(database, timeout_seconds=0)
