"""Invites and signing up: one account for each link, however many use it at once."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pymongo import AsyncMongoClient

from api.conftest import PASSWORD, OpenClient
from api.expect import expect_problem
from knote.clock import utc_now
from knote.settings import Settings

USERS, INVITES, SESSION, NOTES = "/api/v1/users", "/api/v1/invites", "/api/v1/session", "/api/v1/notes"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def root(open_signed_in: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    async with open_signed_in("root", is_admin=True) as root:
        yield root


@pytest.fixture
async def stranger(open_client: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(auth="accounts") as client:
        client.headers.update(SAME_ORIGIN)
        yield client


async def invite(root: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    answer = await root.post(INVITES, json=wanted)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def secret_of(made: dict[str, Any]) -> str:
    path, _, secret = made["url"].partition("#")
    assert path == "/invite"
    return str(secret)


async def sign_up(client: httpx.AsyncClient, name: str, secret: str | None = None) -> httpx.Response:
    body = {"name": name, "password": PASSWORD, **({"invite": secret} if secret else {})}
    return await client.post(USERS, json=body)


async def test_who_is_invited_makes_one_account_and_is_signed_in(
    root: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    made = await invite(root)
    secret = secret_of(made)
    assert len(secret) == 43
    (listed,) = (await root.get(INVITES)).json()["items"]
    assert listed == {name: value for name, value in made.items() if name != "url"}
    assert secret not in json.dumps(listed)
    answer = await sign_up(stranger, "Ada", secret)
    assert answer.status_code == 201
    assert answer.json()["user"]["name"] == "Ada"
    assert answer.json()["user"]["is_admin"] is False
    assert (await stranger.get(NOTES)).status_code == 200
    assert (await root.get(INVITES)).json()["items"] == []
    expect_problem(await sign_up(stranger, "bob", secret), 403, "forbidden", without=secret)
    expect_problem(await root.delete(f"{INVITES}/{made['id']}"), 404, "not-found")


async def test_an_invite_may_be_for_an_administrator(
    root: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    made = await invite(root, is_admin=True, expires_in_days=1)
    answer = await sign_up(stranger, "ada", secret_of(made))
    assert answer.json()["user"]["is_admin"] is True
    assert (await stranger.get(USERS)).status_code == 200


async def test_an_invite_is_spent_once_however_many_use_it_at_once(
    root: httpx.AsyncClient, open_client: OpenClient
) -> None:
    secret = secret_of(await invite(root))
    async with open_client(auth="accounts") as one, open_client(auth="accounts") as two:
        names = [f"guest {number}" for number in range(8)]
        answers = await asyncio.gather(
            *(sign_up((one, two)[number % 2], name, secret) for number, name in enumerate(names))
        )
    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 7
    listed = [user["name"] for user in (await root.get(USERS)).json()["items"]]
    assert len(listed) == 2


async def test_an_invite_is_not_spent_by_who_gets_no_account(
    root: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    secret = secret_of(await invite(root))
    expect_problem(await sign_up(stranger, "ROOT", secret), 409, "conflict")
    weak = {"name": "ada", "password": "123456789123", "invite": secret}
    expect_problem(await stranger.post(USERS, json=weak), 422, "invalid")
    assert (await sign_up(stranger, "ada", secret)).status_code == 201


async def test_an_invite_ends_with_time_when_taken_back_and_with_who_made_it(
    root: httpx.AsyncClient, open_client: OpenClient, open_signed_in: OpenClient
) -> None:
    start = utc_now()
    short = secret_of(await invite(root, expires_in_days=2))
    revoked = await invite(root)
    assert (await root.delete(f"{INVITES}/{revoked['id']}")).status_code == 204
    async with open_client(auth="accounts", clock=lambda: start + timedelta(days=2.1)) as later:
        expect_problem(await sign_up(later, "ada", short), 403, "forbidden")
    async with open_signed_in("eve", is_admin=True) as eve, open_client(auth="accounts") as stranger:
        expect_problem(await sign_up(stranger, "ada", secret_of(revoked)), 403, "forbidden")
        expect_problem(await sign_up(stranger, "ada", "x" * 43), 403, "forbidden")
        hers = secret_of(await invite(eve, is_admin=True))
        (her,) = [user for user in (await root.get(USERS)).json()["items"] if user["name"] == "eve"]
        await root.patch(f"{USERS}/{her['id']}", json={"is_admin": False})
        expect_problem(await sign_up(stranger, "mallory", hers), 403, "forbidden")
        await root.patch(f"{USERS}/{her['id']}", json={"is_admin": True})
        expect_problem(await sign_up(stranger, "mallory", hers), 403, "forbidden")


async def test_an_invite_of_who_is_no_administrator_any_more_is_worth_nothing(
    root: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    settings: Settings,
    mongo_admin: AsyncMongoClient[dict[str, object]],
) -> None:
    """As if it had been made at the very moment when that was taken from them."""
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    secret = secret_of(await invite(root, is_admin=True))
    await mongo_admin[name]["users"].update_one({"key": "root"}, {"$set": {"is_admin": False}})
    expect_problem(await sign_up(stranger, "mallory", secret), 403, "forbidden")


async def test_only_a_hash_is_kept_and_mongodb_removes_what_is_over(
    root: httpx.AsyncClient, settings: Settings, mongo_admin: AsyncMongoClient[dict[str, object]]
) -> None:
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    secret = secret_of(await invite(root))
    (kept,) = await mongo_admin[name]["invites"].find().to_list()
    assert secret not in repr(kept)
    assert (await mongo_admin[name]["invites"].index_information())["expiry"]["expireAfterSeconds"] == 0


async def test_without_an_invite_only_an_open_knote_takes_somebody_in(
    root: httpx.AsyncClient, stranger: httpx.AsyncClient, open_client: OpenClient, client: httpx.AsyncClient
) -> None:
    expect_problem(await sign_up(stranger, "ada"), 403, "forbidden")
    expect_problem(await sign_up(client, "ada"), 404, "not-found")
    async with open_client(auth="accounts", sign_up="open") as open_knote:
        assert (await open_knote.get(SESSION)).json()["sign_up"] == "open"
        assert (await sign_up(open_knote, "ada")).status_code == 201
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        body = {"name": "bob", "password": PASSWORD}
        expect_problem(await open_knote.post(USERS, json=body, headers=elsewhere), 403, "cross-site")
        open_knote.headers.update(SAME_ORIGIN)
        for _ in range(19):
            answer = await sign_up(open_knote, "ada")
            expect_problem(answer, 409, "conflict")
        refused = await sign_up(open_knote, "bob")
        expect_problem(refused, 429, "too-many-requests")
        assert 3500 < int(refused.headers["retry-after"]) <= 3600


async def test_only_an_administrator_invites(open_signed_in: OpenClient) -> None:
    async with open_signed_in("ada") as ada:
        for method, path in (("POST", INVITES), ("GET", INVITES), ("DELETE", f"{INVITES}/{'a' * 24}")):
            body: dict[str, Any] | None = {} if method == "POST" else None
            expect_problem(await ada.request(method, path, json=body), 403, "forbidden")


async def test_the_link_says_where_knote_is_when_it_knows(open_signed_in: OpenClient) -> None:
    async with open_signed_in("root", is_admin=True, public_url="https://notes.example") as root:
        assert (await invite(root))["url"].startswith("https://notes.example/invite#")


async def test_invites_are_lines_of_the_audit_log_without_their_secrets(
    root: httpx.AsyncClient, stranger: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="knote.audit"):
        one, two = await invite(root), await invite(root)
        await root.delete(f"{INVITES}/{one['id']}")
        await sign_up(stranger, "ada", secret_of(two))
    lines = [vars(record) for record in caplog.records if record.name == "knote.audit"]
    assert [line["event"] for line in lines] == [
        *("invite_made", "invite_made", "invite_revoked", "signed_up", "sign_in"),
    ]
    text = json.dumps(lines, default=str)
    assert not [word for word in (secret_of(one), secret_of(two), PASSWORD) if word in text]
