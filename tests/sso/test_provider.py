"""A provider that changes its keys, is away, or was set up by halves."""

import json
import time
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from api.conftest import PASSWORD
from api.expect import expect_problem
from knote.accounts import add_user
from knote.app import create_app
from knote.errors import Misconfigured
from knote.settings import Settings
from servers.provider import SignOnProvider
from sso.browser import CALLBACK, KNOTE, START, Browser
from sso.conftest import OpenReplica

ADA = {"name": "ada", "password": PASSWORD}


async def test_new_keys_are_asked_for_when_they_are_first_used(
    browser: Browser, other_browser: Browser, provider: SignOnProvider
) -> None:
    assert await browser.sign_on("grace") == "/"
    await provider.restart()  # which makes new keys
    assert await other_browser.sign_on("grace") == "/"
    assert (await other_browser.session())["user"] == (await browser.session())["user"]


async def test_a_provider_that_is_away_is_told_of_in_words_and_passwords_go_on(
    open_replica: OpenReplica, provider: SignOnProvider, settings: Settings
) -> None:
    await add_user(settings, "ada", PASSWORD, is_admin=False)
    async with Browser(await open_replica()) as browser:
        back = await browser.sign_on("grace", until=KNOTE + CALLBACK)
        await provider.stop()
        browser.replica = await open_replica()  # which has not asked it yet
        began = time.monotonic()
        assert await browser.sign_on("grace", return_to="/notes/a") == (
            "/sign-in?error=sso-unavailable&return_to=%2Fnotes%2Fa"
        )
        assert await browser.walk(back, "") == "/sign-in?error=sso-unavailable"
        answer = await browser.client.post(START, json={})
        problem = expect_problem(answer, 503, "sign-on-unavailable")
        assert answer.headers["retry-after"] == "2"
        assert "password" in problem["detail"]
        assert time.monotonic() - began < 5
        assert (await browser.client.post("/api/v1/session", json=ADA)).status_code == 201
        assert (await browser.session())["single_sign_on"]["name"] == "Example"
        answer = await browser.client.post("/api/v1/account/identities", json={})
        expect_problem(answer, 503, "sign-on-unavailable")
        ready = (await browser.client.get("/readyz")).json()
        assert ready["status"] == "ok"
        await provider.start()
        assert await browser.sign_on("grace") == "/"


async def test_a_provider_that_leads_elsewhere_is_not_followed(
    browser: Browser, provider: SignOnProvider
) -> None:
    await provider.forge("elsewhere")
    assert await browser.sign_on("grace") == "/sign-in?error=sso-unavailable"


async def test_a_replica_starts_while_the_provider_is_away(
    open_replica: OpenReplica, provider: SignOnProvider
) -> None:
    await provider.stop()
    async with Browser(await open_replica()) as browser:
        assert (await browser.client.get("/readyz")).status_code == 200
        await provider.start()
        assert await browser.sign_on("grace") == "/"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"oidc_client_id": ""}, "KNOTE_OIDC_CLIENT_ID"),
        ({"public_url": ""}, "KNOTE_PUBLIC_URL"),
        ({"public_url": "http://knote.example.com"}, "KNOTE_PUBLIC_URL"),
    ],
)
def test_a_provider_set_up_by_halves_is_none_to_start_with(
    changes: dict[str, Any], named: str, settings_with_provider: Settings
) -> None:
    with pytest.raises(Misconfigured) as raised:
        create_app(settings_with_provider.model_copy(update=changes))
    assert named in raised.value.detail
    # In an open notebook nobody signs in.
    create_app(settings_with_provider.model_copy(update={**changes, "auth": "open"}))


@pytest.mark.parametrize(
    "issuer",
    ["http://login.example.com", "login.example.com", "https://", "https://a.example/#b", "http://["],
)
def test_an_issuer_that_nobody_can_trust_is_no_setting(issuer: str) -> None:
    with pytest.raises(ValidationError):
        Settings(oidc_issuer=issuer)


def test_the_secret_of_the_client_is_not_shown() -> None:
    settings = Settings(oidc_client_secret=SecretStr("very-secret"))
    assert "very-secret" not in repr(settings) + json.dumps(settings.model_dump(mode="json"))
