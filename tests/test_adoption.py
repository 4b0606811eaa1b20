"""`user adopt` beside everything else: writers of both versions, sweeps, and its own sudden end."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from api.samples import picture
from api.test_rolling_upgrade import old_note
from knote.accounts import add_user, adopt, change_user
from knote.clock import new_id, utc_now
from knote.errors import Conflict, NotFound
from knote.maintenance import fsck, sweep
from knote.settings import Settings
from logs.commands import environment_of
from servers.process import is_setting
from wire.replica import ready_replica, until

PASSWORD = "correct horse battery"
OLD_NOTES = 8000
NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
SHARED = {"owner": {"$exists": False}}
NOTHING = dict.fromkeys(
    ("notes", "pictures", "notes_completed", "notes_left", "pictures_left", "uploads_under_way"), 0
)
Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
def database(settings: Settings, mongo_admin: AsyncMongoClient[dict[str, Any]]) -> Database:
    return mongo_admin[settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]]


async def sign_in(client: httpx.AsyncClient) -> None:
    client.headers["Sec-Fetch-Site"] = "same-origin"
    answer = await client.post("/api/v1/session", json={"name": "ada", "password": PASSWORD})
    assert answer.status_code == 201
    # The connection of the test is not encrypted: a client would keep the cookies to itself.
    client.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


async def upload(client: httpx.AsyncClient, seed: int) -> dict[str, Any]:
    answer = await client.post(PICTURES, files={"file": ("image.png", picture(seed=seed))})
    assert answer.status_code in {200, 201}, answer.text
    kept: dict[str, Any] = answer.json()
    return kept


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in report.items() if name not in {"user", "name"}}


async def test_all_of_the_shared_notebook_is_the_accounts_and_as_it_was(
    settings: Settings, database: Database, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    ada = await add_user(settings, "Ada", PASSWORD, is_admin=False)
    await add_user(settings, "bob", PASSWORD, is_admin=False)
    shown, unused = await upload(client, 1), await upload(client, 2)
    made = await client.post(
        NOTES, json={"content": f"red {shown['markdown']}"}, headers={"Idempotency-Key": "once"}
    )
    note = made.json()
    trashed = (await client.post(NOTES, json={"content": "gone"})).json()
    await client.delete(f"{NOTES}/{trashed['id']}", headers={"If-Match": "*"})
    await database["notes"].insert_one(old_note(1, "of an old replica"))
    report = await adopt(settings, " ADA ")
    assert (report["user"], report["name"]) == (ada["id"], "Ada")
    assert counts(report) == {**NOTHING, "notes": 3, "pictures": 2}
    assert counts(await adopt(settings, "ada")) == NOTHING
    assert (await client.get(NOTES)).json()["items"] == []
    assert (await client.get(shown["url"])).status_code == 404
    async with (
        ready_replica(settings, tmp_path, KNOTE_AUTH="accounts", KNOTE_REQUESTS_PER_MINUTE="0") as replica,
        replica.open() as hers,
    ):
        await sign_in(hers)
        listed = (await hers.get(NOTES)).json()["items"]
        assert [each["content"] for each in listed] == [note["content"], "of an old replica"]
        assert listed[0] == note
        assert (await hers.get(NOTES, params={"q": "red"})).json()["items"] == [note]
        for kept in (shown, unused):
            assert (await hers.get(kept["url"])).content
        assert (await hers.post(f"{NOTES}/{trashed['id']}/restore")).json() == trashed
        again = await hers.post(NOTES, json={"content": note["content"]}, headers={"Idempotency-Key": "once"})
        assert again.json()["id"] == note["id"], "a request of before is known again"
        put = await hers.put(
            f"{NOTES}/{note['id']}", json={"content": note["content"] + "!"}, headers={"If-Match": '"1"'}
        )
        assert put.json()["pictures"] == note["pictures"]
    assert (await fsck(settings, dry_run=True))["status"] == "clean"


async def test_what_comes_after_an_adoption_is_adopted_by_the_next(
    settings: Settings, client: httpx.AsyncClient, database: Database
) -> None:
    """A page of the open notebook that is still about: its picture is gone to the account, its key too."""
    await add_user(settings, "ada", PASSWORD, is_admin=False)
    kept = await upload(client, 1)
    key = {"Idempotency-Key": "once"}
    await client.post(NOTES, json={"content": "first"}, headers=key)
    await adopt(settings, "ada")
    late = await client.post(NOTES, json={"content": kept["markdown"]})
    assert late.json()["pictures"] == []
    repeated = await client.post(NOTES, json={"content": "first"}, headers=key)
    assert repeated.status_code == 201
    assert (await upload(client, 1))["id"] != kept["id"]
    report = await adopt(settings, "ada")
    assert counts(report) == {**NOTHING, "notes": 2, "pictures": 1, "notes_completed": 1}
    notes = await database["notes"].find({"content": kept["markdown"]}).to_list()
    assert [note["pictures"] for note in notes] == [[{"id": kept["id"], "width": 48, "height": 32}]]
    assert await database["notes"].count_documents({"content": "first"}) == 2, "nothing is lost, or guessed"
    assert (await fsck(settings, dry_run=True))["status"] == "clean"


async def test_the_sweep_keeps_what_an_adoption_left_halfway(
    settings: Settings, database: Database, client: httpx.AsyncClient
) -> None:
    ada = await add_user(settings, "ada", PASSWORD, is_admin=False)
    one, two = await upload(client, 1), await upload(client, 2)
    notes = [
        (await client.post(NOTES, json={"content": kept["markdown"]})).json()["id"] for kept in (one, two)
    ]
    await database["pictures"].update_one({"_id": one["id"]}, {"$set": {"owner": ada["id"]}})
    await database["notes"].update_one({"_id": notes[1]}, {"$set": {"owner": ada["id"]}})
    at_once = settings.model_copy(update={"picture_grace_days": 0.0})
    for _ in range(2):
        assert (await sweep(at_once, dry_run=False))["pictures_removed"] == 0
    assert counts(await adopt(settings, "ada")) == {**NOTHING, "notes": 1, "pictures": 1}
    assert (await fsck(settings, dry_run=True))["status"] == "clean"


async def test_only_an_account_that_may_be_used_is_given_anything(
    settings: Settings, client: httpx.AsyncClient
) -> None:
    await client.post(NOTES, json={"content": "shared"})
    with pytest.raises(NotFound):
        await adopt(settings, "nobody")
    await add_user(settings, "ada", PASSWORD, is_admin=False)
    await change_user(settings, "ada", "disable")
    with pytest.raises(Conflict):
        await adopt(settings, "ada")
    assert len((await client.get(NOTES)).json()["items"]) == 1


class Published(NamedTuple):
    """What a writer was told is kept."""

    content: str
    picture_url: str


class Writers:
    """Somebody with an open page on each of two replicas, and an old replica that knows no owners."""

    def __init__(self, clients: list[httpx.AsyncClient], database: Database) -> None:
        self._clients = clients
        self._database = database
        self._is_over = False
        self.acknowledged: dict[str, Published] = {}

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """They write for as long as this lasts, and are cut off midway. Fails where one of them did."""
        first, second = self._clients
        work = [self.write(first, 0), self.write(second, 1_000_000), self.write_as_old()]
        tasks = [asyncio.create_task(each) for each in work]
        try:
            yield
        finally:
            # Python 3.11's wait_for, which pymongo waits with, now and then swallows that it is cancelled.
            self._is_over = True
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends), ends

    async def write(self, client: httpx.AsyncClient, first_seed: int) -> None:
        """Publishes notes with a picture each, and changes them, until it is over."""
        seed = first_seed
        while not self._is_over:
            seed += 1
            kept = await upload(client, seed)
            content = f"{seed} {kept['markdown']}"
            answer = await client.post(
                NOTES, json={"content": content}, headers={"Idempotency-Key": f"key-{seed}"}
            )
            assert answer.status_code == 201, answer.text
            id_ = answer.json()["id"]
            self.acknowledged[id_] = Published(content, kept["url"])
            changed = await client.put(
                f"{NOTES}/{id_}", json={"content": f"changed {content}"}, headers={"If-Match": "*"}
            )
            assert changed.status_code in {200, 404}, changed.text
            if changed.status_code == 200:
                self.acknowledged[id_] = Published(f"changed {content}", kept["url"])

    async def write_as_old(self) -> None:
        """Inserts and changes notes as a version without owners does, until it is over."""
        number = 0
        while not self._is_over:
            number += 1
            note = {**old_note(1, f"old {number}"), "_id": new_id(), "created_at": utc_now()}
            await self._database["notes"].insert_one(note)
            await self._database["notes"].update_one(
                {"_id": note["_id"], "is_deleted": False},
                {"$set": {"content": f"old {number} changed"}, "$inc": {"version": 1}},
            )
            self.acknowledged[note["_id"]] = Published(f"old {number} changed", "")
            await asyncio.sleep(0.01)


@contextmanager
def spawned_adopt(settings: Settings, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own, which ends with this."""
    kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
    with (folder / "adopt.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "knote", "user", "adopt", "ada"],
            cwd=folder,
            env={**kept, **environment_of(settings)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def test_an_adoption_that_is_killed_and_run_again_beside_writers_loses_nothing(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    ada = await add_user(settings, "ada", PASSWORD, is_admin=False)
    at = utc_now() - timedelta(days=1)
    await database["notes"].insert_many(
        [
            {**old_note(1, f"before {number}"), "_id": new_id(), "created_at": at}
            | ({"idempotency": {"key": f"old-{number}", "content": "x"}} if number % 2 else {})
            for number in range(OLD_NOTES)
        ]
    )
    async with (
        ready_replica(settings, tmp_path) as one,
        ready_replica(settings, tmp_path) as two,
        one.open() as first,
        two.open() as second,
    ):
        writers = Writers([first, second], database)

        async def some(number: int) -> bool:
            return len(writers.acknowledged) > number

        async def has_begun() -> bool:
            return await database["notes"].count_documents({"owner": ada["id"]}) > 500

        async with writers.at_work():
            await until(lambda: some(20), what="there are writers")
            with spawned_adopt(settings, tmp_path) as process:
                await until(has_begun, what="notes change hands", within_seconds=120)
                process.kill()
                process.wait()
            assert await database["notes"].count_documents(SHARED) > 500, "it was killed in the midst of it"
            with spawned_adopt(settings, tmp_path) as one_run, spawned_adopt(settings, tmp_path) as other_run:
                ended = [await asyncio.to_thread(run.wait, 120) for run in (one_run, other_run)]
            assert ended == [0, 0], "two at once"
            seen = len(writers.acknowledged)
            await until(lambda: some(seen + 10), what="they write on")
    # What was cut off midway, an upload among it, has come to its end with the replicas.
    last = counts(await adopt(settings, "ada"))
    assert (last["notes_left"], last["pictures_left"]) == (0, 0)
    assert {**counts(await adopt(settings, "ada")), "uploads_under_way": 0} == NOTHING
    hers_now = await database["notes"].count_documents({"owner": ada["id"]})
    assert hers_now >= OLD_NOTES + len(writers.acknowledged)
    report = await fsck(settings, dry_run=True)
    assert report["status"] in {"clean", "pending"}, report["problems"]

    async with (
        ready_replica(settings, tmp_path, KNOTE_AUTH="accounts", KNOTE_REQUESTS_PER_MINUTE="0") as replica,
        replica.open() as hers,
    ):
        await sign_in(hers)
        for id_, published in writers.acknowledged.items():
            note = (await hers.get(f"{NOTES}/{id_}")).json()
            # A change that was asked for and not acknowledged may have been made.
            assert note["content"] in {published.content, f"changed {published.content}"}
            if published.picture_url:
                assert [each["url"] for each in note["pictures"]] == [published.picture_url]
                assert (await hers.get(published.picture_url)).status_code == 200
