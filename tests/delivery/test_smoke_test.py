"""deploy/smoke-test, through web, against an open notebook and one of accounts."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from delivery.line import Line
from delivery.web import Web
from knote.accounts import add_user
from knote.settings import Settings
from servers.process import CHECKOUT
from wire.replica import Replica, ready_replica


@pytest.fixture
async def replica(
    settings: Settings, s3_line: Line, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Replica]:
    """A replica of the mode that the test names."""
    stores = settings.model_copy(update={"minio_host": f"http://{s3_line.address}"})
    more = {"KNOTE_PICTURE_DELIVERY": "accel", "KNOTE_AUTH": request.param}
    async with ready_replica(stores, tmp_path, **more) as one:
        yield one


async def smoke_test(web: Web, **environment: str) -> subprocess.CompletedProcess[str]:
    """One run of it, whatever comes of it."""
    return await asyncio.to_thread(
        subprocess.run,
        [str(CHECKOUT / "deploy" / "smoke-test"), "none"],
        env={"PATH": os.environ["PATH"], "URL": web.url, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("replica", ["open"], indirect=True)
async def test_it_publishes_into_an_open_notebook(web: Web) -> None:
    run = await smoke_test(web, AUTH="open")
    assert run.returncode == 0, run.stderr
    assert "a note and its picture, ten times over" in run.stdout


@pytest.mark.parametrize("replica", ["accounts"], indirect=True)
async def test_without_a_token_it_proves_that_everything_is_closed(web: Web) -> None:
    run = await smoke_test(web, AUTH="accounts")
    assert run.returncode == 0, run.stderr
    assert "nothing of anybody's without a sign-in" in run.stdout


@pytest.mark.parametrize("replica", ["accounts"], indirect=True)
async def test_with_a_token_it_publishes_for_nobody_else_to_see(web: Web, settings: Settings) -> None:
    run = await smoke_test(web, AUTH="accounts", TOKEN=await token(web, settings))
    assert run.returncode == 0, run.stderr
    assert "a note and its picture, ten times over" in run.stdout


async def token(web: Web, settings: Settings) -> str:
    """A token of a new account that may write."""
    account = {"name": "smoke", "password": "a puff of it, and no fire"}
    await add_user(settings, **account, is_admin=False)
    page = {"Sec-Fetch-Site": "same-origin"}
    async with web.open(headers=page) as client:
        answer = await client.post("/api/v1/session", json=account)
        assert answer.status_code == 201, answer.text
        # By hand: without TLS no client sends it.
        cookie = {"Cookie": f"__Host-knote={answer.cookies['__Host-knote']}"}
        wanted = {"name": "smoke test", "access": "write", "expires_in_days": 1}
        answer = await client.post("/api/v1/tokens", json=wanted, headers=cookie)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


@pytest.mark.parametrize("replica", ["accounts"], indirect=True)
async def test_a_token_that_is_not_good_fails_it(web: Web) -> None:
    run = await smoke_test(web, TOKEN="knote_of-nobody")
    assert run.returncode != 0
    assert "401" in run.stderr


@pytest.mark.parametrize("replica", ["open"], indirect=True)
async def test_the_other_mode_than_was_asked_for_fails_it(web: Web) -> None:
    run = await smoke_test(web, AUTH="accounts", TRIES="1")
    assert run.returncode != 0
    assert "KNOTE_AUTH is open, not accounts" in run.stderr
