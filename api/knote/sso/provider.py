"""The OpenID Connect provider, over HTTP: the only module that asks it anything."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from knote.clock import Clock
from knote.errors import SignOnRefused, SignOnUnavailable
from knote.settings import Settings, is_safe_address
from knote.sso.id_token import verified
from knote.sso.identity import Identity

logger = logging.getLogger(__name__)

CALLBACK = "/api/v1/sso/callback"
_TIMEOUT_SECONDS = 5.0
# Asked anew for each sign-in that begins, so that a provider that is away is told of here, in words. Not
# more often, whoever begins how many.
_FRESH_SECONDS = 2.0
_OLD_SECONDS = 3600.0
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# The claims that may name somebody, the most telling one first.
_NAMES = ("preferred_username", "nickname", "name", "given_name")


class Provider:
    """The provider that the settings name. Methods raise `SignOnUnavailable` while it does not answer."""

    def __init__(self, client: AsyncOAuth2Client, settings: Settings, clock: Clock) -> None:
        self.issuer = settings.oidc_issuer
        self._client = client
        self._client_id = settings.oidc_client_id
        self._clock = clock
        self._metadata: dict[str, Any] = {}
        self._metadata_at = float("-inf")
        self._keys: KeySet | None = None
        self._keys_at = float("-inf")
        self._asking = asyncio.Lock()

    async def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent to sign in."""
        metadata = await self._ask_metadata(_FRESH_SECONDS)
        url, _ = self._client.create_authorization_url(
            metadata["authorization_endpoint"], state=state, code_verifier=verifier, nonce=nonce
        )
        return url

    async def check_issuer(self, issuer: str | None) -> None:
        """Raises `SignOnRefused` when an answer is another provider's, by RFC 9207."""
        metadata = await self._ask_metadata(_OLD_SECONDS)
        is_promised = metadata.get("authorization_response_iss_parameter_supported") is True
        if issuer != self.issuer and (issuer is not None or is_promised):
            raise _failed("another_issuer")

    async def identity(self, code: str, *, nonce: str, verifier: str) -> Identity:
        """Who has signed in there. Raises `SignOnRefused` when what the provider says does not hold."""
        metadata = await self._ask_metadata(_OLD_SECONDS)
        with _provider_errors():
            token = await self._client.fetch_token(
                metadata["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                auth=self._client.client_auth(self._method(metadata)),
            )
        claims = await self._verified(token, metadata, nonce)
        subject = claims["sub"]
        name = _name_in(claims) or _name_in(await self._profile(token, metadata, subject)) or ""
        return Identity(self.issuer, subject, name)

    def _method(self, metadata: dict[str, Any]) -> str:
        """How to prove who asks for tokens: by a header, unless the provider takes it in the body alone."""
        if not self._client.client_secret:
            return "none"
        taken = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        is_basic = "client_secret_basic" in taken or "client_secret_post" not in taken
        return "client_secret_basic" if is_basic else "client_secret_post"

    async def _verified(self, token: dict[str, Any], metadata: dict[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of the ID token, by the provider's keys, asked anew when none of them fits."""

        def by(keys: KeySet) -> dict[str, Any]:
            return verified(
                str(token.get("id_token", "")),
                keys,
                metadata=metadata,
                client_id=self._client_id,
                nonce=nonce,
                access_token=token.get("access_token"),
                now=self._clock(),
            )

        keys = self._keys if time.monotonic() - self._keys_at < _OLD_SECONDS else None
        try:
            if keys is not None:
                with suppress(InvalidKeyIdError, BadSignatureError):
                    return by(keys)
            return by(await self._ask_keys(metadata["jwks_uri"]))
        except JoseError as error:
            raise _failed(error.error) from error
        except (TypeError, ValueError) as error:  # a token that is none at all
            raise _failed("malformed") from error

    async def _ask_keys(self, url: str) -> KeySet:
        """The keys that the provider signs with now."""
        with _provider_errors():
            found = await self._get(url)
            if not isinstance(found.get("keys"), list):
                raise ValueError("not a set of keys")  # noqa: TRY004 - as below
            self._keys = KeySet.import_key_set({"keys": found["keys"]})
        self._keys_at = time.monotonic()
        return self._keys

    async def _profile(self, token: dict[str, Any], metadata: dict[str, Any], subject: str) -> dict[str, Any]:
        """What else the provider says of them; nothing, where it says nothing: only a name hangs on it."""
        url, access_token = metadata.get("userinfo_endpoint"), token.get("access_token")
        if not access_token or not isinstance(url, str) or not is_safe_address(url):
            return {}
        try:
            profile = await self._get(url, headers={"Authorization": f"Bearer {access_token}"})
        except (httpx2.HTTPError, ValueError):
            return {}
        return profile if profile.get("sub") == subject else {}

    async def _ask_metadata(self, oldest_seconds: float) -> dict[str, Any]:
        """What the provider says of itself, no older than that."""
        async with self._asking:
            if time.monotonic() - self._metadata_at >= oldest_seconds:
                with _provider_errors():
                    metadata = await self._get(get_well_known_url(self.issuer, external=True))
                self._check(metadata)
                self._metadata, self._metadata_at = metadata, time.monotonic()
            return self._metadata

    def _check(self, metadata: dict[str, Any]) -> None:
        """Raises `SignOnUnavailable` for metadata that is not this provider's, or names unsafe addresses."""
        addresses = [metadata.get(name) for name in _ENDPOINTS]
        if metadata.get("issuer") != self.issuer:
            logger.error("KNOTE_OIDC_ISSUER is not, letter by letter, what the provider calls itself")
        elif all(isinstance(each, str) and is_safe_address(each) for each in addresses):
            return
        else:
            logger.error("the provider does not name an endpoint, or one that is not https")
        raise _unavailable()

    async def _get(self, url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        response = await self._client.request("GET", url, withhold_token=True, headers=headers)
        response.raise_for_status()
        found = response.json()
        if not isinstance(found, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - as where it is no JSON at all
        return found


@asynccontextmanager
async def open_provider(settings: Settings, clock: Clock) -> AsyncIterator[Provider]:
    """The provider that the settings name. Opening asks it nothing."""
    async with AsyncOAuth2Client(
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        scope="openid profile",
        redirect_uri=f"{settings.public_url}{CALLBACK}",
        code_challenge_method="S256",
        timeout=_TIMEOUT_SECONDS,
        follow_redirects=False,
    ) as client:
        yield Provider(client, settings, clock)


@contextmanager
def _provider_errors() -> Iterator[None]:
    """Turns what is raised when the provider is away, or says what does not hold, into our errors."""
    try:
        yield
    except OAuthError as error:
        raise _failed(str(error.error)) from error
    except (httpx2.HTTPError, JoseError, ValueError) as error:
        why = type(error).__name__
        logger.warning("the provider of single sign-on does not answer", extra={"why": why})
        raise _unavailable() from error


def _failed(why: str) -> SignOnRefused:
    # The provider's word for it, and nothing of what it sent.
    logger.warning("single sign-on failed", extra={"why": why[:60]})
    return SignOnRefused("Single sign-on failed. Try again, or sign in another way.", reason="failed")


def _unavailable() -> SignOnUnavailable:
    return SignOnUnavailable(
        "Single sign-on cannot be reached right now. Try again in a moment, or sign in with a password."
    )


def _name_in(claims: dict[str, Any]) -> str | None:
    """The name in these claims, if any."""
    names = (claims.get(each) for each in _NAMES)
    return next((name.strip() for name in names if isinstance(name, str) and name.strip()), None)
