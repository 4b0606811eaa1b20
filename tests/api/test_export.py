"""The export: everything of one account in files that other programs open, and little memory for it."""

import io
import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import httpx
import pytest
from pymongo import AsyncMongoClient

from api.conftest import PASSWORD, OpenClient
from api.expect import expect_problem
from api.samples import noise_png, picture
from knote.accounts import add_user
from knote.clock import new_id
from knote.local.s3server import ObjectServer
from knote.s3 import open_bucket
from knote.settings import Settings
from wire.replica import MEBIBYTE, ready_replica

EXPORT, NOTES, PICTURES = "/api/v1/account/export", "/api/v1/notes", "/api/v1/pictures"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def ada(open_signed_in: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    async with open_signed_in("ada") as ada, open_signed_in("bob") as bob:
        await publish(bob, "his own")
        await upload(bob, picture(seed=99))
        yield ada


async def publish(client: httpx.AsyncClient, content: str) -> dict[str, Any]:
    answer = await client.post(NOTES, json={"content": content})
    assert answer.status_code == 201, answer.text
    note: dict[str, Any] = answer.json()
    return note


async def upload(client: httpx.AsyncClient, data: bytes) -> dict[str, Any]:
    answer = await client.post(PICTURES, files={"file": ("image.png", data)})
    assert answer.status_code == 201, answer.text
    kept: dict[str, Any] = answer.json()
    return kept


async def export(client: httpx.AsyncClient) -> ZipFile:
    answer = await client.get(EXPORT)
    assert answer.status_code == 200, answer.text
    archive = ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


async def test_everything_of_an_account_is_in_its_export_and_nothing_else(ada: httpx.AsyncClient) -> None:
    shown, unused = await upload(ada, picture(seed=1)), await upload(ada, picture("JPEG", seed=2))
    content = f"# Einkauf: Brot/Käse & 測試\n\n{shown['markdown']} {shown['markdown']}\r\n"
    note = await publish(ada, content)
    strange = await publish(ada, "![none](/api/v1/pictures/" + "a" * 64 + ")")
    deleted = await publish(ada, "../../etc/passwd")
    await ada.delete(f"{NOTES}/{deleted['id']}", headers={"If-Match": "*"})
    answer = await ada.get(EXPORT)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    name = answer.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="knote-\d{4}-\d\d-\d\d\.zip"', name)

    archive = await export(ada)
    day = note["created_at"][:10]
    text = f"notes/{day} Einkauf Brot Käse 測試 {note['id'][:12]}.md"
    file = f"pictures/{shown['id']}.png"
    assert set(archive.namelist()) == {
        text,
        f"notes/{day} none {strange['id'][:12]}.md",
        f"trash/{day} etc passwd {deleted['id'][:12]}.md",
        *(file, f"pictures/{unused['id']}.jpg", "notes.json"),
    }
    shows = f"![](../{file})"
    assert archive.read(text).decode() == f"# Einkauf: Brot/Käse & 測試\n\n{shows} {shows}\r\n"
    assert archive.read(file) == (await ada.get(shown["url"])).content
    assert archive.getinfo(file).compress_type == ZIP_STORED

    told = json.loads(archive.read("notes.json"))
    assert told["account"]["name"] == "ada"
    assert told["missing_pictures"] == []
    assert [each["content"] for each in told["notes"]] == [strange["content"], content, "../../etc/passwd"]
    assert told["notes"][1]["file"] == text
    assert told["notes"][1]["pictures"] == [{"id": shown["id"], "width": 48, "height": 32, "file": file}]
    assert [each["deleted_at"] is None for each in told["notes"]] == [True, True, False]
    assert {each["id"] for each in told["pictures"]} == {shown["id"], unused["id"]}
    assert "his own" not in repr(told)


async def test_an_account_without_anything_has_an_export_too(ada: httpx.AsyncClient) -> None:
    archive = await export(ada)
    assert archive.namelist() == ["notes.json"]
    assert json.loads(archive.read("notes.json"))["notes"] == []


async def test_a_note_that_was_unpacked_shows_its_picture(ada: httpx.AsyncClient, tmp_path: Path) -> None:
    kept = await upload(ada, picture())
    await publish(ada, f"Grüße {kept['markdown']}")
    archive = await export(ada)
    archive.extractall(tmp_path)
    (note,) = (tmp_path / "notes").iterdir()
    assert {info.external_attr >> 16 & 0o777 for info in archive.infolist()} == {0o644}
    (shown,) = re.findall(r"\((\.\./.*?)\)", note.read_text(encoding="utf-8"))
    assert (note.parent / shown).read_bytes() == (await ada.get(kept["url"])).content


async def test_a_picture_whose_bytes_are_lost_is_named_and_stops_nothing(
    ada: httpx.AsyncClient, settings: Settings
) -> None:
    lost = await upload(ada, picture(seed=1))
    async with open_bucket(settings) as bucket:
        keys = [stored.key async for stored in bucket.list(f"pictures/{lost['id']}/")]
        await bucket.delete(keys)
    kept = await upload(ada, picture(seed=2))
    archive = await export(ada)
    assert set(archive.namelist()) == {f"pictures/{kept['id']}.png", "notes.json"}
    assert json.loads(archive.read("notes.json"))["missing_pictures"] == [lost["id"]]


async def test_an_object_store_that_is_away_is_told_before_anything_else(
    ada: httpx.AsyncClient, s3: ObjectServer
) -> None:
    await upload(ada, picture())
    await s3.stop()
    expect_problem(await ada.get(EXPORT), 503, "pictures-unavailable")


async def test_an_export_is_ones_own_and_a_line_of_the_audit_log(
    ada: httpx.AsyncClient,
    client: httpx.AsyncClient,
    open_client: OpenClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expect_problem(await client.get(EXPORT), 404, "not-found")
    async with open_client(auth="accounts") as stranger:
        expect_problem(await stranger.get(EXPORT), 401, "sign-in-required")
    wanted = {"name": "backup", "access": "read", "expires_in_days": None}
    token = (await ada.post("/api/v1/tokens", json=wanted)).json()["token"]
    async with open_client(auth="accounts") as backup:
        backup.headers["Authorization"] = f"Bearer {token}"
        assert "notes.json" in (await export(backup)).namelist()
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="knote.audit"):
        await export(ada)
    (line,) = [vars(record) for record in caplog.records if record.name == "knote.audit"]
    assert line["event"] == "account_exported"
    assert line["user"] == line["by"] == (await ada.get("/api/v1/account")).json()["id"]


async def test_a_large_export_costs_little_memory_and_ends_with_the_account(
    settings: Settings, mongo_admin: AsyncMongoClient[dict[str, Any]], tmp_path: Path
) -> None:
    """200 MiB, taken slowly: the replica holds a few of them; and a client that goes away costs nothing."""
    user = await add_user(settings, "ada", PASSWORD, is_admin=False)
    database = mongo_admin[settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]]
    async with ready_replica(settings, tmp_path, KNOTE_AUTH="accounts") as replica, replica.open() as ada:
        ada.headers.update(SAME_ORIGIN)
        signed_in = await ada.post("/api/v1/session", json={"name": "ada", "password": PASSWORD})
        cookies = "; ".join(f"{name}={value}" for name, value in signed_in.cookies.items())
        ada.headers["Cookie"] = cookies
        kept = [await upload(ada, noise_png(2500, seed=seed)) for seed in range(6)]
        note = await publish(ada, "long " * 40_000)
        template = await database["notes"].find_one({"_id": note["id"]})
        assert template is not None
        for _ in range(6):
            await database["notes"].insert_many([{**template, "_id": new_id()} for _ in range(80)])
        before, most, size_bytes = replica.resident_bytes, 0, 0
        async with ada.stream("GET", EXPORT) as answer:
            async for chunk in answer.aiter_raw():
                size_bytes += len(chunk)
                most = max(most, replica.resident_bytes)
        assert size_bytes > sum(each["size_bytes"] for each in kept) > 100 * MEBIBYTE
        assert most - before < 60 * MEBIBYTE, (most - before) / MEBIBYTE

        async with ada.stream("GET", EXPORT) as answer:
            await anext(answer.aiter_raw())
        async with ada.stream("GET", EXPORT) as answer:
            chunks = answer.aiter_raw()
            await anext(chunks)
            await database["users"].update_one({"_id": user["id"]}, {"$set": {"is_disabled": True}})
            with pytest.raises(httpx.RemoteProtocolError):
                assert [len(chunk) async for chunk in chunks]
        assert replica.is_alive
