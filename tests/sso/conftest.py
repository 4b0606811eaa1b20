"""A real provider for the run, and replicas of Knote that sign in there."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from knote.app import create_app
from knote.clock import Clock, utc_now
from knote.settings import Settings
from servers.provider import SignOnProvider
from servers.stack import ensure_running
from sso.browser import CALLBACK, KNOTE, Browser

OpenReplica = Callable[..., Any]


def database_of(settings: Settings, admin: AsyncMongoClient[Any]) -> Any:
    """The database of the test."""
    return admin[settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]]


@pytest.fixture(scope="session")
async def provider_of_run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SignOnProvider]:
    """The one provider of the run, whoever stops it meanwhile."""
    provider = SignOnProvider(tmp_path_factory.mktemp("provider"), KNOTE + CALLBACK)
    await ensure_running(provider)
    yield provider
    await provider.kill()


@pytest.fixture
async def provider(provider_of_run: SignOnProvider) -> SignOnProvider:
    """The provider, running and honest; a test may stop it, and have it forge."""
    await ensure_running(provider_of_run)
    await provider_of_run.forge()
    return provider_of_run


@pytest.fixture
def settings_with_provider(settings: Settings, provider: SignOnProvider) -> Settings:
    """Accounts, single sign-on, and whoever comes may make an account."""
    return settings.model_copy(
        update={
            "auth": "accounts",
            "sign_up": "open",
            "public_url": KNOTE,
            "oidc_issuer": provider.issuer,
            "oidc_client_id": provider.client_id,
            "oidc_client_secret": SecretStr(provider.client_secret),
            "oidc_name": "Example",
        }
    )


@pytest.fixture
async def open_replica(settings_with_provider: Settings) -> AsyncIterator[OpenReplica]:
    """Starts another application over the same stores, with some settings changed, at another time."""
    async with AsyncExitStack() as stack:

        async def open_(*, clock: Clock = utc_now, **changes: Any) -> FastAPI:
            changed = settings_with_provider.model_copy(update=changes)
            manager = LifespanManager(create_app(changed, clock=clock))
            return (await stack.enter_async_context(manager)).app  # type: ignore[return-value]

        yield open_


@pytest.fixture
async def replica(open_replica: OpenReplica) -> FastAPI:
    """One application."""
    return await open_replica()  # type: ignore[no-any-return]


@pytest.fixture
async def browser(replica: FastAPI) -> AsyncIterator[Browser]:
    """A browser in which nobody is signed in."""
    async with Browser(replica) as browser:
        yield browser


@pytest.fixture
async def other_browser(replica: FastAPI) -> AsyncIterator[Browser]:
    """Somebody else's."""
    async with Browser(replica) as browser:
        yield browser
