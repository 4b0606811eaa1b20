"""The OpenID Connect provider of the tests: npm's `oidc-provider`, on loopback, installed by `make test`."""

import json
import secrets
import shutil
from pathlib import Path

import httpx

from knote.local.child import ChildServer
from knote.local.errors import LocalModeError

HOME = Path(__file__).resolve().parents[1] / "sso" / "provider"


class SignOnProvider(ChildServer):
    """One provider process. Each start makes new keys, as a provider that changes them all at once."""

    title = "the OpenID Connect provider"
    folder = "provider"
    port_names = ("http",)

    def __init__(
        self, data_dir: Path, redirect_uri: str, *, auth_method: str = "client_secret_basic"
    ) -> None:
        super().__init__(data_dir)
        self.client_id = "knote"
        self.client_secret = secrets.token_urlsafe(24)
        self.redirect_uri = redirect_uri
        self._auth_method = auth_method

    @property
    def issuer(self) -> str:
        """What `KNOTE_OIDC_ISSUER` takes."""
        return f"http://127.0.0.1:{self.ports['http']}"

    async def forge(self, what: str = "") -> None:
        """Forges each answer from now on; with nothing, none any more."""
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.put(f"{self.issuer}/forge/{what}")).raise_for_status()

    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        node = shutil.which("node")
        if node is None or not (HOME / "node_modules" / "oidc-provider").exists():
            raise LocalModeError(
                "There is no OpenID Connect provider here: `make test` installs it, with Node."
            )
        return [node, str(HOME / "provider.mjs")], {
            "PORT": str(self.ports["http"]),
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
            "REDIRECT_URIS": json.dumps([self.redirect_uri]),
            "AUTH_METHOD": self._auth_method,
            "NODE_NO_WARNINGS": "1",
        }

    async def _answers(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.get(f"{self.issuer}/.well-known/openid-configuration")).raise_for_status()
