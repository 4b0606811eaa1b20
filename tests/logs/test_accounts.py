"""A real replica with accounts: no secret that passes through it is in its log, its errors or its figures."""

from pathlib import Path
from typing import Any

import httpx

from api.acts import bearer
from knote.accounts import add_user
from knote.local.mongod import MongoServer
from knote.settings import Settings
from logs.commands import environment_of, log_lines
from wire.replica import ready_replica

V1 = "/api/v1"
PASSWORD, OTHER, WRONG = "zqxjkv horse battery", "zqxjkv quite another", "zqxjkv that is wrong"
SETUP = "zqxjkv-of-the-operator"
OURS = {"Sec-Fetch-Site": "same-origin"}


class Told:
    """A client that keeps every answer which is an error, and every secret that it sent or was given."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.secrets = {"zqxjkv"}
        self.statuses: set[int] = set()
        self.errors = ""

    async def __call__(self, method: str, path: str, headers: dict[str, str], **body: Any) -> httpx.Response:
        """Sends one request."""
        self._client.cookies.clear()
        options: dict[str, Any] = {"json": body} if body else {}
        answer = await self._client.request(method, f"{V1}{path}", headers={**OURS, **headers}, **options)
        self.statuses.add(answer.status_code)
        self.errors += answer.text if answer.is_error else ""
        self.secrets |= {cookie.value for cookie in answer.cookies.jar if cookie.value}
        return answer

    async def sign_in(self, **body: str) -> dict[str, str]:
        """The cookie of a session."""
        answer = await self("POST", "/session", {}, **body)
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}

    def keep(self, secret: str) -> str:
        """Takes note of a secret."""
        assert len(secret) >= 43
        self.secrets.add(secret)
        return secret


async def test_no_secret_of_an_account_is_told(
    settings: Settings, mongo: MongoServer, tmp_path: Path
) -> None:
    await add_user(settings, "ada", PASSWORD, is_admin=True)
    environment = {**environment_of(settings), "KNOTE_AUTH": "accounts", "KNOTE_SETUP_TOKEN": SETUP}
    async with ready_replica(settings, tmp_path, **environment) as one, one.open() as client:
        ask = Told(client)
        ada = await ask.sign_in(name="ada", password=PASSWORD)
        await ask("POST", "/session", {}, name="ada", password=WRONG)
        await ask("POST", "/session", {}, name=WRONG, password=WRONG)
        await ask("POST", "/session", {}, name="ada", password={"is": WRONG})
        await ask("POST", "/setup", {}, setup_token=SETUP, name="eve", password=PASSWORD)
        token = (await ask("POST", "/tokens", ada, name="CI", access="read", expires_in_days=None)).json()
        secret = ask.keep(token["token"])
        note = (await ask("POST", "/notes", ada, content="x")).json()["id"]
        share = (await ask("POST", f"/notes/{note}/shares", ada, expires_in_days=None)).json()
        link = ask.keep(share["url"].partition("#")[2])
        invite = ask.keep(
            (await ask("POST", "/invites", ada, is_admin=False)).json()["url"].partition("#")[2]
        )
        for headers in (bearer(secret), bearer(secret[:-1] + "!"), bearer(link), bearer(invite), ada):
            await ask("GET", "/notes", headers)
            await ask("POST", "/notes", headers, content="y")
            await ask("GET", f"/shared/{share['id']}", headers)
        await ask("POST", "/users", {}, name="bob", password="zqxjkv", invite=invite)
        await ask("POST", "/users", {}, name="bob", password=OTHER, invite=invite)
        await ask("PUT", "/account/password", ada, current_password=WRONG, new_password=OTHER)
        await ask("PUT", "/account/password", ada, current_password=PASSWORD, new_password=OTHER)
        await mongo.stop()
        await ask("POST", "/session", {}, name="ada", password=OTHER)
        await ask("GET", "/notes", bearer(secret))
        await mongo.start()
        assert ask.statuses >= {200, 201, 204, 401, 403, 404, 409, 422, 503}
        figures = (await client.get("/metrics")).text
        assert '/session"' in figures
    lines = log_lines(one.output)
    assert {line["event"] for line in lines if line["logger"] == "knote.audit"} >= {"sign_in", "token_made"}
    known = {*ask.secrets, settings.mongo_url.get_secret_value(), "$argon2id$", "__Host-"}
    assert len(known) > 8
    for told in (one.output, ask.errors, figures):
        assert not [secret for secret in known if secret in told]
