"""Accounts with things of their own, and what each of the table's columns sends to ask for them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import httpx
from asgi_lifespan import LifespanManager
from pymongo.asynchronous.database import AsyncDatabase

from api.acts import bearer
from api.samples import picture
from knote.accounts import add_user
from knote.app import create_app
from knote.clock import utc_now
from knote.routing import API
from knote.settings import Settings

PASSWORD = "correct horse battery"
MARK = "what only ada may know"
OURS = {"Sec-Fetch-Site": "same-origin"}
PICTURE = picture(seed=5)
Database = AsyncDatabase[dict[str, Any]]
# What a refused request may change: what was counted, and when somebody was seen last.
_PASSING = frozenset({"attempts", "counters", "devices"})


class Operation(NamedTuple):
    """One operation of the OpenAPI."""

    name: str
    method: str
    path: str


class Asker(NamedTuple):
    """What somebody sends with a request, and the account whose password they know."""

    headers: dict[str, str]
    name: str = "ada"


class Stage:
    """A Knote with accounts and an open one over the same stores, which can be put back as they were."""

    def __init__(self, database: Database, accounts: httpx.AsyncClient, open_: httpx.AsyncClient) -> None:
        self.askers: dict[str, Asker] = {}
        self.things: dict[str, str] = {}
        self.open_things: dict[str, str] = {}
        self._invite = ""
        self._signed = ""
        self._database = database
        self._accounts = accounts
        self._open = open_
        self._as_it_was: dict[str, list[dict[str, Any]]] = {}

    async def ask(self, operation: Operation, who: str) -> httpx.Response:
        """Sends the one request, with a body that would be taken."""
        is_open = who == "open"
        asker, client = self.askers[who], self._open if is_open else self._accounts
        path = operation.path.format_map(self.open_things if is_open else self.things)
        headers = {**asker.headers, **self._conditions(operation)}
        client.cookies.clear()
        if "shared_picture" in operation.name:
            path += self._signed if who == "link" else "?expires=4102444800&signature=guessed"
        return await client.request(operation.method, path, headers=headers, **self._body(operation, asker))

    async def state(self) -> dict[str, list[dict[str, Any]]]:
        """All that is kept, but for what any request may change."""
        kept = await self._all()
        for users in (kept["users"], kept["sessions"], kept["tokens"]):
            for each in users:
                each.pop("last_seen_at", None)
                each.pop("last_used_at", None)
                each.pop("expires_at", None)
        return {name: kept[name] for name in kept if name not in _PASSING}

    async def put_back(self) -> None:
        """Makes everything as it was before the first request."""
        for name, documents in (await self._all()).items():
            if documents != self._as_it_was.get(name, []):
                await self._database[name].delete_many({})
                if kept := self._as_it_was.get(name):
                    await self._database[name].insert_many(kept)

    async def fill(self, settings: Settings) -> None:
        """Makes the accounts and what is theirs, by the API itself."""
        for name in ("ada", "bob", "eve"):
            await add_user(settings, name, PASSWORD, is_admin=False)
        for name in ("root", "other root"):
            await add_user(settings, name, PASSWORD, is_admin=True)
        ada, bob, eve, root = [await self._signed_in(name) for name in ("ada", "bob", "eve", "root")]
        tokens = {
            "reads": await self._token(ada, "read"),
            "writes": await self._token(ada, "write"),
            "expired": await self._token(ada, "write"),
            "revoked": await self._token(ada, "write"),
            "out-tok": await self._token(eve, "write"),
        }
        await self._database["tokens"].update_one(
            {"_id": tokens["expired"]["id"]}, {"$set": {"expires_at": utc_now()}}
        )
        await self._call("DELETE", f"/tokens/{tokens['revoked']['id']}", ada)
        self.things, link = await self._things(self._accounts, ada)
        shared = await self._call("GET", f"/shared/{self.things['share_id']}", bearer(link))
        self._signed = "?" + shared.json()["pictures"][0]["url"].partition("?")[2]
        self.things["token_id"] = (await self._token(ada, "write"))["id"]
        here = {each["id"] for each in (await self._call("GET", "/sessions", ada)).json()["items"]}
        await self._signed_in("ada")
        there = {each["id"] for each in (await self._call("GET", "/sessions", ada)).json()["items"]}
        (self.things["session_id"],) = there - here
        self.things["user_id"] = (await self._call("GET", "/account", ada)).json()["id"]
        invite = (await self._call("POST", "/invites", root, json={})).json()
        self.things["invite_id"], self._invite = invite["id"], invite["url"].partition("#")[2]
        identity = {"id": "hers", "issuer": settings.oidc_issuer, "subject": "ada", "name": "ada"}
        self.things["identity_id"] = identity["id"]
        await self._database["users"].update_one(
            {"_id": self.things["user_id"]}, {"$push": {"identities": identity}}
        )
        account = (await self._call("GET", "/account", eve)).json()["id"]
        await self._call("PATCH", f"/users/{account}", root, json={"is_disabled": True})
        self.open_things = {**self.things, **(await self._things(self._open, {}))[0]}
        self.askers = {
            "nobody": Asker(OURS),
            "other": Asker(bob, "bob"),
            "owner": Asker(ada),
            **{name: Asker(bearer(made["token"])) for name, made in tokens.items()},
            "out": Asker(eve, "eve"),
            "out-tok": Asker(bearer(tokens["out-tok"]["token"]), "eve"),
            "admin": Asker(root, "root"),
            "link": Asker(bearer(link)),
            "site": Asker({**ada, "Sec-Fetch-Site": "cross-site"}),
            "open": Asker({}),
        }
        self._as_it_was = await self._all()

    async def _all(self) -> dict[str, list[dict[str, Any]]]:
        names = sorted(await self._database.list_collection_names())
        return {name: [each async for each in self._database[name].find().sort("_id")] for name in names}

    async def _call(self, method: str, path: str, headers: dict[str, str], **more: Any) -> httpx.Response:
        answer = await self._accounts.request(method, f"{API}{path}", headers=headers, **more)
        assert answer.is_success, answer.text
        return answer

    async def _signed_in(self, name: str) -> dict[str, str]:
        answer = await self._call("POST", "/session", OURS, json={"name": name, "password": PASSWORD})
        self._accounts.cookies.clear()
        return {**OURS, "Cookie": answer.headers["set-cookie"].partition(";")[0]}

    async def _token(self, who: dict[str, str], access: str) -> dict[str, Any]:
        wanted = {"name": "matrix", "access": access, "expires_in_days": 1}
        made: dict[str, Any] = (await self._call("POST", "/tokens", who, json=wanted)).json()
        return made

    async def _things(self, client: httpx.AsyncClient, headers: dict[str, str]) -> tuple[dict[str, str], str]:
        """A note with a picture and a link to it, and the secret of the link."""
        files = {"file": ("image.png", PICTURE)}
        kept = await client.post(f"{API}/pictures", headers=headers, files=files)
        text = f"{MARK} ![]({kept.json()['url']})"
        note = await client.post(f"{API}/notes", headers=headers, json={"content": text})
        assert (kept.status_code, note.status_code) == (201, 201)
        path = f"{API}/notes/{note.json()['id']}/shares"
        share = (await client.post(path, headers=headers, json={"expires_in_days": 1})).json()
        ids = {"note_id": note.json()["id"], "picture_id": kept.json()["id"], "share_id": share["id"]}
        return ids, share["url"].partition("#")[2]

    def _conditions(self, operation: Operation) -> dict[str, str]:
        return {"If-Match": "*"} if operation.name in {"replace_note", "delete_note"} else {}

    def _body(self, operation: Operation, asker: Asker) -> dict[str, Any]:
        if operation.name == "create_picture":
            return {"files": {"file": ("image.png", PICTURE)}}
        bodies: dict[str, dict[str, Any]] = {
            "create_note": {"content": "a new one"},
            "replace_note": {"content": "another text"},
            "create_share": {"expires_in_days": None},
            "sign_in": {"name": asker.name, "password": PASSWORD},
            "set_up": {"setup_token": "a guess at the token", "name": "mallory", "password": PASSWORD},
            "sign_up": {"name": "zoe", "password": PASSWORD, "invite": self._invite},
            "begin_sign_on": {"invite": self._invite},
            "begin_link": {},
            "change_password": {"current_password": PASSWORD, "new_password": "another horse battery"},
            "delete_account": {"password": PASSWORD},
            "create_token": {"name": "more", "access": "write", "expires_in_days": None},
            "change_user": {"is_admin": True},
            "create_invite": {"is_admin": True},
        }
        return {"json": bodies[operation.name]} if operation.name in bodies else {}


@asynccontextmanager
async def open_stage(settings: Settings, database: Database) -> AsyncIterator[Stage]:
    """The stage, filled."""
    async with AsyncExitStack() as stack:
        clients = []
        for auth in ("accounts", "open"):
            app = create_app(settings.model_copy(update={"auth": auth}))
            manager = await stack.enter_async_context(LifespanManager(app))
            transport = httpx.ASGITransport(app=manager.app)
            client = httpx.AsyncClient(transport=transport, base_url="https://knote")
            clients.append(await stack.enter_async_context(client))
        stage = Stage(database, *clients)
        await stage.fill(settings)
        yield stage
