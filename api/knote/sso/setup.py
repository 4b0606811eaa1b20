"""Single sign-on as the settings ask for it.

What speaks with a provider is a part of what a replica would load: without single sign-on it is not loaded.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from knote.clock import Clock
from knote.errors import Misconfigured
from knote.settings import Settings, is_safe_address

if TYPE_CHECKING:
    from knote.sso.provider import Provider


def check_single_sign_on(settings: Settings) -> None:
    """Raises `Misconfigured` when single sign-on is set up by halves; asks nobody."""
    if not settings.has_single_sign_on:
        return
    if not settings.oidc_client_id:
        raise Misconfigured("KNOTE_OIDC_ISSUER needs KNOTE_OIDC_CLIENT_ID, which the provider gave you.")
    if not is_safe_address(settings.public_url):
        raise Misconfigured(
            "KNOTE_OIDC_ISSUER needs KNOTE_PUBLIC_URL, the https URL of Knote that the provider sends "
            "browsers back to."
        )


@asynccontextmanager
async def open_sign_on(settings: Settings, clock: Clock) -> "AsyncIterator[Provider | None]":
    """The provider of the settings, or None where they name none."""
    if not settings.has_single_sign_on:
        yield None
        return
    from knote.sso.provider import open_provider  # noqa: PLC0415 - see above

    async with open_provider(settings, clock) as provider:
        yield provider
