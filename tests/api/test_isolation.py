"""Two accounts over everything that is kept: neither reads, changes or guesses what is the other's."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest

from api.conftest import OpenClient
from api.expect import expect_problem, expect_stored
from api.samples import picture
from knote.maintenance import sweep
from knote.settings import Settings

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
NEVER_NOTE, NEVER_PICTURE = f"{NOTES}/{'a' * 24}", f"{PICTURES}/{'a' * 64}"


class Two(NamedTuple):
    """Two signed-in clients, each of a replica of its own."""

    ada: httpx.AsyncClient
    bob: httpx.AsyncClient


@pytest.fixture
async def two(open_signed_in: OpenClient) -> AsyncIterator[Two]:
    async with open_signed_in("ada") as ada, open_signed_in("bob") as bob:
        yield Two(ada, bob)


def untold(answer: httpx.Response) -> tuple[int, dict[str, Any], list[str]]:
    """What a refusal says, without what every request has of its own."""
    body = answer.json()
    del body["request_id"]
    return answer.status_code, body, sorted(set(answer.headers) - {"content-length"})


async def publish(client: httpx.AsyncClient, content: str, **headers: str) -> dict[str, Any]:
    answer = await client.post(NOTES, json={"content": content}, headers=headers)
    assert answer.status_code == 201, answer.text
    note: dict[str, Any] = answer.json()
    return note


async def upload(client: httpx.AsyncClient, data: bytes) -> dict[str, Any]:
    answer = await client.post(PICTURES, files={"file": ("image.png", data)})
    assert answer.status_code in {200, 201}, answer.text
    kept: dict[str, Any] = answer.json()
    return kept


async def test_who_asks_in_the_same_moment_is_told_what_is_their_own(
    open_signed_in: OpenClient, open_client: OpenClient, settings: Settings
) -> None:
    """Of one replica, which makes what they ask for together one command."""
    async with open_signed_in("ada") as ada, open_signed_in("bob") as bob:
        cookies = {"ada": ada.cookies, "bob": bob.cookies, "nobody": httpx.Cookies()}
        notes = {"ada": await publish(ada, "ada's"), "bob": await publish(bob, "bob's")}
        pictures = {"ada": await upload(ada, picture(seed=1)), "bob": await upload(bob, picture(seed=2))}
    async with open_client(auth="accounts") as both:

        async def get(name: str, path: str) -> httpx.Response:
            header = "; ".join(f"{key}={value}" for key, value in cookies[name].items())
            return await both.get(path, headers={"Cookie": header} if header else {})

        for _ in range(3):
            names = ["ada", "bob", "nobody"] * 3
            lists = await asyncio.gather(*(get(name, NOTES) for name in names))
            for name, answer in zip(names, lists, strict=True):
                if name == "nobody":
                    assert answer.status_code == 401
                else:
                    assert [note["id"] for note in answer.json()["items"]] == [notes[name]["id"]]
            asked = [(name, owner) for name in ("ada", "bob") for owner in ("ada", "bob")] * 2
            shown = await asyncio.gather(*(get(name, pictures[owner]["url"]) for name, owner in asked))
            assert [answer.status_code for answer in shown] == [
                200 if name == owner else 404 for name, owner in asked
            ]
    await expect_stored(settings, notes=2, pictures=2)


async def test_a_strangers_note_is_one_that_never_was(two: Two) -> None:
    note = await publish(two.ada, "mine")
    path = f"{NOTES}/{note['id']}"
    for method, options, below in (
        ("GET", {}, ""),
        ("GET", {"headers": {"If-None-Match": '"1"'}}, ""),
        ("PUT", {"json": {"content": "yours"}, "headers": {"If-Match": '"1"'}}, ""),
        ("PUT", {"json": {"content": "yours"}, "headers": {"If-Match": "*"}}, ""),
        ("PUT", {"json": {"content": "yours"}, "headers": {"If-Match": '"7"'}}, ""),
        ("DELETE", {"headers": {"If-Match": '"1"'}}, ""),
        ("POST", {}, "/restore"),
    ):
        answer = await two.bob.request(method, path + below, **options)  # type: ignore[arg-type]
        never = await two.bob.request(method, NEVER_NOTE + below, **options)  # type: ignore[arg-type]
        expect_problem(answer, 404, "not-found")
        assert untold(answer) == untold(never)
    assert (await two.ada.get(path)).json() == note


async def test_a_strangers_deleted_note_is_not_restored(two: Two) -> None:
    note = await publish(two.ada, "mine")
    path = f"{NOTES}/{note['id']}"
    await two.ada.delete(path, headers={"If-Match": "*"})
    expect_problem(await two.bob.post(f"{path}/restore"), 404, "not-found")
    expect_problem(await two.ada.get(path), 404, "not-found")
    assert (await two.ada.post(f"{path}/restore")).json() == note


async def test_lists_searches_and_cursors_are_ones_own(two: Two) -> None:
    for number in range(5):
        await publish(two.ada, f"red {number}")
        await publish(two.bob, f"red blue {number}")
    for query in ({}, {"q": "red"}, {"q": "re"}):
        seen = []
        cursor = None
        while True:
            asked: dict[str, Any] = {**query, "limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await two.ada.get(NOTES, params=asked)).json()
            seen += [note["content"] for note in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [f"red {number}" for number in range(4, -1, -1)]
    assert (await two.ada.get(NOTES, params={"q": "blue"})).json()["items"] == []
    cursor = (await two.ada.get(NOTES, params={"limit": 2})).json()["next"]
    expect_problem(await two.bob.get(NOTES, params={"cursor": cursor}), 422, "invalid")


async def test_the_etag_of_a_list_is_no_window_into_anothers(two: Two) -> None:
    await publish(two.ada, "mine")
    etag = (await two.ada.get(NOTES)).headers["etag"]
    assert (await two.ada.get(NOTES, headers={"If-None-Match": etag})).status_code == 304
    assert (await two.bob.get(NOTES, headers={"If-None-Match": etag})).status_code == 200


async def test_an_idempotency_key_is_ones_own(two: Two, settings: Settings) -> None:
    keyed = {"Idempotency-Key": "once"}
    ada, bob = await publish(two.ada, "mine", **keyed), await publish(two.bob, "his", **keyed)
    assert ada["id"] != bob["id"]
    assert await publish(two.ada, "mine", **keyed) == ada
    assert await publish(two.bob, "his", **keyed) == bob
    again = await two.bob.post(NOTES, json={"content": "mine"}, headers=keyed)
    expect_problem(again, 422, "idempotency-key-reused")
    await expect_stored(settings, notes=2)


async def test_the_same_picture_of_two_accounts_has_two_ids(two: Two, settings: Settings) -> None:
    data = picture()
    first = await two.ada.post(PICTURES, files={"file": ("image.png", data)})
    second = await two.bob.post(PICTURES, files={"file": ("image.png", data)})
    assert (first.status_code, second.status_code) == (201, 201), "nobody is told that it was there"
    ids = {first.json()["id"], second.json()["id"], hashlib.sha256(data).hexdigest()}
    assert len(ids) == 3
    again = await two.ada.post(PICTURES, files={"file": ("image.png", data)})
    assert (again.status_code, again.json()) == (200, first.json())
    await expect_stored(settings, pictures=2)


async def test_a_strangers_picture_is_one_that_never_was(two: Two) -> None:
    kept = await upload(two.ada, picture(size=(700, 400)))
    etag = (await two.ada.get(kept["url"])).headers["etag"]
    for options in ({}, {"params": {"width": 320}}, {"headers": {"If-None-Match": etag}}):
        answer = await two.bob.get(kept["url"], **options)
        never = await two.bob.get(NEVER_PICTURE, **options)
        expect_problem(answer, 404, "not-found")
        assert untold(answer) == untold(never)
    assert (await two.bob.head(kept["url"])).status_code == 404
    note = await publish(two.bob, kept["markdown"])
    assert note["pictures"] == [], "naming a picture does not show its size"


async def test_a_picture_of_an_account_is_for_no_shared_cache(two: Two, client: httpx.AsyncClient) -> None:
    kept = await upload(two.ada, picture())
    for method in ("GET", "HEAD"):
        answer = await two.ada.request(method, kept["url"])
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Cookie, Authorization"
    shared = await upload(client, picture())
    assert (await client.get(shared["url"])).headers["cache-control"].startswith("public")


async def test_the_sweep_knows_whose_note_names_a_picture(two: Two, settings: Settings) -> None:
    kept = await upload(two.ada, picture())
    used = await upload(two.bob, picture())
    await publish(two.bob, kept["markdown"] + used["markdown"])
    at_once = settings.model_copy(update={"picture_grace_days": 0})
    assert (await sweep(at_once, dry_run=False))["pictures_removed"] == 1, "another's note does not keep it"
    assert (await two.ada.get(kept["url"])).status_code == 404
    assert (await two.bob.get(used["url"])).status_code == 200
    await expect_stored(settings, notes=1, pictures=1)


async def test_an_open_notebook_and_an_account_see_nothing_of_each_other(
    two: Two, client: httpx.AsyncClient, settings: Settings
) -> None:
    data = picture()
    shared, own = await upload(client, data), await upload(two.ada, data)
    assert shared["id"] == hashlib.sha256(data).hexdigest() != own["id"]
    open_note = await publish(client, "shared", **{"Idempotency-Key": "once"})
    own_note = await publish(two.ada, "own", **{"Idempotency-Key": "once"})
    for asking, note, kept in ((client, own_note, own), (two.ada, open_note, shared)):
        assert (await asking.get(f"{NOTES}/{note['id']}")).status_code == 404
        assert (await asking.get(kept["url"])).status_code == 404
        assert len((await asking.get(NOTES)).json()["items"]) == 1
    await expect_stored(settings, notes=2, pictures=2)


async def test_an_account_says_what_it_takes_up(two: Two) -> None:
    kept = await upload(two.ada, picture())
    await publish(two.ada, "one")
    deleted = await publish(two.ada, "two")
    await two.ada.delete(f"{NOTES}/{deleted['id']}", headers={"If-Match": "*"})
    await upload(two.bob, picture(seed=2))
    account = (await two.ada.get("/api/v1/account")).json()
    assert account["name"] == "ada"
    assert (account["is_admin"], account["has_password"], account["identities"]) == (False, True, [])
    expected = {
        "stored_bytes": kept["size_bytes"],
        "max_stored_bytes": 5 * 1024**3,
        "notes": 1,
        "pictures": 1,
    }
    assert account["usage"] == expected
