"""Signing in and out: the cookie, who is believed, how long it lasts, and that every replica knows."""

import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from api.conftest import PASSWORD, OpenClient
from api.expect import expect_problem
from api.samples import picture
from knote.accounts import add_user
from knote.clock import utc_now
from knote.settings import Settings

SESSION, SESSIONS, SETUP = "/api/v1/session", "/api/v1/sessions", "/api/v1/setup"
NOTES, ACCOUNT = "/api/v1/notes", "/api/v1/account"
COOKIE = "__Host-knote"
ADA = {"name": "ada", "password": PASSWORD}
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def stranger(open_client: OpenClient, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is not signed in, beside an account of ada's."""
    await add_user(settings, "Ada", PASSWORD, is_admin=False)
    async with open_client(auth="accounts") as client:
        yield client


def secret_of(client: httpx.AsyncClient) -> str:
    return client.cookies[COOKIE]


async def test_who_is_not_signed_in_reads_and_writes_nothing(stranger: httpx.AsyncClient) -> None:
    id_ = "a" * 24
    for method, path, options in (
        ("GET", NOTES, {}),
        ("POST", NOTES, {"json": {"content": "x"}}),
        ("POST", NOTES, {"json": {"nothing": "right"}}),
        ("GET", f"{NOTES}/{id_}", {}),
        ("PUT", f"{NOTES}/{id_}", {"json": {"content": "x"}}),
        ("DELETE", f"{NOTES}/{id_}", {}),
        ("POST", f"{NOTES}/{id_}/restore", {}),
        ("POST", "/api/v1/pictures", {"files": {"file": ("image.png", picture())}}),
        ("GET", f"/api/v1/pictures/{'a' * 64}", {}),
        ("GET", ACCOUNT, {}),
        ("PUT", f"{ACCOUNT}/password", {"json": {}}),
        ("GET", SESSIONS, {}),
        ("DELETE", SESSIONS, {}),
        ("DELETE", f"{SESSIONS}/{id_}", {}),
    ):
        for headers in ({}, {"Authorization": "Bearer knote_nonsense"}, {"Cookie": f"{COOKIE}={'a' * 43}"}):
            answer = await stranger.request(method, path, headers={**SAME_ORIGIN, **headers}, **options)
            expect_problem(answer, 401, "sign-in-required")
            assert answer.headers["www-authenticate"] == "Bearer"
    assert (await stranger.get("/readyz")).status_code == 200


async def test_a_strangers_upload_is_refused_before_it_is_read(stranger: httpx.AsyncClient) -> None:
    asked = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b"x" * 1024

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(10 * 1024 * 1024)}
    answer = await stranger.post("/api/v1/pictures", content=body(), headers=headers)
    expect_problem(answer, 401, "sign-in-required")
    assert asked == 0


async def test_signing_in_sets_a_cookie_that_no_script_and_no_subdomain_has(
    stranger: httpx.AsyncClient,
) -> None:
    before = (await stranger.get(SESSION)).json()
    assert before == {
        "auth": "accounts",
        "user": None,
        "sign_up": "closed",
        "is_set_up": True,
        "needs_setup_token": False,
        "single_sign_on": None,
    }
    answer = await stranger.post(SESSION, json={"name": " ADA ", "password": PASSWORD})
    assert answer.status_code == 201
    assert answer.json()["user"]["name"] == "Ada"
    text, of_device = answer.headers.get_list("set-cookie")
    assert of_device.startswith("__Host-knote-device=")
    cookie = SimpleCookie(text)[COOKIE]
    assert len(cookie.value) == 43
    assert (cookie["path"], cookie["domain"], cookie["max-age"]) == ("/", "", str(180 * 24 * 3600))
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "lax"
    assert cookie.value not in answer.text
    assert (await stranger.get(SESSION)).json() == answer.json()
    assert (await stranger.get(NOTES)).status_code == 200


async def test_a_name_that_is_none_and_a_wrong_password_are_answered_alike(
    stranger: httpx.AsyncClient,
) -> None:
    bodies = []
    for attempt in ({**ADA, "password": "wrong horse battery"}, {**ADA, "name": "eve"}):
        answer = await stranger.post(SESSION, json=attempt)
        bodies.append({**expect_problem(answer, 401, "sign-in-failed"), "request_id": ""})
        assert "set-cookie" not in answer.headers
    assert bodies[0] == bodies[1]


async def test_only_a_hash_of_the_secret_and_of_the_password_is_kept(
    open_signed_in: OpenClient, settings: Settings, mongo_admin: AsyncMongoClient[dict[str, object]]
) -> None:
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    async with open_signed_in("ada") as ada:
        kept = [
            document
            for collection in ("users", "sessions")
            async for document in mongo_admin[name][collection].find()
        ]
        text = repr(kept)
        assert len(kept) == 2
        assert secret_of(ada) not in text
        assert PASSWORD not in text
        assert "$argon2id$" in text


async def test_a_session_of_one_replica_is_known_and_ended_on_all_at_once(
    open_signed_in: OpenClient, open_client: OpenClient
) -> None:
    async with open_signed_in("ada") as one, open_client(auth="accounts") as other:
        other.headers.update(SAME_ORIGIN)
        other.cookies = httpx.Cookies(one.cookies)
        assert (await other.get(NOTES)).status_code == 200
        assert (await one.delete(SESSION)).status_code == 204
        assert COOKIE not in one.cookies
        expect_problem(await other.get(NOTES), 401, "sign-in-required")
        assert (await other.get(SESSION)).json()["user"] is None


async def test_sessions_are_listed_and_revoked_one_by_one_and_all_at_once(
    open_signed_in: OpenClient, open_client: OpenClient
) -> None:
    async with (
        open_signed_in("ada") as phone,
        open_signed_in("ada") as laptop,
        open_signed_in("bob") as bob,
    ):
        sessions = (await laptop.get(SESSIONS)).json()
        assert sessions["next"] is None
        assert [each["is_current"] for each in sessions["items"]] == [True, False]
        for each in sessions["items"]:
            assert set(each) == {"id", "device", "address", "created_at", "last_seen_at", "is_current"}
            assert each["device"] == "python-httpx"
            assert each["id"] not in {secret_of(phone), secret_of(laptop)}
        other = f"{SESSIONS}/{sessions['items'][1]['id']}"
        expect_problem(await bob.delete(other), 404, "not-found")
        assert (await phone.get(NOTES)).status_code == 200
        assert (await laptop.delete(other)).status_code == 204
        expect_problem(await phone.get(NOTES), 401, "sign-in-required")
        expect_problem(await laptop.delete(other), 404, "not-found")
        assert (await phone.post(SESSION, json=ADA)).status_code == 201
        assert (await laptop.delete(SESSIONS)).status_code == 204
        for ended in (phone, laptop):
            expect_problem(await ended.get(NOTES), 401, "sign-in-required")
        assert (await bob.get(NOTES)).status_code == 200


async def test_signing_in_again_changes_the_secret_and_ends_the_old_one(
    open_signed_in: OpenClient, open_client: OpenClient
) -> None:
    async with open_signed_in("ada") as ada, open_client(auth="accounts") as thief:
        thief.cookies = httpx.Cookies(ada.cookies)
        old = secret_of(ada)
        assert (await ada.post(SESSION, json=ADA)).status_code == 201
        assert secret_of(ada) != old
        expect_problem(await thief.get(NOTES), 401, "sign-in-required")
        assert len((await ada.get(SESSIONS)).json()["items"]) == 1


async def test_a_new_password_ends_every_other_session_and_changes_the_secret_of_this_one(
    open_signed_in: OpenClient,
) -> None:
    async with open_signed_in("ada") as ada, open_signed_in("ada") as other:
        old = secret_of(ada)
        path = f"{ACCOUNT}/password"
        wrong = {"current_password": "wrong horse battery", "new_password": "quite another one"}
        expect_problem(await ada.put(path, json=wrong), 401, "sign-in-failed")
        for new in ("short", "qwerty123456", "passwordpassword", "aaaaaaaaaaaaaaa"):
            answer = await ada.put(path, json={"current_password": PASSWORD, "new_password": new})
            body = expect_problem(answer, 422, "invalid", without=new)
            assert body["errors"][0]["location"] == ["body", "new_password"]
        right = {"current_password": PASSWORD, "new_password": "quite another one"}
        assert (await ada.put(path, json=right)).status_code == 204
        assert secret_of(ada) != old
        assert (await ada.get(NOTES)).status_code == 200
        expect_problem(await other.get(NOTES), 401, "sign-in-required")
        expect_problem(await other.post(SESSION, json=ADA), 401, "sign-in-failed")
        again = await other.post(SESSION, json={"name": "ada", "password": "quite another one"})
        assert again.status_code == 201


async def test_an_account_that_is_disabled_or_deleted_is_out_at_once(
    open_signed_in: OpenClient, settings: Settings, mongo_admin: AsyncMongoClient[dict[str, object]]
) -> None:
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    users = mongo_admin[name]["users"]
    async with open_signed_in("ada") as ada:
        for change in ({"is_disabled": True}, {"deleted_at": utc_now()}):
            await users.update_one({"key": "ada"}, {"$set": change})
            expect_problem(await ada.get(NOTES), 401, "sign-in-required")
            expect_problem(await ada.post(SESSION, json=ADA), 401, "sign-in-failed")
            await users.update_one({"key": "ada"}, {"$set": {"is_disabled": False, "deleted_at": None}})
            assert (await ada.get(NOTES)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "is_believed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://knote"}, False),
        ({"Origin": "https://knote"}, True),
        ({"Origin": "https://notes.example"}, True),
        ({"Origin": "https://knote.evil.example"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
async def test_a_write_with_a_cookie_must_come_from_our_own_page(
    open_signed_in: OpenClient, headers: dict[str, str], *, is_believed: bool
) -> None:
    async with open_signed_in("ada", public_url="https://notes.example") as ada:
        del ada.headers["Sec-Fetch-Site"]
        assert (await ada.get(NOTES, headers=headers)).status_code == 200
        answers = [
            await ada.post(NOTES, json={"content": "x"}, headers=headers),
            await ada.put(f"{ACCOUNT}/password", json={}, headers=headers),
            await ada.delete(SESSION, headers=headers),
        ]
        if is_believed:
            assert [answer.status_code for answer in answers] == [201, 422, 204]
        else:
            for answer in answers:
                expect_problem(answer, 403, "cross-site")
            assert (await ada.get(NOTES)).json()["items"] == []


async def test_another_site_cannot_sign_a_browser_in(stranger: httpx.AsyncClient) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    expect_problem(await stranger.post(SESSION, json=ADA, headers=elsewhere), 403, "cross-site")
    assert (await stranger.post(SESSION, json=ADA)).status_code == 201


async def test_a_session_ends_when_it_is_idle_and_when_it_is_old(open_signed_in: OpenClient) -> None:
    start = utc_now()
    passed = timedelta()
    async with open_signed_in(
        "ada", clock=lambda: start + passed, session_idle_days=2.0, session_days=5.0
    ) as ada:
        for days in (1.9, 3.8, 4.9):
            passed = timedelta(days=days)
            assert (await ada.get(NOTES)).status_code == 200, days
        passed = timedelta(days=5.01)
        expect_problem(await ada.get(NOTES), 401, "sign-in-required")
        assert (await ada.post(SESSION, json=ADA)).status_code == 201
        passed += timedelta(days=2.01)
        expect_problem(await ada.get(NOTES), 401, "sign-in-required")


async def test_sessions_that_are_over_are_removed_by_mongodb_itself(
    open_signed_in: OpenClient, settings: Settings, mongo_admin: AsyncMongoClient[dict[str, Any]]
) -> None:
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    async with open_signed_in("ada"):
        indexes = await mongo_admin[name]["sessions"].index_information()
        assert indexes["expiry"]["expireAfterSeconds"] == 0
        (session,) = await mongo_admin[name]["sessions"].find().to_list()
        assert session["expires_at"] == session["created_at"] + timedelta(days=30)


async def test_the_first_account_is_made_once_with_the_setup_token(open_client: OpenClient) -> None:
    token = "the-token-of-the-operator"
    first = {"setup_token": token, "name": "Ada", "password": PASSWORD}
    async with open_client(auth="accounts", setup_token=SecretStr(token)) as client:
        client.headers.update(SAME_ORIGIN)
        state = (await client.get(SESSION)).json()
        assert (state["is_set_up"], state["needs_setup_token"]) == (False, True)
        wrong = await client.post(SETUP, json={**first, "setup_token": "another"})
        expect_problem(wrong, 403, "forbidden", without=token)
        weak = await client.post(SETUP, json={**first, "password": "123456789123"})
        expect_problem(weak, 422, "invalid", without="123456789123")
        made = await client.post(SETUP, json=first)
        assert made.status_code == 201
        assert made.json()["user"]["is_admin"] is True
        assert made.json()["is_set_up"] is True
        assert (await client.get(NOTES)).status_code == 200
        expect_problem(await client.post(SETUP, json=first), 409, "conflict")
    async with open_client(auth="accounts") as client:
        expect_problem(await client.post(SETUP, json=first), 409, "conflict")


async def test_without_a_setup_token_nobody_sets_up(open_client: OpenClient) -> None:
    async with open_client(auth="accounts") as client:
        state = (await client.get(SESSION)).json()
        assert (state["is_set_up"], state["needs_setup_token"]) == (False, False)
        for token in ("", "guess"):
            body = {"setup_token": token, "name": "eve", "password": PASSWORD}
            expect_problem(await client.post(SETUP, json=body), 403, "forbidden")


async def test_an_open_notebook_has_no_accounts(client: httpx.AsyncClient) -> None:
    state = await client.get(SESSION)
    assert state.json()["auth"] == "open"
    assert state.json()["user"] is None
    id_ = "a" * 24
    for method, path, body in (
        ("POST", SESSION, ADA),
        ("DELETE", SESSION, None),
        ("POST", SETUP, {"setup_token": "x", **ADA}),
        ("GET", ACCOUNT, None),
        ("PUT", f"{ACCOUNT}/password", {}),
        ("GET", SESSIONS, None),
        ("DELETE", SESSIONS, None),
        ("DELETE", f"{SESSIONS}/{id_}", None),
    ):
        expect_problem(await client.request(method, path, json=body), 404, "not-found")


async def test_each_act_is_a_line_of_the_audit_log_and_no_secret_is_in_one(
    open_client: OpenClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="knote.audit"):
        made = await add_user(settings, "ada", PASSWORD, is_admin=True)
        async with open_client(auth="accounts") as client:
            client.headers.update(SAME_ORIGIN)
            await client.post(SESSION, json={"name": "mallory", "password": PASSWORD})
            await client.post(SESSION, json={"name": "ada", "password": "wrong horse battery"})
            await client.post(SESSION, json=ADA)
            change = {"current_password": PASSWORD, "new_password": "quite another one"}
            await client.put(f"{ACCOUNT}/password", json=change)
            secret = secret_of(client)
            (session,) = (await client.get(SESSIONS)).json()["items"]
            await client.delete(f"{SESSIONS}/{session['id']}")
            await client.post(SESSION, json={"name": "ada", "password": "quite another one"})
            await client.delete(SESSION)
            await client.post(SESSION, json={"name": "ada", "password": "quite another one"})
            await client.delete(SESSIONS)
    lines: list[dict[str, Any]] = [vars(record) for record in caplog.records if record.name == "knote.audit"]
    assert [(line["event"], line["user"] == made["id"]) for line in lines] == [
        ("user_added", True),
        ("sign_in_failed", False),
        ("sign_in_failed", True),
        ("sign_in", True),
        ("password_changed", True),
        ("sign_in", True),
        ("session_revoked", True),
        ("sign_in", True),
        ("sign_out", True),
        ("sign_in", True),
        ("sign_out_everywhere", True),
    ]
    assert lines[0]["by"] == "command"
    assert all(line["address"] == "127.0.0.1" for line in lines[1:])
    text = json.dumps(lines, default=str)
    assert not [word for word in (PASSWORD, "horse", "quite another", secret, "mallory") if word in text]
