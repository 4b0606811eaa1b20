"""The end of an account: nothing of it is left after the grace time, whenever the sweep was killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from api.samples import picture
from knote.accounts import add_user
from knote.app import create_app
from knote.clock import new_id, utc_now
from knote.maintenance import fsck, removal_of_accounts, sweep
from knote.mongo import open_database
from knote.notes.store import NoteStore
from knote.pictures.store import PictureStore
from knote.s3 import open_bucket
from knote.settings import Settings
from knote.shares.store import ShareStore
from knote.sweep import Sweep, SweepReport
from logs.commands import environment_of
from servers.process import is_setting
from wire.replica import until

PASSWORD = "correct horse battery"
USERS, NOTES, PICTURES = "/api/v1/users", "/api/v1/notes", "/api/v1/pictures"
Database = AsyncDatabase[dict[str, Any]]
OpenAs = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def database(settings: Settings, mongo_admin: AsyncMongoClient[dict[str, Any]]) -> Database:
    return mongo_admin[settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]]


@pytest.fixture
async def open_as(settings: Settings) -> AsyncIterator[OpenAs]:
    """Opens a client that is signed in to a new account; `root` is an administrator."""
    async with AsyncExitStack() as stack:
        app = create_app(settings.model_copy(update={"auth": "accounts"}))
        manager = await stack.enter_async_context(LifespanManager(app))

        async def open_(name: str) -> httpx.AsyncClient:
            await add_user(settings, name, PASSWORD, is_admin=name == "root")
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=manager.app),
                base_url="https://knote",
                headers={"Sec-Fetch-Site": "same-origin"},
            )
            await stack.enter_async_context(client)
            answer = await client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 201
            return client

        yield open_


async def id_of(client: httpx.AsyncClient) -> str:
    return str((await client.get("/api/v1/account")).json()["id"])


async def fill(client: httpx.AsyncClient, pictures: int = 2) -> list[dict[str, Any]]:
    """A note for each of some pictures, the last one in the trash, and a smaller copy of a picture."""
    notes = []
    for seed in range(pictures):
        file = {"file": ("image.png", picture(size=(400, 300), seed=seed))}
        kept = (await client.post(PICTURES, files=file)).json()
        assert (await client.get(kept["url"], params={"width": 320})).status_code == 200
        answer = await client.post(NOTES, json={"content": f"{seed} {kept['markdown']}"})
        notes.append(answer.json())
    await client.delete(f"{NOTES}/{notes[-1]['id']}", headers={"If-Match": "*"})
    return notes


async def delete(root: httpx.AsyncClient, user_id: str) -> None:
    assert (await root.delete(f"{USERS}/{user_id}")).status_code == 204


async def sweep_after(settings: Settings, days: float, *, dry_run: bool = False) -> SweepReport:
    """One sweep as it is that many days from now."""
    async with open_database(settings) as database, open_bucket(settings) as bucket:
        notes = NoteStore(database)
        return await Sweep(
            notes,
            PictureStore(database, bucket),
            ShareStore(database),
            removal_of_accounts(database, notes),
            account_time=settings.account_grace_time,
            trash_time=timedelta(days=90),
            picture_grace_time=timedelta(days=90),
            pending_grace_time=settings.pending_grace_time,
            clock=lambda: utc_now() + timedelta(days=days),
            dry_run=dry_run,
        ).run()


async def traces_of(user_id: str, database: Database) -> list[str]:
    """The collections in which a document still says anything of the user, but for counts of the hour."""
    return [
        name
        for name in await database.list_collection_names()
        if name != "counters"
        and any(user_id in repr(document) for document in await database[name].find().to_list())
    ]


async def shared(client: httpx.AsyncClient, note: dict[str, Any]) -> Callable[[], Awaitable[int]]:
    """Shares a note; what its link answers to a stranger."""
    made = await client.post(f"{NOTES}/{note['id']}/shares", json={"expires_in_days": None})
    assert made.status_code == 201
    page, _, secret = made.json()["url"].partition("#")
    headers = {"Authorization": f"Bearer {secret}", "Cookie": ""}

    async def follow() -> int:
        return (await client.get(f"/api/v1{page}", headers=headers)).status_code

    return follow


async def objects(settings: Settings) -> int:
    return (await fsck(settings, dry_run=True))["objects"]


async def test_a_deleted_account_goes_after_the_grace_time_with_all_that_was_its(
    open_as: OpenAs, settings: Settings, database: Database
) -> None:
    root, ada, bob = [await open_as(name) for name in ("root", "ada", "bob")]
    user_id = await id_of(ada)
    notes = await fill(ada)
    his = await fill(bob)
    await root.patch(f"{USERS}/{user_id}", json={"is_admin": True})
    assert (await ada.post("/api/v1/invites", json={})).status_code == 201
    token = await ada.post("/api/v1/tokens", json={"name": "ci", "access": "read", "expires_in_days": None})
    bearer = {"Authorization": f"Bearer {token.json()['token']}", "Cookie": ""}
    assert (await ada.get(NOTES, headers=bearer)).status_code == 200
    follow, follow_his = await shared(ada, notes[0]), await shared(bob, his[0])
    assert (await follow(), await follow_his()) == (200, 200)
    before = await traces_of(user_id, database)
    assert set(before) >= {"users", "notes", "pictures", "sessions", "tokens", "devices", "invites"}

    await delete(root, user_id)
    assert (await ada.get(NOTES, headers=bearer)).status_code == 401
    assert await follow() == 404
    early = await sweep_after(settings, 29)
    assert early["accounts_removed"] == 0
    assert (await root.post(f"{USERS}/{user_id}/restore")).status_code == 200
    assert (await ada.get(NOTES, headers=bearer)).status_code == 200
    assert await follow() == 200
    await ada.post("/api/v1/session", json={"name": "ada", "password": PASSWORD})
    assert (await ada.get(f"{NOTES}/{notes[0]['id']}")).json() == notes[0]
    assert (await ada.get(notes[0]["pictures"][0]["url"])).status_code == 200
    assert (await ada.post(f"{NOTES}/{notes[1]['id']}/restore")).json() == notes[1]

    await delete(root, user_id)
    stored = await objects(settings)
    expected = (1, 2, 2, 4)
    for dry_run in (True, False):
        report = await sweep_after(settings, 31, dry_run=dry_run)
        assert expected == (
            report["accounts_removed"],
            report["notes_of_accounts_removed"],
            report["pictures_removed"],
            report["objects_removed"],
        )
    assert await traces_of(user_id, database) == []
    # A link knows its note, and not whose it is.
    assert [share["note"] async for share in database["shares"].find()] == [his[0]["id"]]
    assert (await follow(), await follow_his()) == (404, 200)
    assert await objects(settings) == stored - 4
    assert (await fsck(settings, dry_run=True))["status"] == "clean"
    assert (await root.post(f"{USERS}/{user_id}/restore")).status_code == 404
    assert (await bob.get(f"{NOTES}/{his[0]['id']}")).json() == his[0]
    assert (await bob.get(his[0]["pictures"][0]["url"])).status_code == 200
    assert (await add_user(settings, "Ada", PASSWORD, is_admin=False))["name"] == "Ada"


async def test_an_account_that_is_only_disabled_is_kept(
    open_as: OpenAs, settings: Settings, database: Database
) -> None:
    root, ada = [await open_as(name) for name in ("root", "ada")]
    user_id = await id_of(ada)
    note = (await fill(ada))[0]
    await root.patch(f"{USERS}/{user_id}", json={"is_disabled": True})
    assert (await sweep_after(settings, 60))["accounts_removed"] == 0
    await root.patch(f"{USERS}/{user_id}", json={"is_disabled": False})
    await ada.post("/api/v1/session", json={"name": "ada", "password": PASSWORD})
    assert (await ada.get(f"{NOTES}/{note['id']}")).json() == note
    await root.patch(f"{USERS}/{user_id}", json={"is_disabled": True})
    await delete(root, user_id)
    assert (await sweep_after(settings, 31))["accounts_removed"] == 1
    assert await traces_of(user_id, database) == []


async def test_without_a_grace_time_what_is_under_way_is_waited_for(
    open_as: OpenAs, settings: Settings
) -> None:
    root, ada = [await open_as(name) for name in ("root", "ada")]
    await delete(root, await id_of(ada))
    at_once = settings.model_copy(update={"account_grace_days": 0.0})
    assert (await sweep(at_once, dry_run=False))["accounts_removed"] == 0
    assert (await sweep_after(at_once, 0.5 / 24))["accounts_removed"] == 0
    assert (await sweep_after(at_once, 1.1 / 24))["accounts_removed"] == 1


async def test_sweeps_at_the_same_time_remove_an_account_once(
    open_as: OpenAs, settings: Settings, database: Database
) -> None:
    root, ada = [await open_as(name) for name in ("root", "ada")]
    user_id = await id_of(ada)
    await fill(ada, pictures=4)
    await delete(root, user_id)
    reports = await asyncio.gather(*(sweep_after(settings, 31) for _ in range(4)))
    assert sum(report["accounts_removed"] for report in reports) == 1
    assert sum(report["pictures_removed"] for report in reports) == 4
    assert sum(report["notes_of_accounts_removed"] for report in reports) == 4
    assert await traces_of(user_id, database) == []
    assert (await fsck(settings, dry_run=True))["status"] == "clean"


async def test_an_account_is_not_restored_once_its_removal_has_begun(
    open_as: OpenAs, settings: Settings, database: Database
) -> None:
    root, ada = [await open_as(name) for name in ("root", "ada")]
    user_id = await id_of(ada)
    await delete(root, user_id)
    await database["users"].update_one({"_id": user_id}, {"$set": {"removal_began_at": utc_now()}})
    assert (await root.post(f"{USERS}/{user_id}/restore")).status_code == 404
    assert (await root.patch(f"{USERS}/{user_id}", json={"is_disabled": False})).status_code == 409
    assert (await sweep_after(settings, 31))["accounts_removed"] == 1


def spawn_sweep(settings: Settings, folder: Path) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
    at_once = {"KNOTE_ACCOUNT_GRACE_DAYS": "0", "KNOTE_PENDING_GRACE_SECONDS": "0"}
    with (folder / "sweep.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "knote", "sweep"],
            cwd=folder,
            env={**kept, **environment_of(settings), **at_once},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )


async def test_a_sweep_that_is_killed_again_and_again_leaves_nothing_behind_at_last(
    open_as: OpenAs, settings: Settings, database: Database, tmp_path: Path
) -> None:
    root, ada, bob = [await open_as(name) for name in ("root", "ada", "bob")]
    user_id = await id_of(ada)
    his = await fill(bob)
    notes = await fill(ada, pictures=30)
    template = await database["notes"].find_one({"_id": notes[0]["id"]})
    assert template is not None
    await database["notes"].insert_many([{**template, "_id": new_id()} for _ in range(8000)])
    await delete(root, user_id)
    killed = []
    for collection in ("notes", "pictures"):
        there = await database[collection].count_documents({"owner": user_id})
        process = spawn_sweep(settings, tmp_path)

        async def has_begun(collection: str = collection, there: int = there) -> bool:
            return await database[collection].count_documents({"owner": user_id}) < there

        await until(has_begun, what=f"{collection} go")
        process.kill()
        killed.append(process.wait())
        left = await database[collection].count_documents({"owner": user_id})
        assert 0 < left < there, "it was killed in the midst of it"
        assert await database["users"].count_documents({"_id": user_id}) == 1, "the next run finds it"
        report = await fsck(settings, dry_run=True)
        assert report["status"] in {"clean", "pending"}, report["problems"]
    assert killed == [-signal.SIGKILL] * 2
    assert spawn_sweep(settings, tmp_path).wait(60) == 0
    assert await traces_of(user_id, database) == []
    report = await fsck(settings.model_copy(update={"pending_grace_seconds": 0.0}), dry_run=True)
    assert report["status"] == "clean", report
    assert (report["pictures"], report["objects"]) == (2, 4)
    assert (await bob.get(f"{NOTES}/{his[0]['id']}")).json() == his[0]
