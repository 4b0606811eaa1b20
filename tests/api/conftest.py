"""Further instances of the application over the stores of the test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager

from knote.app import create_app
from knote.settings import Settings

OpenClient = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def open_client(settings: Settings) -> OpenClient:
    """Opens a client of another application instance, with some settings changed."""

    @asynccontextmanager
    async def open_(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        changed = settings.model_copy(update=changes)
        async with LifespanManager(create_app(changed)) as manager:
            transport = httpx.ASGITransport(app=manager.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://knote") as client:
                yield client

    return open_


@pytest.fixture
async def other_client(open_client: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a second replica: another application over the same stores."""
    async with open_client() as client:
        yield client
