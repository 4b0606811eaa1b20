"""Notebooks of every size, made once by Knote's own service and kept between runs."""

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

from pymongo import AsyncMongoClient

from bench.prose import Prose
from knote.clock import new_id
from knote.local.mongod import Client, MongoServer
from knote.mongo import Database
from knote.notes.search import parse_query
from knote.notes.service import NoteService
from knote.notes.store import NoteStore, page_filter
from knote.pictures.store import PictureStore

SIZES = (20, 1_000, 100_000, 1_000_000)
PROSE = 100_000
# Changes with what a notebook holds, so that an old one is made anew.
EDITION = "1"
_BATCH = 5_000
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)


class Search(NamedTuple):
    """Two words, and how many notes have both."""

    words: str
    hits: int


def name_of(size: int) -> str:
    """The database of the notebook with so many notes."""
    return f"notes_{size}"


async def prepare(mongo: MongoServer) -> None:
    """Makes what is not there yet."""
    # Without the admin client's time limit: an index over a million notes takes minutes.
    async with AsyncMongoClient[dict[str, Any]](mongo.url) as client:
        for size in SIZES:
            database = client[name_of(size)]
            made = await database["edition"].find_one({"_id": EDITION})
            if made is None:
                print(f"making a notebook of {size:,} notes, once", flush=True)
                await client.drop_database(database.name)
                await _fill(client, size)
            await _index(client, size)
            if made is None:
                await _find_searches(client, size)
                await database["edition"].insert_one({"_id": EDITION})


async def searches(mongo: MongoServer) -> dict[int, Search]:
    """The searches of the large notebook by how many notes they are to find."""
    async with mongo.open_admin() as client:
        rows = await client[name_of(PROSE)]["searches"].find().to_list()
    return {row["_id"]: Search(row["words"], row["hits"]) for row in rows}


async def _fill(client: Client, size: int) -> None:
    notes = client[name_of(size)]["notes"]
    documents = [document async for document in _written(min(size, PROSE))]
    for batch in _batches(_numbered(documents, size)):
        await notes.insert_many(batch, ordered=False)


async def _index(client: Client, size: int) -> None:
    """Makes the indexes of today, where a notebook has been kept since others were."""
    # The store's indexes are Motor's, and are made here by the driver that the servers' classes use.
    database = cast("Database", client[name_of(size)])
    notes = NoteStore(database)
    await notes.ensure_indexes()
    await notes.drop_superseded_indexes()
    await PictureStore(database, None).ensure_indexes()  # type: ignore[arg-type]


async def _written(count: int) -> AsyncIterator[dict[str, Any]]:
    """Notes as the service writes them."""
    kept: list[dict[str, Any]] = []

    class Notes:
        async def insert(self, _: None, document: dict[str, Any]) -> dict[str, Any]:
            kept.append(document)
            return document

    service = NoteService(
        Notes(),  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        max_note_bytes=2**18,
        clock=lambda: _FIRST,
        new_id=new_id,
    )
    prose = Prose()
    for _ in range(count):
        await service.create(None, prose.note(), None)
        yield kept.pop()


def _numbered(documents: list[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
    """The documents, again and again until there are `size`, a minute apart."""
    for number, document in zip(range(size), itertools.cycle(documents), strict=False):
        at = _FIRST + timedelta(minutes=number)
        yield {**document, "_id": new_id(), "created_at": at, "updated_at": at}


def _batches(documents: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(itertools.islice(documents, _BATCH)):
        yield batch


async def _find_searches(client: Client, size: int) -> None:
    """Two words of about the same frequency that are together in about 20 and about 20,000 notes."""
    if size != PROSE:
        return
    database = client[name_of(size)]
    found = await (
        await database["notes"].aggregate(
            [
                {"$unwind": "$terms"},
                {"$group": {"_id": "$terms", "count": {"$sum": 1}}},
                {"$sort": {"count": -1}},
                {"$limit": 2_000},
            ],
            allowDiskUse=True,
        )
    ).to_list()
    words = [row["_id"] for row in found]
    counts = [row["count"] for row in found]
    for wanted in (20, 20_000):
        tried: list[Search] = []
        for first in _near(counts, (wanted * size) ** 0.5):
            text = f"{words[first]} {words[first + 1]}"
            hits = await database["notes"].count_documents(page_filter(None, parse_query(text), None))
            tried.append(Search(text, hits))
        best = min(tried, key=lambda search: abs(search.hits - wanted))
        await database["searches"].insert_one({"_id": wanted, **best._asdict()})


def _near(counts: list[int], wanted: float) -> range:
    """The places about the one whose count is nearest."""
    middle = min(range(len(counts)), key=lambda place: abs(counts[place] - wanted))
    return range(max(0, middle - 20), min(len(counts) - 1, middle + 20))
