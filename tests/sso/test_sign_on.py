"""Single sign-on at a real provider: who is signed in, to which account, and where they are led."""

import asyncio
import json
import logging
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from api.conftest import PASSWORD
from api.expect import expect_problem
from knote.accounts import add_user
from knote.settings import Settings
from knote.sso.store import having
from servers.provider import SignOnProvider
from sso.browser import CALLBACK, KNOTE, START, Browser, query_of
from sso.conftest import OpenReplica, database_of

COOKIE, OWN_COOKIE = "__Host-knote", "__Host-knote-sign-on"
ACCOUNT, SESSION = "/api/v1/account", "/api/v1/session"


async def test_somebody_new_gets_an_account_and_is_led_back(browser: Browser) -> None:
    assert await browser.sign_on("grace", return_to="/notes/abc?q=1#top") == "/notes/abc?q=1"
    session = await browser.session()
    assert (session["user"]["name"], session["user"]["is_admin"]) == ("grace", False)
    account = await browser.account()
    assert account["has_password"] is False
    (identity,) = account["identities"]
    assert identity["name"] == "grace"
    assert identity["issuer"].startswith("http://127.0.0.1:")
    note = await browser.client.post("/api/v1/notes", json={"content": "Mine"})
    assert note.status_code == 201


async def test_the_session_says_where_else_one_may_sign_in(browser: Browser) -> None:
    session = await browser.session()
    assert session["single_sign_on"] == {"name": "Example", "url": START}
    assert session["user"] is None


async def test_the_same_identity_signs_in_to_the_same_account_from_anywhere(
    browser: Browser, other_browser: Browser, open_replica: OpenReplica
) -> None:
    await browser.sign_on("grace")
    other_browser.replica = await open_replica(sign_up="closed")
    assert await other_browser.sign_on("grace") == "/"
    assert (await other_browser.session())["user"] == (await browser.session())["user"]


async def test_an_unknown_identity_is_refused_where_sign_up_is_closed(
    open_replica: OpenReplica, settings: Settings, mongo_admin: AsyncMongoClient[Any]
) -> None:
    async with Browser(await open_replica(sign_up="closed")) as browser:
        page = await browser.sign_on("grace", return_to="/notes/abc")
        assert page == "/sign-in?error=sso-no-account&return_to=%2Fnotes%2Fabc"
        assert (await browser.session())["user"] is None
    assert await database_of(settings, mongo_admin)["users"].count_documents({}) == 0


async def test_neither_an_address_nor_a_name_opens_somebody_elses_account(
    browser: Browser, settings: Settings
) -> None:
    # The provider says of everybody that ada@example.org is their verified address.
    for name in ("ada", "ada@example.org", "ada-2"):
        await add_user(settings, name, PASSWORD, is_admin=True)
    await browser.sign_on("ada")
    user = (await browser.session())["user"]
    assert (user["name"], user["is_admin"]) == ("ada-3", False)
    assert (await browser.account())["usage"]["notes"] == 0


@pytest.mark.parametrize(
    ("login", "name"), [("<Ada> | Lovelace!", "Ada  Lovelace"), ("--~*", "user"), ("x" * 300, None)]
)
async def test_a_name_of_the_provider_becomes_one_that_is_allowed(
    browser: Browser, login: str, name: str | None
) -> None:
    page = await browser.sign_on(login)
    if name is None:  # a subject longer than OpenID Connect allows
        assert page == "/sign-in?error=sso-failed"
        return
    assert page == "/"
    assert (await browser.session())["user"]["name"] == name


async def test_two_who_come_at_once_with_one_identity_get_one_account(
    replica: FastAPI, settings: Settings, mongo_admin: AsyncMongoClient[Any]
) -> None:
    browsers = [Browser(replica) for _ in range(4)]
    ways_back = [await each.sign_on("grace", until=KNOTE + CALLBACK) for each in browsers]
    pages = await asyncio.gather(
        *(each.walk(back, "grace") for each, back in zip(browsers, ways_back, strict=True))
    )
    assert pages == ["/"] * 4
    users = [(await each.session())["user"]["id"] for each in browsers]
    assert len(set(users)) == 1
    assert await database_of(settings, mongo_admin)["users"].count_documents({}) == 1
    for each in browsers:
        await each.client.aclose()


async def test_what_one_replica_began_another_ends(browser: Browser, open_replica: OpenReplica) -> None:
    back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
    browser.replica = await open_replica()
    assert await browser.walk(back, "grace") == "/"
    assert (await browser.session())["user"]["name"] == "grace"


async def test_the_session_is_like_one_by_password(
    browser: Browser, settings: Settings, mongo_admin: AsyncMongoClient[Any]
) -> None:
    await add_user(settings, "ada", PASSWORD, is_admin=False)
    answer = await browser.client.post(SESSION, json={"name": "ada", "password": PASSWORD})
    by_password = answer.headers["set-cookie"].split("; ", 1)[1]
    before = browser.client.cookies[COOKIE]
    back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
    led = await browser.client.get(back)
    assert led.status_code == 302
    assert led.headers["cache-control"] == "no-store"
    assert led.headers["referrer-policy"] == "no-referrer"
    assert led.headers["set-cookie"].split("; ", 1)[1] == by_password
    assert browser.client.cookies[COOKIE] != before
    # And the session that the browser had before is over.
    sessions = database_of(settings, mongo_admin)["sessions"]
    assert await sessions.count_documents({}) == 1
    browser.client.cookies.set(COOKIE, before, domain="knote.local", path="/")
    assert (await browser.session())["user"] is None


async def test_a_browser_is_bound_by_a_cookie_for_this_host_alone(browser: Browser) -> None:
    answer = await browser.client.get(START)
    assert answer.status_code == 302
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{OWN_COOKIE}=")
    assert cookie.split("; ")[1:] == ["HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax", "Secure"]
    asked = query_of(answer.headers["location"])
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == KNOTE + CALLBACK
    assert asked["scope"] == "openid profile"
    assert len(asked["state"]) == len(asked["nonce"]) == len(asked["code_challenge"]) == 43


async def test_two_tabs_may_sign_in_at_once(browser: Browser) -> None:
    one = await browser.sign_on("grace", return_to="/notes/one", until=KNOTE + CALLBACK)
    two = await browser.sign_on("grace", return_to="/notes/two", until=KNOTE + CALLBACK)
    assert await browser.walk(one, "") == "/notes/one"
    assert await browser.walk(two, "") == "/notes/two"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/ /evil.example",
        "javascript:alert(1)",
        "notes/abc",
        "",
        "/api/v1/sso/start",
        "/API/v1/pictures/x",
        "/" + "x" * 3000,
        "/ü",
    ],
)
async def test_nobody_is_led_elsewhere(browser: Browser, elsewhere: str) -> None:
    assert await browser.sign_on("grace", return_to=elsewhere) == "/"


async def test_a_disabled_account_stays_closed(
    browser: Browser, settings: Settings, mongo_admin: AsyncMongoClient[Any]
) -> None:
    await browser.sign_on("grace")
    await database_of(settings, mongo_admin)["users"].update_one({}, {"$set": {"is_disabled": True}})
    assert await browser.sign_on("grace") == "/sign-in?error=sso-disabled"
    assert (await browser.session())["user"] is None


async def test_a_provider_that_takes_the_secret_in_the_body_alone(
    open_replica: OpenReplica, tmp_path_factory: pytest.TempPathFactory
) -> None:
    provider = SignOnProvider(
        tmp_path_factory.mktemp("provider"), KNOTE + CALLBACK, auth_method="client_secret_post"
    )
    await provider.start()
    try:
        await provider.forge("body-alone")
        replica = await open_replica(
            oidc_issuer=provider.issuer, oidc_client_secret=SecretStr(provider.client_secret)
        )
        async with Browser(replica) as browser:
            assert await browser.sign_on("grace") == "/"
    finally:
        await provider.kill()


async def test_what_was_done_stands_in_the_log_and_no_secret_does(
    browser: Browser, provider: SignOnProvider, caplog: pytest.LogCaptureFixture
) -> None:
    # As production has it: what other libraries would say of each command and header is never asked for.
    for name in ("knote", "httpx2"):
        caplog.set_level(logging.DEBUG, logger=name)
    back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
    await browser.walk(back, "grace")
    assert await browser.walk(back, "grace") == "/sign-in?error=sso-expired"
    lines = [record for record in caplog.records if record.name == "knote.audit"]
    assert [line.getMessage() for line in lines] == ["signed_up", "sign_in", "sign_in_failed"]
    user = (await browser.session())["user"]["id"]
    signed_up, signed_in, failed = (line.__dict__ for line in lines)
    assert signed_up["user"] == signed_up["by"] == signed_in["user"] == user
    assert failed["reason"] == "expired"
    ours = [record for record in caplog.records if record.name.partition(".")[0] in {"knote", "httpx2"}]
    written = json.dumps([{**record.__dict__, "exc_info": None} for record in ours], default=str)
    secrets = [query_of(back)["code"], query_of(back)["state"], provider.client_secret]
    secrets += [browser.client.cookies[name] for name in (COOKIE, OWN_COOKIE)]
    assert not [secret for secret in secrets if secret in written]


async def test_what_is_kept_of_a_sign_in_is_not_what_comes_back(
    browser: Browser, settings: Settings, mongo_admin: AsyncMongoClient[Any]
) -> None:
    back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
    sign_ins = database_of(settings, mongo_admin)["sign_ins"]
    (kept,) = await sign_ins.find({}).to_list()
    written = json.dumps(kept, default=str)
    assert query_of(back)["state"] not in written
    assert browser.client.cookies[OWN_COOKIE] not in written
    assert {"expires_at": 1} in [dict(index["key"]) async for index in await sign_ins.list_indexes()]
    await browser.walk(back, "grace")
    assert await sign_ins.count_documents({}) == 0


async def test_an_identity_is_found_by_an_index(
    browser: Browser, settings: Settings, mongo_admin: AsyncMongoClient[Any]
) -> None:
    await browser.sign_on("grace")
    plan = await database_of(settings, mongo_admin).command(
        "explain",
        {"find": "users", "filter": having("https://a.example", "b")},
        verbosity="queryPlanner",
    )
    assert "'indexName': 'identity'" in str(plan["queryPlanner"]["winningPlan"])


async def test_without_a_provider_or_accounts_there_is_no_single_sign_on(open_replica: OpenReplica) -> None:
    for changes in ({"oidc_issuer": ""}, {"auth": "open"}):
        async with Browser(await open_replica(**changes)) as browser:
            assert (await browser.session())["single_sign_on"] is None
            for method, path in (("GET", START), ("GET", CALLBACK), ("POST", START)):
                answer = await browser.client.request(method, path, json={} if method == "POST" else None)
                expect_problem(answer, 404, "not-found")


async def test_another_site_cannot_begin_one_in_somebodys_name(browser: Browser) -> None:
    browser.client.headers["Sec-Fetch-Site"] = "cross-site"
    expect_problem(await browser.client.post(START, json={}), 403, "cross-site")
    expect_problem(await browser.client.post(f"{ACCOUNT}/identities", json={}), 401, "sign-in-required")
