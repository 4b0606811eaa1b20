"""Further instances of the application over the stores of the test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager

from knote.accounts import add_user
from knote.app import create_app
from knote.clock import Clock, utc_now
from knote.settings import Settings

PASSWORD = "correct horse battery"
OpenClient = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def open_client(settings: Settings) -> OpenClient:
    """Opens a client of another application instance, with some settings changed, at another time."""

    @asynccontextmanager
    async def open_(*, clock: Clock = utc_now, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        changed = settings.model_copy(update=changes)
        async with LifespanManager(create_app(changed, clock=clock)) as manager:
            transport = httpx.ASGITransport(app=manager.app)
            async with httpx.AsyncClient(transport=transport, base_url="https://knote") as client:
                yield client

    return open_


@pytest.fixture
def open_signed_in(open_client: OpenClient, settings: Settings) -> OpenClient:
    """Makes an account of that name, unless there is one, and opens a client that is signed in to it."""
    made: set[str] = set()

    @asynccontextmanager
    async def open_(name: str, *, is_admin: bool = False, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        if name not in made:
            made.add(name)
            await add_user(settings, name, PASSWORD, is_admin=is_admin)
        async with open_client(auth="accounts", **changes) as client:
            client.headers["Sec-Fetch-Site"] = "same-origin"
            answer = await client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 201, answer.text
            yield client

    return open_


@pytest.fixture(params=["open", "accounts"])
def mode(request: pytest.FixtureRequest) -> str:
    """A test that asks for it runs with an open notebook, and with accounts."""
    return str(request.param)


@pytest.fixture
def open_in_mode(mode: str, open_client: OpenClient, open_signed_in: OpenClient) -> OpenClient:
    """Opens a client that may write: in an open notebook, or signed in."""

    @asynccontextmanager
    async def open_(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        opened = open_client(**changes) if mode == "open" else open_signed_in("ada", **changes)
        async with opened as client:
            yield client

    return open_


@pytest.fixture
async def other_client(open_client: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a second replica: another application over the same stores."""
    async with open_client() as client:
        yield client
