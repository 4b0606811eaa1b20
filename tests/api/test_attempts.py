"""Guessing passwords: how slow it is over all replicas, and that strangers keep nobody out."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from pymongo import AsyncMongoClient

from api.conftest import PASSWORD
from api.expect import expect_problem
from knote.accounts import add_user
from knote.app import create_app
from knote.attempts.service import OF_ACCOUNT, OF_ACCOUNT_AND_ADDRESS, OF_ADDRESS, OF_DEVICE
from knote.clock import utc_now
from knote.settings import Settings

SESSION, ACCOUNT = "/api/v1/session", "/api/v1/account"
DEVICE, WRONG = "__Host-knote-device", "wrong horse battery"
OpenFrom = Callable[[str], AbstractAsyncContextManager[httpx.AsyncClient]]


class Time:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def open_from(settings: Settings, time: Time) -> AsyncIterator[OpenFrom]:
    """Opens a client at an address; every client has a replica of two in turn, over one account `ada`."""
    await add_user(settings, "ada", PASSWORD, is_admin=False)
    changed = settings.model_copy(update={"auth": "accounts"})
    async with (
        LifespanManager(create_app(changed, clock=time)) as one,
        LifespanManager(create_app(changed, clock=time)) as two,
    ):
        opened = 0

        @asynccontextmanager
        async def open_(address: str) -> AsyncIterator[httpx.AsyncClient]:
            nonlocal opened
            opened += 1
            transport = httpx.ASGITransport(app=(one, two)[opened % 2].app, client=(address, 1))
            async with httpx.AsyncClient(
                transport=transport, base_url="https://knote", headers={"Sec-Fetch-Site": "same-origin"}
            ) as client:
                yield client

        yield open_


async def sign_in(client: httpx.AsyncClient, password: str = PASSWORD, name: str = "ada") -> httpx.Response:
    return await client.post(SESSION, json={"name": name, "password": password})


async def guess(client: httpx.AsyncClient, times: int, name: str = "ada") -> None:
    for _ in range(times):
        expect_problem(await sign_in(client, WRONG, name), 401, "sign-in-failed")


async def test_an_address_may_guess_an_accounts_password_a_few_times_on_all_replicas(
    open_from: OpenFrom, time: Time
) -> None:
    async with open_from("192.0.2.1") as one, open_from("192.0.2.1") as two, open_from("192.0.2.2") as other:
        await guess(one, OF_ACCOUNT_AND_ADDRESS.number // 2)
        await guess(two, OF_ACCOUNT_AND_ADDRESS.number // 2)
        time.now += timedelta(minutes=5)
        for client in (one, two):
            refused = await sign_in(client)
            body = expect_problem(refused, 429, "too-many-requests", without=PASSWORD)
            assert refused.headers["retry-after"] == "600"
            assert body["detail"].endswith("Try again in 10 minutes.")
        assert (await sign_in(other)).status_code == 201
        time.now += timedelta(minutes=10)
        assert (await sign_in(one)).status_code == 201


async def test_a_name_that_is_nobodys_is_answered_like_any_other(open_from: OpenFrom) -> None:
    answers = []
    for name, address in (("ada", "192.0.2.1"), ("nobody at all", "192.0.2.2")):
        async with open_from(address) as client:
            seen = [await sign_in(client, WRONG, name) for _ in range(OF_ACCOUNT_AND_ADDRESS.number + 2)]
            for answer in seen:
                assert not answer.cookies
            answers.append([{**answer.json(), "request_id": ""} for answer in seen])
    assert answers[0] == answers[1]
    assert [body["status"] for body in answers[0]] == [401] * OF_ACCOUNT_AND_ADDRESS.number + [429] * 2


async def test_a_right_password_is_no_attempt(open_from: OpenFrom) -> None:
    for _ in range(OF_ACCOUNT_AND_ADDRESS.number + 5):
        async with open_from("192.0.2.1") as client:
            assert (await sign_in(client)).status_code == 201


async def test_an_address_may_not_try_one_account_after_the_other(open_from: OpenFrom) -> None:
    async with open_from("192.0.2.1") as client:
        for number in range(OF_ADDRESS.number):
            await guess(client, 1, name=f"somebody {number}")
        expect_problem(await sign_in(client, WRONG, "somebody else"), 429, "too-many-requests")
        expect_problem(await sign_in(client), 429, "too-many-requests")


async def test_the_addresses_of_one_ipv6_customer_are_one(open_from: OpenFrom) -> None:
    for number in range(OF_ACCOUNT_AND_ADDRESS.number):
        async with open_from(f"2001:db8:1:1::{number}") as client:
            await guess(client, 1)
    async with open_from("2001:db8:1:1:ffff::1") as same, open_from("2001:db8:1:2::1") as other:
        expect_problem(await sign_in(same), 429, "too-many-requests")
        assert (await sign_in(other)).status_code == 201


async def test_a_crowd_of_strangers_keeps_no_device_out_that_was_there_before(
    open_from: OpenFrom, time: Time
) -> None:
    async with open_from("192.0.2.1") as laptop, open_from("192.0.2.1") as neighbour:
        assert (await sign_in(laptop)).status_code == 201
        device = laptop.cookies[DEVICE]
        assert (await laptop.delete(SESSION)).status_code == 204
        assert laptop.cookies[DEVICE] == device
        await guess(neighbour, OF_ACCOUNT_AND_ADDRESS.number)
        for number in range(OF_ACCOUNT.number - OF_ACCOUNT_AND_ADDRESS.number):
            async with open_from(f"198.51.100.{number}") as stranger:
                await guess(stranger, 1)
        async with open_from("203.0.113.1") as new_device:
            refused = await sign_in(new_device)
            expect_problem(refused, 429, "too-many-requests")
            assert refused.headers["retry-after"] == "3600"
        expect_problem(await sign_in(neighbour), 429, "too-many-requests")
        assert (await sign_in(laptop)).status_code == 201, "from the very address of the neighbour"
        assert laptop.cookies[DEVICE] == device


async def test_what_one_address_is_refused_does_not_use_up_what_others_have(open_from: OpenFrom) -> None:
    async with open_from("192.0.2.1") as one, open_from("192.0.2.2") as other:
        await guess(one, OF_ACCOUNT_AND_ADDRESS.number)
        for _ in range(OF_ACCOUNT.number):
            expect_problem(await sign_in(one, WRONG), 429, "too-many-requests")
        assert (await sign_in(other)).status_code == 201


async def test_a_known_device_that_was_stolen_guesses_slowly_too(open_from: OpenFrom) -> None:
    async with open_from("192.0.2.1") as laptop, open_from("192.0.2.9") as thief:
        await sign_in(laptop)
        thief.cookies.set(DEVICE, laptop.cookies[DEVICE])
        await guess(thief, OF_DEVICE.number)
        expect_problem(await sign_in(thief, WRONG), 429, "too-many-requests")
        await guess(thief, 1, name="bob")


async def test_a_device_is_known_to_the_accounts_that_signed_in_there_alone(
    open_from: OpenFrom, settings: Settings
) -> None:
    await add_user(settings, "bob", PASSWORD, is_admin=False)
    async with open_from("192.0.2.1") as shared, open_from("192.0.2.1") as stranger:
        assert (await sign_in(shared, name="bob")).status_code == 201
        device = shared.cookies[DEVICE]
        await guess(stranger, OF_ACCOUNT_AND_ADDRESS.number)
        expect_problem(await sign_in(shared), 429, "too-many-requests")
    async with open_from("192.0.2.7") as moved:
        moved.cookies.set(DEVICE, device, domain="knote.local")
        assert (await sign_in(moved)).status_code == 201
        assert moved.cookies[DEVICE] == device, "one device, two accounts"
        assert (await sign_in(moved, name="bob")).status_code == 201


async def test_a_device_that_knote_did_not_make_is_not_taken_over(
    open_from: OpenFrom, settings: Settings, mongo_admin: AsyncMongoClient[dict[str, object]]
) -> None:
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    for planted in ("a" * 43, "short", "\x7f" * 43):
        async with open_from("192.0.2.1") as client:
            answer = await client.post(
                SESSION,
                json={"name": "ada", "password": PASSWORD},
                headers={"Cookie": f"{DEVICE}={planted}"},
            )
            assert answer.cookies[DEVICE] != planted
            assert len(answer.cookies[DEVICE]) == 43
            kept = await mongo_admin[name]["devices"].find().to_list()
            assert answer.cookies[DEVICE] not in repr(kept)
    for collection in ("devices", "attempts"):
        indexes = await mongo_admin[name][collection].index_information()
        assert indexes["expiry"]["expireAfterSeconds"] == 0


async def test_the_present_password_is_not_guessed_faster_by_who_has_the_session(
    open_from: OpenFrom,
) -> None:
    async with open_from("192.0.2.1") as ada:
        await sign_in(ada)
        del ada.cookies[DEVICE]
        wrong = {"current_password": WRONG, "new_password": "quite another one"}
        for number in range(OF_ACCOUNT_AND_ADDRESS.number):
            answer = (
                await ada.put(f"{ACCOUNT}/password", json=wrong)
                if number % 2
                else await ada.request("DELETE", ACCOUNT, json={"password": WRONG})
            )
            expect_problem(answer, 401, "sign-in-failed")
        refused = await ada.request("DELETE", ACCOUNT, json={"password": PASSWORD})
        expect_problem(refused, 429, "too-many-requests")


async def test_no_name_that_was_typed_is_kept_or_logged(
    open_from: OpenFrom,
    settings: Settings,
    mongo_admin: AsyncMongoClient[dict[str, object]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    with caplog.at_level(logging.INFO, logger="knote.audit"):
        async with open_from("192.0.2.1") as client:
            await guess(client, OF_ACCOUNT_AND_ADDRESS.number, name="hunter2 by mistake")
            expect_problem(await sign_in(client, WRONG, "hunter2 by mistake"), 429, "too-many-requests")
    lines: list[dict[str, Any]] = [vars(record) for record in caplog.records if record.name == "knote.audit"]
    assert lines[-1]["event"] == "attempt_refused"
    kept = await mongo_admin[name]["attempts"].find().to_list()
    assert len(kept) == 3
    assert "hunter2" not in repr(kept) + repr(lines)
