"""Identities of an account: linked by who is signed in, to one account each; the last way in is kept."""

import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import FastAPI

from api.conftest import PASSWORD
from api.expect import expect_problem
from knote.accounts import add_user
from knote.clock import utc_now
from knote.settings import Settings
from sso.browser import CALLBACK, KNOTE, Browser
from sso.conftest import OpenReplica

IDENTITIES, SESSION = "/api/v1/account/identities", "/api/v1/session"
ACCOUNT, CHANGE = "/api/v1/account", "/api/v1/account/password"


@pytest.fixture
async def ada(replica: FastAPI, settings: Settings) -> AsyncIterator[Browser]:
    """A browser in which ada is signed in, with a password."""
    await add_user(settings, "ada", PASSWORD, is_admin=False)
    async with Browser(replica) as browser:
        await sign_in(browser, "ada")
        yield browser


async def sign_in(browser: Browser, name: str) -> None:
    answer = await browser.client.post(SESSION, json={"name": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text


async def link(browser: Browser, login: str, *, until: str | None = None) -> str:
    """Links an identity to the account that is signed in; where that leads to."""
    answer = await browser.client.post(IDENTITIES, json={})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return await browser.walk(answer.json()["url"], login, until=until)


async def test_a_linked_identity_signs_in_to_the_account(
    ada: Browser, other_browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert await link(ada, "lovelace") == "/account"
    user = (await ada.session())["user"]
    assert user["name"] == "ada"
    assert [each["name"] for each in (await ada.account())["identities"]] == ["lovelace"]
    assert await other_browser.sign_on("lovelace") == "/"
    assert (await other_browser.session())["user"] == user
    lines = [record.__dict__ for record in caplog.records if record.name == "knote.audit"]
    assert [line["event"] for line in lines if line["event"].startswith("identity")] == ["identity_linked"]
    assert "lovelace" not in json.dumps(lines, default=str)


async def test_linking_twice_is_linking_once(ada: Browser) -> None:
    for _ in range(2):
        assert await link(ada, "lovelace") == "/account"
    assert len((await ada.account())["identities"]) == 1


async def test_the_page_to_come_back_to_is_ones_choice_within_knote(ada: Browser) -> None:
    for wanted, page in (("/notes/a", "/notes/a"), ("https://evil.example", "/account")):
        answer = await ada.client.post(IDENTITIES, json={"return_to": wanted})
        assert await ada.walk(answer.json()["url"], "lovelace") == page


async def test_an_identity_opens_one_account(ada: Browser, other_browser: Browser) -> None:
    await other_browser.sign_on("grace")
    assert await link(ada, "grace") == "/account?error=sso-taken"
    assert (await ada.account())["identities"] == []


async def test_nothing_is_linked_to_whom_did_not_ask(
    ada: Browser, other_browser: Browser, settings: Settings
) -> None:
    await add_user(settings, "grace", PASSWORD, is_admin=False)
    # Signed out on the way, and somebody else signed in on the way.
    back = await link(ada, "lovelace", until=KNOTE + CALLBACK)
    await ada.client.delete(SESSION)
    assert await ada.walk(back, "") == "/account?error=sso-signed-out"
    await sign_in(ada, "ada")
    back = await link(ada, "lovelace", until=KNOTE + CALLBACK)
    await sign_in(ada, "grace")
    assert await ada.walk(back, "") == "/account?error=sso-signed-out"
    assert (await ada.account())["identities"] == []
    # And the way back of an attacker's own link, in the browser of somebody else.
    await sign_in(other_browser, "grace")
    back = await link(other_browser, "mallory", until=KNOTE + CALLBACK)
    await sign_in(ada, "ada")
    assert await ada.walk(back, "") == "/sign-in?error=sso-expired"
    assert (await ada.account())["identities"] == []


async def test_an_identity_is_unlinked_and_signs_nobody_in(
    ada: Browser, other_browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await link(ada, "lovelace")
    (identity,) = (await ada.account())["identities"]
    answer = await ada.client.delete(f"{IDENTITIES}/{identity['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await ada.account())["identities"] == []
    expect_problem(await ada.client.delete(f"{IDENTITIES}/{identity['id']}"), 404, "not-found")
    events = [record.__dict__["event"] for record in caplog.records if record.name == "knote.audit"]
    assert events[-1] == "identity_unlinked"
    # A stranger now: a new account, and nothing of ada's.
    await other_browser.sign_on("lovelace")
    assert (await other_browser.session())["user"]["name"] == "lovelace"


async def test_the_last_way_in_stays(browser: Browser) -> None:
    await browser.sign_on("grace")
    (first,) = (await browser.account())["identities"]
    problem = expect_problem(await browser.client.delete(f"{IDENTITIES}/{first['id']}"), 409, "conflict")
    assert "only way in" in problem["detail"]
    # At the provider somebody else signs in by now.
    browser.client.cookies.delete("_session", domain="127.0.0.1", path="/")
    assert await link(browser, "hopper") == "/account"
    assert (await browser.client.delete(f"{IDENTITIES}/{first['id']}")).status_code == 204
    (second,) = (await browser.account())["identities"]
    assert second["name"] == "hopper"
    expect_problem(await browser.client.delete(f"{IDENTITIES}/{second['id']}"), 409, "conflict")


async def test_an_identity_of_another_provider_is_no_way_in(browser: Browser, replica: FastAPI) -> None:
    """Neither counts it as one, nor does anybody sign in by it who has the same subject here."""
    await browser.sign_on("grace")
    (identity,) = (await browser.account())["identities"]
    expect_problem(await browser.client.delete(f"{IDENTITIES}/{identity['id']}"), 409, "conflict")


async def test_a_strangers_identity_is_none_of_ones_own(ada: Browser, browser: Browser) -> None:
    await browser.sign_on("grace")
    (identity,) = (await browser.account())["identities"]
    expect_problem(await ada.client.delete(f"{IDENTITIES}/{identity['id']}"), 404, "not-found")
    assert len((await browser.account())["identities"]) == 1


async def test_linking_and_unlinking_take_a_session_of_this_site(ada: Browser, browser: Browser) -> None:
    for method, path, body in (("POST", IDENTITIES, {}), ("DELETE", f"{IDENTITIES}/{'a' * 24}", None)):
        expect_problem(await browser.client.request(method, path, json=body), 401, "sign-in-required")
        headers = {"Sec-Fetch-Site": "cross-site"}
        answer = await ada.client.request(method, path, json=body, headers=headers)
        expect_problem(answer, 403, "cross-site")


async def test_an_account_without_a_password_has_none_to_sign_in_with(browser: Browser) -> None:
    await browser.sign_on("grace")
    for password in (PASSWORD, "None", "null", " "):
        answer = await browser.client.post(SESSION, json={"name": "grace", "password": password})
        expect_problem(answer, 401, "sign-in-failed")
        change = {"current_password": password, "new_password": "another long password"}
        answer = await browser.client.put(CHANGE, json=change)
        expect_problem(answer, 401, "sign-in-failed")


async def test_an_account_without_a_password_gets_one_after_a_sign_in_of_just_now(
    browser: Browser, other_browser: Browser, open_replica: OpenReplica
) -> None:
    await other_browser.sign_on("grace")
    await browser.sign_on("grace")
    browser.replica = await open_replica(clock=lambda: utc_now() + timedelta(minutes=10))
    first = {"new_password": PASSWORD}
    problem = expect_problem(await browser.client.put(CHANGE, json=first), 403, "stale-sign-in")
    assert "10 minutes" in problem["detail"]
    assert (await browser.account())["has_password"] is False
    # The way to the provider and back is a sign-in of just now.
    assert await browser.sign_on("grace", return_to="/account") == "/account"
    weak = await browser.client.put(CHANGE, json={"new_password": "too short"})
    expect_problem(weak, 422, "invalid")
    assert (await browser.client.put(CHANGE, json=first)).status_code == 204
    assert (await browser.account())["has_password"] is True
    # As with any change of a password: here one goes on, and elsewhere not.
    assert (await other_browser.session())["user"] is None
    await sign_in(other_browser, "grace")
    assert (await other_browser.session())["user"] == (await browser.session())["user"]
    # It is asked for from then on, however new the sign-in, and may be the last way in.
    expect_problem(await browser.client.put(CHANGE, json=first), 401, "sign-in-failed")
    (identity,) = (await browser.account())["identities"]
    assert (await browser.client.delete(f"{IDENTITIES}/{identity['id']}")).status_code == 204


async def test_an_account_without_a_password_is_left_after_a_sign_in_of_just_now(
    browser: Browser, open_replica: OpenReplica
) -> None:
    await browser.sign_on("grace")
    browser.replica = await open_replica(clock=lambda: utc_now() + timedelta(minutes=10))
    answer = await browser.client.request("DELETE", ACCOUNT, json={})
    expect_problem(answer, 403, "stale-sign-in")
    expect_problem(
        await browser.client.request("DELETE", ACCOUNT, json={"password": PASSWORD}), 401, "sign-in-failed"
    )
    assert (await browser.account())["name"] == "grace"
    assert await browser.sign_on("grace", return_to="/account") == "/account"
    assert (await browser.client.request("DELETE", ACCOUNT, json={})).status_code == 204
    assert (await browser.session())["user"] is None
    assert await browser.sign_on("grace") == "/sign-in?error=sso-disabled"


async def test_a_fresh_sign_in_is_no_substitute_where_there_is_a_password(ada: Browser) -> None:
    for method, path, body in (
        ("PUT", CHANGE, {"new_password": "another long password"}),
        ("DELETE", ACCOUNT, {}),
    ):
        expect_problem(await ada.client.request(method, path, json=body), 401, "sign-in-failed")
    assert (await ada.session())["user"]["name"] == "ada"
