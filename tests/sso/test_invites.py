"""Invites and single sign-on: begun with an invite, it makes an account, and spends the invite once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from pymongo import AsyncMongoClient

from api.conftest import PASSWORD
from api.expect import expect_problem
from knote.accounts import add_user
from knote.settings import Settings
from sso.browser import CALLBACK, KNOTE, START, Browser
from sso.conftest import OpenReplica, database_of

INVITES = "/api/v1/invites"


@pytest.fixture
async def closed(open_replica: OpenReplica) -> FastAPI:
    """An application where accounts are made by invite alone."""
    return await open_replica(sign_up="closed")  # type: ignore[no-any-return]


@pytest.fixture
async def admin(closed: FastAPI, settings: Settings) -> AsyncIterator[Browser]:
    """The browser of an administrator, who is signed in."""
    await add_user(settings, "root", PASSWORD, is_admin=True)
    async with Browser(closed) as browser:
        await browser.client.post("/api/v1/session", json={"name": "root", "password": PASSWORD})
        yield browser


@pytest.fixture
async def guest(closed: FastAPI) -> AsyncIterator[Browser]:
    """The browser of somebody who is nobody here yet."""
    async with Browser(closed) as browser:
        yield browser


async def invite_by(admin: Browser, **wanted: Any) -> str:
    """What stands after the # of a new invite's link."""
    answer = await admin.client.post(INVITES, json=wanted)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"].partition("#")[2])


async def begin(guest: Browser, invite: str) -> str:
    """Begins a single sign-on by an invite. Returns where to go."""
    answer = await guest.client.post(START, json={"invite": invite, "return_to": "/notes/a"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"])


@pytest.mark.parametrize("is_admin", [False, True])
async def test_who_is_invited_gets_an_account(is_admin: bool, admin: Browser, guest: Browser) -> None:
    invite = await invite_by(admin, is_admin=is_admin)
    assert await guest.walk(await begin(guest, invite), "grace") == "/notes/a"
    user = (await guest.session())["user"]
    assert (user["name"], user["is_admin"]) == ("grace", is_admin)
    assert (await admin.client.get(INVITES)).json()["items"] == []
    problem = expect_problem(
        await guest.client.post(START, json={"invite": invite}), 403, "sign-on-refused", without=invite
    )
    assert problem["reason"] == "invite"


async def test_one_invite_makes_one_account_whoever_comes_at_once(
    admin: Browser, closed: FastAPI, settings: Settings, mongo_admin: AsyncMongoClient[Any]
) -> None:
    invite = await invite_by(admin)
    guests = [Browser(closed) for _ in range(3)]
    names = ("grace", "hopper", "ada")
    ways_back = [
        await each.walk(await begin(each, invite), name, until=KNOTE + CALLBACK)
        for each, name in zip(guests, names, strict=True)
    ]
    pages = await asyncio.gather(*(each.walk(back, "") for each, back in zip(guests, ways_back, strict=True)))
    refused = "/sign-in?error=sso-invite&return_to=%2Fnotes%2Fa"
    assert sorted(pages) == ["/notes/a", refused, refused]
    assert await database_of(settings, mongo_admin)["users"].count_documents({}) == 2
    for each in guests:
        await each.client.aclose()


async def test_an_invite_that_was_taken_back_meanwhile_makes_none(admin: Browser, guest: Browser) -> None:
    invite = await invite_by(admin)
    back = await guest.walk(await begin(guest, invite), "grace", until=KNOTE + CALLBACK)
    (kept,) = (await admin.client.get(INVITES)).json()["items"]
    await admin.client.delete(f"{INVITES}/{kept['id']}")
    assert await guest.walk(back, "") == "/sign-in?error=sso-invite&return_to=%2Fnotes%2Fa"
    assert (await guest.session())["user"] is None


async def test_whose_account_there_is_spends_no_invite(
    admin: Browser, guest: Browser, closed: FastAPI
) -> None:
    await guest.walk(await begin(guest, await invite_by(admin)), "grace")
    user = (await guest.session())["user"]
    invite = await invite_by(admin, is_admin=True)
    async with Browser(closed) as elsewhere:
        assert await elsewhere.walk(await begin(elsewhere, invite), "grace") == "/notes/a"
        assert (await elsewhere.session())["user"] == user
    assert len((await admin.client.get(INVITES)).json()["items"]) == 1


async def test_a_name_that_is_taken_costs_no_invite(
    admin: Browser, guest: Browser, settings: Settings
) -> None:
    await add_user(settings, "grace", PASSWORD, is_admin=False)
    await guest.walk(await begin(guest, await invite_by(admin)), "grace")
    assert (await guest.session())["user"]["name"] == "grace-2"


async def test_an_invite_is_kept_as_a_hash(
    admin: Browser, guest: Browser, settings: Settings, mongo_admin: AsyncMongoClient[Any]
) -> None:
    invite = await invite_by(admin)
    url = await begin(guest, invite)
    (kept,) = await database_of(settings, mongo_admin)["sign_ins"].find({}).to_list()
    assert invite not in json.dumps(kept, default=str) + url


async def test_an_account_of_single_sign_on_is_known_at_its_device(guest: Browser, admin: Browser) -> None:
    await guest.walk(await begin(guest, await invite_by(admin)), "grace")
    assert len(guest.client.cookies["__Host-knote-device"]) == 43


async def test_an_address_that_begins_too_many_has_to_wait(closed: FastAPI) -> None:
    async with Browser(closed) as browser:
        for _ in range(300):
            answer = await browser.client.get(START)
            assert answer.headers["location"].startswith("http://127.0.0.1:")
        answer = await browser.client.get(START)
        assert answer.headers["location"] == "/sign-in?error=sso-too-many"
        answer = await browser.client.post(START, json={})
        expect_problem(answer, 429, "too-many-requests")
        assert 0 < int(answer.headers["retry-after"]) <= 900
