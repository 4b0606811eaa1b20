"""An open notebook while replicas of the version without accounts still run beside the new ones."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from api.expect import expect_stored
from api.samples import picture
from knote.maintenance import sweep
from knote.notes.search import index_terms
from knote.s3 import open_bucket
from knote.settings import Settings

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
AT = datetime(2026, 11, 1, tzinfo=UTC)
# As version 0.1.0 makes and asks for them.
NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]
OLD_INDEXES = [
    IndexModel([("is_deleted", ASCENDING), *NEWEST_FIRST], name="newest"),
    IndexModel([("is_deleted", ASCENDING), ("terms", ASCENDING), *NEWEST_FIRST], name="search"),
    IndexModel([("pictures.id", ASCENDING)], name="pictures"),
    IndexModel(
        [("idempotency.key", ASCENDING)],
        name="idempotency",
        unique=True,
        partialFilterExpression={"idempotency.key": {"$exists": True}},
    ),
]
OLD_FIELDS = {
    *("_id", "content", "terms", "pictures", "version", "created_at", "updated_at"),
    *("is_deleted", "deleted_at", "idempotency"),
}
Database = AsyncDatabase[dict[str, Any]]


def old_note(number: int, content: str, **fields: Any) -> dict[str, Any]:
    at = AT + timedelta(minutes=number)
    return {
        "_id": "a" * 23 + "abcdefgh"[number],
        "version": 1,
        "created_at": at,
        "updated_at": at,
        "is_deleted": False,
        "deleted_at": None,
        "content": content,
        "terms": index_terms(content),
        "pictures": [],
        **fields,
    }


@pytest.fixture
async def database(settings: Settings, mongo_admin: AsyncMongoClient[dict[str, Any]]) -> Database:
    """The database of a notebook that an old replica has opened."""
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    database = mongo_admin[name]
    await database["notes"].create_indexes(OLD_INDEXES)
    return database


async def old_page(database: Database) -> list[str]:
    """What an old replica lists."""
    found = database["notes"].find({"is_deleted": False}, {"terms": False})
    return [note["content"] for note in await found.sort(NEWEST_FIRST).to_list()]


async def test_what_old_replicas_wrote_is_read_searched_replaced_and_deleted(
    database: Database, client: httpx.AsyncClient
) -> None:
    await database["notes"].insert_many([old_note(n, f"red {n}") for n in range(4)])
    digest = hashlib.sha256(b"red 0").hexdigest()
    await database["notes"].insert_one(old_note(4, "red 0", idempotency={"key": "once", "content": digest}))
    first = (await client.get(NOTES, params={"limit": 3})).json()
    rest = (await client.get(NOTES, params={"limit": 3, "cursor": first["next"]})).json()
    listed = [note["content"] for note in [*first["items"], *rest["items"]]]
    assert listed == ["red 0", "red 3", "red 2", "red 1", "red 0"] == await old_page(database)
    found = (await client.get(NOTES, params={"q": "red 2"})).json()["items"]
    assert [note["content"] for note in found] == ["red 2"]
    again = await client.post(NOTES, json={"content": "red 0"}, headers={"Idempotency-Key": "once"})
    assert again.json()["id"] == old_note(4, "")["_id"]
    path = f"{NOTES}/{old_note(1, '')['_id']}"
    assert (await client.get(path)).json()["content"] == "red 1"
    put = await client.put(path, json={"content": "blue"}, headers={"If-Match": '"1"'})
    assert put.json()["version"] == 2
    assert (await client.delete(path, headers={"If-Match": '"2"'})).status_code == 204
    assert (await client.post(f"{path}/restore")).json()["content"] == "blue"
    assert await old_page(database) == ["red 0", "red 3", "red 2", "blue", "red 0"]


async def test_what_new_replicas_write_is_what_old_ones_know(
    database: Database, client: httpx.AsyncClient
) -> None:
    kept = (await client.post(PICTURES, files={"file": ("image.png", picture())})).json()
    made = await client.post(NOTES, json={"content": kept["markdown"]}, headers={"Idempotency-Key": "k"})
    (note,) = await database["notes"].find().to_list()
    assert set(note) == OLD_FIELDS
    assert note["idempotency"]["key"] == "k"
    (row,) = await database["pictures"].find().to_list()
    assert row["_id"] == kept["id"] == hashlib.sha256(picture()).hexdigest()
    assert set(row) == {
        *("_id", "state", "upload", "content_type", "size_bytes", "sha256"),
        *("width", "height", "animated", "created_at"),
    }
    assert await old_page(database) == [made.json()["content"]]


async def test_pictures_that_old_replicas_kept_are_served_named_and_swept(
    database: Database, client: httpx.AsyncClient, settings: Settings, tmp_path: Path
) -> None:
    rows = []
    async with open_bucket(settings) as bucket:
        for seed in (1, 2):
            data = picture(seed=seed)
            file = tmp_path / str(seed)
            file.write_bytes(data)
            id_ = hashlib.sha256(data).hexdigest()
            await bucket.put(f"pictures/{id_}/{'b' * 24}/original", file, content_type="image/png")
            rows.append(
                {
                    "_id": id_,
                    "state": "ready",
                    "upload": "b" * 24,
                    "content_type": "image/png",
                    "size_bytes": len(data),
                    "sha256": id_,
                    "width": 48,
                    "height": 32,
                    "animated": False,
                    "created_at": AT,
                }
            )
    await database["pictures"].insert_many(rows)
    for seed, row in enumerate(rows, 1):
        assert (await client.get(f"{PICTURES}/{row['_id']}")).content == picture(seed=seed)
        again = await client.post(PICTURES, files={"file": ("image.png", picture(seed=seed))})
        assert (again.status_code, again.json()["id"]) == (200, row["_id"])
    named = f"![]({PICTURES}/{rows[0]['_id']})"
    note = (await client.post(NOTES, json={"content": named})).json()
    assert [each["id"] for each in note["pictures"]] == [rows[0]["_id"]]
    at_once = settings.model_copy(update={"picture_grace_days": 0, "trash_days": 0})
    trashed = old_note(1, "gone", is_deleted=True, deleted_at=AT)
    await database["notes"].insert_one(trashed)
    report = await sweep(at_once, dry_run=False)
    assert (report["pictures_removed"], report["notes_purged"]) == (1, 1)
    await expect_stored(settings, notes=1, pictures=1)


async def test_the_sweep_drops_an_index_once_its_successor_is_there(
    database: Database, settings: Settings, client: httpx.AsyncClient
) -> None:
    await database["notes"].insert_one(old_note(1, "red"))
    assert (await sweep(settings, dry_run=False))["indexes_dropped"] == 0
    assert (await client.get(NOTES)).status_code == 200
    indexes = await database["notes"].index_information()
    assert set(indexes) >= {"newest", "search", "newest_of_owner", "search_of_owner"}
    assert (await sweep(settings, dry_run=True))["indexes_dropped"] == 0
    assert (await sweep(settings, dry_run=False))["indexes_dropped"] == 2
    assert (await sweep(settings, dry_run=False))["indexes_dropped"] == 0
    indexes = await database["notes"].index_information()
    assert not {"newest", "search"} & set(indexes)
    assert set(indexes) >= {"newest_of_owner", "search_of_owner", "trash", "pictures", "idempotency"}
    await database["notes"].create_indexes(OLD_INDEXES)  # an old replica starts once more
    assert await old_page(database) == ["red"]
    assert (await sweep(settings, dry_run=False))["indexes_dropped"] == 2


async def test_a_picture_whose_id_went_to_an_account_is_uploaded_anew_under_another(
    database: Database, client: httpx.AsyncClient, settings: Settings
) -> None:
    file = {"file": ("image.png", picture())}
    first = (await client.post(PICTURES, files=file)).json()
    await database["pictures"].update_one({"_id": first["id"]}, {"$set": {"owner": "u" * 24}})
    assert (await client.get(first["url"])).status_code == 404
    second = await client.post(PICTURES, files=file)
    assert second.status_code == 201
    assert second.json()["id"] != first["id"]
    assert (await client.get(second.json()["url"])).status_code == 200
    again = await client.post(PICTURES, files=file)
    assert (again.status_code, again.json()["id"]) == (200, second.json()["id"])
    await expect_stored(settings, pictures=2)
