"""`sweep` and `fsck` over real stores: what they remove, what they keep, and what they find."""

import asyncio
import hashlib
import io
import itertools
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from knote.clock import Clock, utc_now
from knote.fsck import Fsck, FsckReport
from knote.maintenance import removal_of_accounts
from knote.mongo import Database, open_database
from knote.notes.store import NoteStore
from knote.pictures.store import ObjectName, PictureStore
from knote.s3 import Bucket, open_bucket
from knote.settings import Settings
from knote.shares.store import ShareStore
from knote.sweep import Sweep, SweepReport

DAY = timedelta(days=1)


def picture_bytes(seed: int = 0) -> bytes:
    """A small PNG, another one for each seed."""
    out = io.BytesIO()
    Image.new("RGB", (40 + seed, 30), (seed % 256, 120, 40)).save(out, "PNG")
    return out.getvalue()


class Stores:
    """The stores of one test, and the commands over them at any time."""

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self.database = database
        self.bucket = bucket
        self.notes = NoteStore(database)
        self.pictures = PictureStore(database, bucket)

    async def sweep(
        self, *, after: timedelta = timedelta(), dry_run: bool = False, clock: Clock | None = None
    ) -> SweepReport:
        return await Sweep(
            self.notes,
            self.pictures,
            ShareStore(self.database),
            removal_of_accounts(self.database, self.notes),
            account_time=30 * DAY,
            trash_time=30 * DAY,
            picture_grace_time=7 * DAY,
            pending_grace_time=timedelta(hours=1),
            clock=clock or (lambda: utc_now() + after),
            dry_run=dry_run,
        ).run()

    async def fsck(self, *, after: timedelta = timedelta(), dry_run: bool = False) -> FsckReport:
        return await Fsck(
            self.notes,
            self.pictures,
            pending_grace_time=timedelta(hours=1),
            clock=lambda: utc_now() + after,
            dry_run=dry_run,
        ).run()

    async def keys(self) -> list[str]:
        return [stored.key async for stored in self.bucket.list("")]

    async def row(self, picture_id: str) -> dict[str, Any] | None:
        return await self.database["pictures"].find_one({"_id": picture_id})


@pytest.fixture
async def stores(settings: Settings) -> AsyncIterator[Stores]:
    async with open_database(settings) as database, open_bucket(settings) as bucket:
        yield Stores(database, bucket)


async def upload(client: httpx.AsyncClient, data: bytes) -> dict[str, Any]:
    answer = await client.post("/api/v1/pictures", files={"file": ("image.png", data)})
    assert answer.status_code in {200, 201}, answer.text
    picture: dict[str, Any] = answer.json()
    return picture


async def publish(client: httpx.AsyncClient, content: str) -> dict[str, Any]:
    answer = await client.post("/api/v1/notes", json={"content": content})
    assert answer.status_code == 201, answer.text
    note: dict[str, Any] = answer.json()
    return note


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [entry["kind"] for entry in found]


async def test_a_used_picture_survives_any_number_of_sweeps(
    client: httpx.AsyncClient, stores: Stores, every_s3: object
) -> None:
    picture = await upload(client, picture_bytes())
    await publish(client, picture["markdown"])
    for days in (0, 30, 400):
        report = await stores.sweep(after=days * DAY)
        assert report["pictures_removed"] == report["objects_removed"] == 0
    assert (await client.get(picture["url"])).status_code == 200
    assert (await stores.fsck())["status"] == "clean"


async def test_an_unused_picture_goes_after_the_grace_time_with_its_variants(
    client: httpx.AsyncClient, stores: Stores, every_s3: object
) -> None:
    out = io.BytesIO()
    Image.effect_noise((700, 500), 60).convert("RGB").save(out, "JPEG")
    picture = await upload(client, out.getvalue())
    assert (await client.get(picture["url"], params={"width": 320})).status_code == 200
    assert len(await stores.keys()) == 2
    assert (await stores.sweep())["pictures_marked_unused"] == 1
    assert (await stores.sweep(after=6 * DAY))["pictures_removed"] == 0
    planned = await stores.sweep(after=8 * DAY, dry_run=True)
    assert (planned["pictures_removed"], planned["objects_removed"]) == (1, 2)
    assert (await client.get(picture["url"])).status_code == 200
    done = await stores.sweep(after=8 * DAY)
    assert (done["pictures_removed"], done["objects_removed"]) == (1, 2)
    assert done["bytes_removed"] > picture["size_bytes"]
    assert await stores.keys() == []
    assert (await client.get(picture["url"])).status_code == 404
    again = await upload(client, out.getvalue())
    assert again["id"] == picture["id"]
    assert (await client.get(again["url"])).status_code == 200


async def test_a_picture_that_a_note_names_again_is_kept(client: httpx.AsyncClient, stores: Stores) -> None:
    picture = await upload(client, picture_bytes())
    await stores.sweep()
    note = await publish(client, picture["markdown"])
    assert note["pictures"][0]["id"] == picture["id"]
    assert "unused_since" not in (await stores.row(picture["id"]) or {})
    assert (await stores.sweep(after=30 * DAY))["pictures_removed"] == 0
    assert (await client.get(picture["url"])).status_code == 200


async def test_uploading_a_picture_again_starts_its_grace_time_anew(
    client: httpx.AsyncClient, stores: Stores
) -> None:
    picture = await upload(client, picture_bytes())
    await stores.sweep()
    await upload(client, picture_bytes())
    assert (await stores.sweep(after=8 * DAY))["pictures_removed"] == 0
    assert (await client.get(picture["url"])).status_code == 200


async def test_the_grace_time_begins_when_a_long_sweep_gets_to_the_picture(
    client: httpx.AsyncClient, stores: Stores
) -> None:
    picture = await upload(client, picture_bytes())
    began_at = utc_now()
    times = itertools.chain([began_at], itertools.repeat(began_at + 5 * DAY))
    await stores.sweep(clock=lambda: next(times))
    report = await stores.sweep(after=8 * DAY)
    assert report["pictures_removed"] == 0
    assert (await client.get(picture["url"])).status_code == 200
    assert (await stores.sweep(after=13 * DAY))["pictures_removed"] == 1


async def test_a_picture_of_a_deleted_note_goes_only_after_the_note(
    client: httpx.AsyncClient, stores: Stores
) -> None:
    picture = await upload(client, picture_bytes())
    note = await publish(client, picture["markdown"])
    deleted = await client.delete(f"/api/v1/notes/{note['id']}", headers={"If-Match": '"1"'})
    assert deleted.status_code == 204
    assert (await stores.sweep(after=29 * DAY))["notes_purged"] == 0
    restored = await client.post(f"/api/v1/notes/{note['id']}/restore")
    assert restored.json() == note
    assert (await client.get(picture["url"])).status_code == 200
    await client.delete(f"/api/v1/notes/{note['id']}", headers={"If-Match": '"1"'})
    report = await stores.sweep(after=31 * DAY)
    assert (report["notes_purged"], report["pictures_marked_unused"]) == (1, 1)
    assert (await client.post(f"/api/v1/notes/{note['id']}/restore")).status_code == 404
    assert (await stores.sweep(after=39 * DAY))["pictures_removed"] == 1


async def test_an_abandoned_upload_is_removed_and_a_running_one_is_not(
    client: httpx.AsyncClient, stores: Stores, tmp_path: Path
) -> None:
    name = ObjectName("a" * 64, "b" * 24, None)
    file = tmp_path / "half"
    file.write_bytes(b"half")
    await stores.pictures.begin(None, name, utc_now())
    await stores.pictures.put_object(name, file, "image/png")
    assert (await stores.fsck())["status"] == "pending"
    assert (await stores.sweep())["uploads_abandoned_removed"] == 0
    report = await stores.sweep(after=2 * DAY)
    assert (report["uploads_abandoned_removed"], report["objects_removed"]) == (1, 1)
    assert await stores.keys() == []
    assert (await stores.fsck())["status"] == "clean"


async def test_an_upload_that_ends_while_the_sweep_removes_its_row_is_kept(
    stores: Stores, tmp_path: Path
) -> None:
    name = ObjectName("a" * 64, "b" * 24, None)
    await stores.pictures.begin(None, name, utc_now())
    row = await stores.row(name.picture_id)
    assert row is not None
    fields = {"content_type": "image/png", "size_bytes": 4, "width": 1, "height": 1, "animated": False}
    assert await stores.pictures.complete(None, name, fields) is not None
    assert not await stores.pictures.remove_row(row), "the row has changed since it was seen"
    assert (await stores.row(name.picture_id) or {})["state"] == "ready"


async def test_the_second_of_two_uploads_of_a_picture_yields_to_the_first(stores: Stores) -> None:
    first, second = ObjectName("a" * 64, "b" * 24, None), ObjectName("a" * 64, "c" * 24, None)
    fields = {"content_type": "image/png", "size_bytes": 4, "width": 1, "height": 1, "animated": False}
    await stores.pictures.begin(None, first, utc_now())
    await stores.pictures.begin(None, second, utc_now())
    assert (await stores.pictures.complete(None, second, fields) or {})["upload"] == second.upload
    assert await stores.pictures.complete(None, first, fields) is None
    assert (await stores.row(first.picture_id) or {})["upload"] == second.upload


async def test_stray_objects_are_reported_then_removed_once_they_are_old(
    client: httpx.AsyncClient, stores: Stores, tmp_path: Path, every_s3: object
) -> None:
    picture = await upload(client, picture_bytes())
    await publish(client, picture["markdown"])
    file = tmp_path / "stray"
    file.write_bytes(b"stray")
    keys = [f"pictures/{picture['id']}/{'z' * 24}/original", f"pictures/{'f' * 64}/{'z' * 24}/w320"]
    for key in [*keys, "pictures/what/is/this"]:
        await stores.bucket.put(key, file, content_type="image/png")
    young = await stores.fsck()
    assert (young["status"], kinds(young["pending"])) == ("pending", ["stray_object"] * 3)
    old = await stores.fsck(after=DAY)
    assert (old["status"], kinds(old["problems"])) == ("broken", ["stray_object"] * 3)
    assert (await stores.sweep())["objects_removed"] == 0
    assert (await stores.sweep(after=DAY, dry_run=True))["objects_removed"] == 3
    assert (await stores.sweep(after=DAY))["objects_removed"] == 3
    assert (await stores.fsck(after=DAY))["status"] == "clean"
    assert (await client.get(picture["url"])).status_code == 200


async def test_sweeps_at_the_same_time_remove_each_thing_once(
    client: httpx.AsyncClient, stores: Stores
) -> None:
    used = [await upload(client, picture_bytes(n)) for n in range(3)]
    unused = [await upload(client, picture_bytes(n)) for n in range(3, 9)]
    await publish(client, "\n".join(picture["markdown"] for picture in used))
    await stores.sweep()
    reports = await asyncio.gather(*(stores.sweep(after=8 * DAY) for _ in range(4)))
    assert sum(report["pictures_removed"] for report in reports) == len(unused)
    assert (await stores.fsck())["status"] == "clean"
    for picture in used:
        assert (await client.get(picture["url"])).status_code == 200
    assert len(await stores.keys()) == len(used)


async def test_a_lost_object_is_found_and_the_same_upload_mends_it(
    client: httpx.AsyncClient, stores: Stores, every_s3: object
) -> None:
    picture = await upload(client, picture_bytes())
    await publish(client, picture["markdown"])
    await stores.bucket.delete(await stores.keys())
    gone = await client.get(picture["url"])
    assert gone.status_code == 503, "the loss of bytes is never told as a 404"
    looked = await stores.fsck(dry_run=True)
    assert (looked["status"], kinds(looked["problems"])) == ("broken", ["object_missing"])
    assert looked["mended"] == []
    mended = await stores.fsck()
    assert kinds(mended["mended"]) == ["object_missing"]
    assert kinds((await stores.fsck())["problems"]) == ["picture_lost"]
    await upload(client, picture_bytes())
    assert (await client.get(picture["url"])).status_code == 200
    assert (await stores.fsck())["status"] == "clean"


async def test_an_object_of_another_size_is_found(
    client: httpx.AsyncClient, stores: Stores, tmp_path: Path
) -> None:
    await upload(client, picture_bytes())
    file = tmp_path / "cut"
    file.write_bytes(b"cut")
    for key in await stores.keys():
        await stores.bucket.put(key, file, content_type="image/png")
    report = await stores.fsck(dry_run=True)
    assert kinds(report["problems"]) == ["object_size_wrong"]
    assert report["problems"][0]["found_bytes"] == 3


async def test_a_lost_variant_is_forgotten_and_made_anew(client: httpx.AsyncClient, stores: Stores) -> None:
    out = io.BytesIO()
    Image.effect_noise((700, 500), 60).convert("RGB").save(out, "JPEG")
    picture = await upload(client, out.getvalue())
    before = await client.get(picture["url"], params={"width": 320})
    await stores.bucket.delete([key for key in await stores.keys() if key.endswith("w320")])
    assert kinds((await stores.fsck())["mended"]) == ["object_missing"]
    after = await client.get(picture["url"], params={"width": 320})
    assert after.status_code == 200
    assert after.content == before.content
    assert (await stores.fsck())["status"] == "clean"


async def test_a_note_written_before_its_picture_lists_it_after_the_check(
    client: httpx.AsyncClient, stores: Stores
) -> None:
    data = picture_bytes()
    url = f"/api/v1/pictures/{hashlib.sha256(data).hexdigest()}"
    note = await publish(client, f"![later]({url})")
    assert note["pictures"] == []
    assert (await stores.fsck())["status"] == "clean"
    await upload(client, data)
    assert (await stores.sweep(after=DAY))["pictures_marked_unused"] == 0, "the note's text names it"
    assert kinds((await stores.fsck())["mended"]) == ["picture_found"]
    now = (await client.get(f"/api/v1/notes/{note['id']}")).json()
    assert [picture["url"] for picture in now["pictures"]] == [url]
    assert (now["version"], now["content"]) == (1, note["content"])


async def test_a_picture_claimed_after_the_sweep_looked_is_not_removed(
    client: httpx.AsyncClient, stores: Stores
) -> None:
    """The sweep has seen an unused picture; a note is written; then the sweep goes on to remove it."""
    picture = await upload(client, picture_bytes())
    await stores.sweep()
    seen_by_sweep = await stores.row(picture["id"])
    assert seen_by_sweep is not None
    assert "unused_since" in seen_by_sweep
    sizes = await stores.pictures.claim(None, [picture["id"]])
    assert sizes == {picture["id"]: (picture["width"], picture["height"])}
    assert not await stores.pictures.remove_row(seen_by_sweep)
    assert (await client.get(picture["url"])).status_code == 200


async def test_a_picture_removed_before_it_is_claimed_is_not_promised_to_the_note(
    client: httpx.AsyncClient, stores: Stores
) -> None:
    picture = await upload(client, picture_bytes())
    await stores.sweep()
    row = await stores.row(picture["id"])
    assert row is not None
    assert await stores.pictures.remove_row(row)
    note = await publish(client, picture["markdown"])
    assert note["pictures"] == []
    assert note["content"] == picture["markdown"]


def test_time_is_in_milliseconds_as_the_database_keeps_it() -> None:
    now: datetime = utc_now()
    assert now.microsecond % 1000 == 0
    assert now.utcoffset() == timedelta()
