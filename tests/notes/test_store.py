"""Notes in a real MongoDB: what is kept, and by which index it is found."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from knote.mongo import Database, open_database
from knote.notes.search import index_terms, parse_query
from knote.notes.store import NoteStore, page_filter
from knote.pages import Keyset
from knote.settings import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings) as database:
        yield database


@pytest.fixture
async def store(database: Database) -> NoteStore:
    store = NoteStore(database)
    await store.ensure_indexes()
    return store


def document(number: int, content: str = "text", **fields: Any) -> dict[str, Any]:
    at = START + timedelta(seconds=number)
    return {
        "_id": f"{number:024d}",
        "content": content,
        "terms": index_terms(content),
        "pictures": [],
        "version": 1,
        "created_at": at,
        "updated_at": at,
        "is_deleted": False,
        "deleted_at": None,
        **fields,
    }


async def test_indexes_are_ensured_by_many_replicas_at_once(store: NoteStore, database: Database) -> None:
    await asyncio.gather(*(NoteStore(database).ensure_indexes() for _ in range(8)))
    names = {index["name"] async for index in database["notes"].list_indexes()}
    assert names == {"_id_", "newest_of_owner", "search_of_owner", "trash", "pictures", "idempotency"}


async def test_writes_are_majority_journaled_and_reads_are_majority(database: Database) -> None:
    assert database.write_concern.document == {"w": "majority", "j": True}
    assert database.read_concern.level == "majority"


async def test_pages_skip_and_double_nothing_while_others_write(store: NoteStore) -> None:
    for number in range(0, 100, 2):
        await store.insert(None, document(number))
    seen: list[str] = []
    after = None
    for turn in range(20):
        page = await store.page(None, None, after, 7)
        if not page:
            break
        seen += [note["_id"] for note in page]
        after = Keyset(page[-1]["created_at"], page[-1]["_id"])
        await store.insert(None, document(1000 + turn))  # newer ones come in on top
        await store.delete(None, seen[0], None, START)  # and one that was read goes
    assert seen == [f"{number:024d}" for number in range(98, -1, -2)]


async def test_notes_of_the_same_millisecond_are_paged_by_id(store: NoteStore) -> None:
    for number in range(9):
        await store.insert(None, {**document(number), "created_at": START})
    first = await store.page(None, None, None, 4)
    after = Keyset(first[-1]["created_at"], first[-1]["_id"])
    rest = await store.page(None, None, after, 9)
    assert [int(note["_id"]) for note in [*first, *rest]] == [8, 7, 6, 5, 4, 3, 2, 1, 0]


async def test_twenty_thousand_notes_are_searched_by_an_index(store: NoteStore, database: Database) -> None:
    colours = ["red", "green", "blue", "yellow"]
    notes = [
        document(n, f"note{n} {colours[n % 4]} {'needle' if n % 5000 == 7 else 'hay'} 第{n}个文档")
        for n in range(20_000)
    ]
    notes[12_345] = document(12_345, "这是一个测试文档 Über")
    await database["notes"].insert_many(notes)

    async def found(q: str) -> list[int]:
        return [int(note["_id"]) for note in await store.page(None, parse_query(q), None, 100)]

    assert await found("needle") == [15_007, 10_007, 5_007, 7]
    assert await found("note15007 need") == [15_007]
    assert await found("测试") == [12_345]
    assert await found("uber") == [12_345]
    assert await found("nothing like it") == []
    assert len(await found("red")) == 100
    deep = Keyset(START + timedelta(seconds=5_007), f"{5_007:024d}")
    after = await store.page(None, parse_query("needle"), deep, 10)
    assert [int(note["_id"]) for note in after] == [7]

    for condition in [
        page_filter(None, None, None),
        page_filter(None, None, deep),
        *(
            page_filter(None, parse_query(q), None)
            for q in ("needle", "red hay", "note1", "测试", "第1个文档 red")
        ),
        page_filter(None, parse_query("needle"), deep),
    ]:
        command = {"find": "notes", "filter": condition, "limit": 21}
        command["sort"] = {"created_at": -1, "_id": -1}
        plan = await database.command("explain", command, verbosity="executionStats")
        stages = list(_stages(plan["queryPlanner"]["winningPlan"]))
        assert "COLLSCAN" not in stages, (condition, stages)
        assert "IXSCAN" in stages, (condition, stages)
    needles = {"find": "notes", "filter": page_filter(None, parse_query("needle"), None), "limit": 21}
    plan = await database.command("explain", needles, verbosity="executionStats")
    assert plan["executionStats"]["totalDocsExamined"] <= 8


def _stages(plan: dict[str, Any]) -> list[str]:
    below = [plan.get("inputStage"), *plan.get("inputStages", []), plan.get("queryPlan")]
    own = [plan["stage"]] if "stage" in plan else []
    return own + [stage for inner in below if inner for stage in _stages(inner)]


async def test_only_one_of_many_writers_of_a_version_wins(store: NoteStore) -> None:
    await store.insert(None, document(1))
    id_ = f"{1:024d}"
    results = await asyncio.gather(*(store.replace(None, id_, [1], {"content": f"w{n}"}) for n in range(12)))
    won = [result for result in results if result is not None]
    assert len(won) == 1
    now = await store.find(None, id_)
    assert now is not None
    assert (now["content"], now["version"]) == (won[0]["content"], 2)


async def test_the_largest_note_of_any_script_fits_into_one_document(store: NoteStore) -> None:
    characters = [chr(0x4E00 + (n * 7919) % 20_000) for n in range(1024 * 1024 // 3)]
    await store.insert(None, document(1, "".join(characters)))
    found = await store.page(None, parse_query("".join(characters[5000:5003])), None, 1)
    assert [int(note["_id"]) for note in found] == [1]


async def test_purge_removes_only_what_was_deleted_before(store: NoteStore) -> None:
    for number in range(3):
        await store.insert(None, document(number))
    await store.delete(None, f"{0:024d}", None, START)
    await store.delete(None, f"{1:024d}", None, START + timedelta(days=2))
    assert await store.purge(START + timedelta(days=1), dry_run=True) == 1
    assert await store.purge(START + timedelta(days=1), dry_run=False) == 1
    assert await store.restore(None, f"{0:024d}") is None
    assert await store.restore(None, f"{1:024d}") is not None
    assert await store.count() == 2
