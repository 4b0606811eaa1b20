"""What a provider, or somebody in between, says wrong: nobody is signed in by it, and nobody is made."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pymongo import AsyncMongoClient

from knote.clock import utc_now
from knote.settings import Settings
from servers.provider import SignOnProvider
from sso.browser import CALLBACK, KNOTE, Browser, query_of
from sso.conftest import OpenReplica, database_of

OWN_COOKIE = "__Host-knote-sign-on"
FORGERIES = (
    "expired",
    "from-the-future",
    "another-audience",
    "further-audience",
    "another-party",
    "another-issuer",
    "another-nonce",
    "no-nonce",
    "no-expiry",
    "no-subject",
    "another-subject",
    "another-access-token",
    "alg-none",
    "alg-hs256",
    "another-key",
    "unknown-key",
    "no-token",
    "not-a-token",
)


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_token_that_does_not_hold_signs_nobody_in(
    forgery: str,
    browser: Browser,
    provider: SignOnProvider,
    settings: Settings,
    mongo_admin: AsyncMongoClient[Any],
) -> None:
    await provider.forge(forgery)
    assert (
        await browser.sign_on("grace", return_to="/notes/a")
        == "/sign-in?error=sso-failed&return_to=%2Fnotes%2Fa"
    )
    assert (await browser.session())["user"] is None
    assert await database_of(settings, mongo_admin)["users"].count_documents({}) == 0
    # The same browser, and an honest answer: nothing was left behind.
    await provider.forge()
    assert await browser.sign_on("grace", return_to="/notes/a") == "/notes/a"


async def test_what_is_signed_by_hand_and_right_signs_in(browser: Browser, provider: SignOnProvider) -> None:
    await provider.forge("right")
    assert await browser.sign_on("grace") == "/"


async def test_a_name_in_the_token_is_used(browser: Browser, provider: SignOnProvider) -> None:
    await provider.forge("named-in-token")
    await browser.sign_on("grace")
    assert (await browser.session())["user"]["name"] == "Ada of the Token"


async def test_the_profile_of_another_names_nobody(browser: Browser, provider: SignOnProvider) -> None:
    await provider.forge("profile-of-another")
    await browser.sign_on("grace")
    assert (await browser.session())["user"]["name"] == "user"


async def test_a_way_back_leads_in_once(browser: Browser) -> None:
    back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
    assert await browser.walk(back, "") == "/"
    await browser.client.delete("/api/v1/session")
    assert await browser.walk(back, "") == "/sign-in?error=sso-expired"
    assert (await browser.session())["user"] is None


async def test_a_way_back_leads_nobody_in_who_did_not_begin_it(
    browser: Browser, other_browser: Browser
) -> None:
    back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
    # Without a cookie, with one that was made up, and with the cookie of another sign-in.
    assert await other_browser.walk(back, "") == "/sign-in?error=sso-expired"
    other_browser.client.cookies.set(OWN_COOKIE, "A" * 43, domain="knote.local", path="/")
    assert await other_browser.walk(back, "") == "/sign-in?error=sso-expired"
    other_browser.client.cookies.clear()
    await other_browser.sign_on("mallory", until=KNOTE + CALLBACK)
    assert await other_browser.walk(back, "") == "/sign-in?error=sso-expired"
    assert (await other_browser.session())["user"] is None
    # All of which takes nothing from who did.
    assert await browser.walk(back, "") == "/"


async def test_the_code_of_one_sign_in_is_worth_nothing_in_another(
    browser: Browser, other_browser: Browser
) -> None:
    stolen = query_of(await other_browser.sign_on("victim", until=KNOTE + CALLBACK))["code"]
    own = httpx.URL(await browser.sign_on("mallory", until=KNOTE + CALLBACK))
    assert await browser.walk(str(own.copy_set_param("code", stolen)), "") == "/sign-in?error=sso-failed"
    assert (await browser.session())["user"] is None


async def test_a_code_that_was_used_is_worth_nothing(browser: Browser) -> None:
    back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
    code = query_of(back)["code"]
    assert await browser.walk(back, "") == "/"
    await browser.client.delete("/api/v1/session")
    again = httpx.URL(await browser.sign_on("grace", until=KNOTE + CALLBACK)).copy_set_param("code", code)
    assert await browser.walk(str(again), "") == "/sign-in?error=sso-failed"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "A" * 43}, "expired"),
        ({"state": ""}, "expired"),
        ({"code": ""}, "failed"),
        ({"code": "nonsense"}, "failed"),
        ({"iss": "https://another.example"}, "failed"),
        ({"iss": ""}, "failed"),
        ({"iss": None}, "failed"),  # the provider says that it always sends one
        ({"error": "access_denied"}, "cancelled"),
        ({"error": "server_error"}, "unavailable"),
        ({"error": "invalid_scope<script>"}, "failed"),
        ({"error": "access_denied", "iss": "https://another.example"}, "failed"),
    ],
)
async def test_a_way_back_that_was_changed_leads_nobody_in(
    browser: Browser, change: dict[str, str | None], reason: str
) -> None:
    back = httpx.URL(await browser.sign_on("grace", until=KNOTE + CALLBACK))
    for name, value in change.items():
        back = back.copy_remove_param(name) if value is None else back.copy_set_param(name, value)
    assert await browser.walk(str(back), "") == f"/sign-in?error=sso-{reason}"
    assert (await browser.session())["user"] is None


async def test_who_thinks_better_of_it_is_told_so(browser: Browser) -> None:
    assert await browser.sign_on("", return_to="/account") == (
        "/sign-in?error=sso-cancelled&return_to=%2Faccount"
    )


async def test_a_sign_in_is_over_after_ten_minutes(browser: Browser, open_replica: OpenReplica) -> None:
    back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
    browser.replica = await open_replica(clock=lambda: utc_now() + timedelta(minutes=10, seconds=1))
    assert await browser.walk(back, "") == "/sign-in?error=sso-expired"


@pytest.mark.parametrize("forgery", ["metadata-of-another", "unsafe-endpoint"])
async def test_a_provider_that_is_not_the_one_of_the_settings_is_not_gone_to(
    forgery: str, browser: Browser, provider: SignOnProvider
) -> None:
    await provider.forge(forgery)
    assert await browser.sign_on("grace") == "/sign-in?error=sso-unavailable"


async def test_a_gateways_page_in_place_of_a_token_is_an_outage(
    replica: FastAPI, provider: SignOnProvider
) -> None:
    async with Browser(replica) as browser:
        back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
        await provider.forge("not-json")
        assert await browser.walk(back, "") == "/sign-in?error=sso-unavailable"
