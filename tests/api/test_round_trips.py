"""What each request costs: commands to MongoDB, and requests to the object store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from pymongo import monitoring

from api.acts import Moment
from api.conftest import PASSWORD, OpenClient
from api.samples import picture
from delivery.line import Line
from knote.accounts import add_user
from knote.settings import Settings

NOTES, PICTURES, TOKENS = "/api/v1/notes", "/api/v1/pictures", "/api/v1/tokens"


class Commands(monitoring.CommandListener):
    """The names of the commands that drivers of this process send, their own upkeep left out."""

    upkeep = frozenset({"hello", "ping", "endSessions", "createIndexes", "saslStart", "saslContinue"})

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name not in self.upkeep:
            self.names.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


class Costs:
    """A client, and what its last request cost, beside the one command that finds out who asks."""

    def __init__(self, client: httpx.AsyncClient, commands: Commands, line: Line, mode: str) -> None:
        self.client = client
        self._who = ["aggregate"] if mode == "accounts" else []
        self._commands = commands
        self._line = line

    def of_nobody(self) -> "Costs":
        """The same, of calls that are the same whoever asks."""
        return Costs(self.client, self._commands, self._line, "open")

    async def of(
        self, method: str, path: str, **options: object
    ) -> tuple[httpx.Response, list[str], list[str]]:
        """The answer, the commands to MongoDB, the methods of the requests to the object store."""
        self._commands.names.clear()
        self._line.heads.clear()
        answer = await self.client.request(method, path, **options)  # type: ignore[arg-type]
        names = list(self._commands.names)
        assert names[: len(self._who)] == self._who
        return answer, names[len(self._who) :], [head.split()[0] for head in self._line.heads]


COMMANDS = Commands()
# For all clients that this process opens from here on: the driver has no way to take it back.
monitoring.register(COMMANDS)


@pytest.fixture
async def costs(settings: Settings, open_in_mode: OpenClient, mode: str) -> AsyncIterator[Costs]:
    """A replica that has served before, so that its connections and indexes are there."""
    port = urlsplit(settings.s3_endpoint).port
    assert port is not None
    line = Line(port)
    async with AsyncExitStack() as stack:
        await line.open()
        stack.push_async_callback(line.cut)
        # The minute never ends, so that it is known when the requests of one user are told to other replicas.
        client = await stack.enter_async_context(open_in_mode(minio_host=line.address, clock=Moment()))
        assert (await client.get("/readyz")).json()["status"] == "ok"
        assert (await client.get(NOTES)).status_code == 200
        yield Costs(client, COMMANDS, line, mode)


async def test_each_call_for_notes_is_one_command(costs: Costs) -> None:
    made, *spent = await costs.of("POST", NOTES, json={"content": "red"}, headers={"Idempotency-Key": "k"})
    assert spent == [["insert"], []]
    path = made.headers["location"]
    assert (await costs.of("GET", path))[1:] == (["find"], [])
    assert (await costs.of("GET", path, headers={"If-None-Match": '"1"'}))[1:] == (["find"], [])
    assert (await costs.of("GET", NOTES))[1:] == (["find"], [])
    assert (await costs.of("GET", NOTES, params={"q": "re", "limit": 100}))[1:] == (["find"], [])
    write = {"json": {"content": "blue"}, "headers": {"If-Match": '"1"'}}
    assert (await costs.of("PUT", path, **write))[1:] == (["findAndModify"], [])
    assert (await costs.of("DELETE", path, headers={"If-Match": '"2"'}))[1:] == (["update"], [])
    assert (await costs.of("POST", f"{path}/restore"))[1:] == (["findAndModify"], [])


async def test_a_written_note_that_names_pictures_is_one_command_more(costs: Costs) -> None:
    uploads = [
        await costs.client.post(PICTURES, files={"file": ("image.png", picture(seed=n))}) for n in range(3)
    ]
    content = "\n".join(upload.json()["markdown"] for upload in uploads)
    made, *spent = await costs.of("POST", NOTES, json={"content": content})
    assert spent == [["find", "insert"], []]
    assert len(made.json()["pictures"]) == 3
    path = made.headers["location"]
    write = {"json": {"content": content + "!"}, "headers": {"If-Match": '"1"'}}
    assert (await costs.of("PUT", path, **write))[1:] == (["find", "findAndModify"], [])
    assert (await costs.of("GET", path))[1:] == (["find"], [])


async def test_a_list_of_a_hundred_large_notes_is_one_command(costs: Costs) -> None:
    for n in range(101):
        answer = await costs.client.post(NOTES, json={"content": f"{n} " + "long " * 2000})
        assert answer.status_code == 201
    answer, *spent = await costs.of("GET", NOTES, params={"limit": 100})
    assert len(answer.json()["items"]) == 100
    assert spent == [["find"], []]


async def test_readers_of_one_moment_share_a_command(open_in_mode: OpenClient, mode: str) -> None:
    """All of the first page; and of several pictures, each of which is looked up for itself."""
    who = ["aggregate"] if mode == "accounts" else []
    async with open_in_mode(requests_per_minute=0) as client:
        files = [{"file": ("image.png", picture(seed=n))} for n in range(4)]
        uploads = [(await client.post(PICTURES, files=file)).json() for file in files]
        COMMANDS.names.clear()
        lists = await asyncio.gather(*(client.get(NOTES) for _ in range(10)))
        assert {(answer.status_code, answer.text) for answer in lists} == {(200, lists[0].text)}
        assert len({answer.headers["x-request-id"] for answer in lists}) == 10
        assert COMMANDS.names == [*who, "find"]
        COMMANDS.names.clear()
        tags = {"If-None-Match": "*"}
        heads = await asyncio.gather(*(client.get(each["url"], headers=tags) for each in uploads * 3))
        assert [answer.headers["etag"] for answer in heads] == [f'"{each["id"]}"' for each in uploads * 3]
        assert COMMANDS.names == [*who, "find"]


async def test_what_pictures_cost(costs: Costs, mode: str) -> None:
    file = {"file": ("image.png", picture(size=(700, 400)))}
    made, *spent = await costs.of("POST", PICTURES, files=file)
    assert made.status_code == 201
    # With accounts, whether there is room for it, once its row says how much it needs.
    room = ["aggregate"] if mode == "accounts" else []
    assert spent == [["findAndModify", "update", *room, "findAndModify"], ["PUT"]]
    again, *spent = await costs.of("POST", PICTURES, files=file)
    assert again.status_code == 200
    assert spent == [["findAndModify"], []], "a known picture costs the object store nothing"
    url = made.json()["url"]
    shown, *spent = await costs.of("GET", url)
    assert spent == [["find"], ["GET"]]
    tag = {"If-None-Match": shown.headers["etag"]}
    assert (await costs.of("GET", url, headers=tag))[1:] == (["find"], [])
    assert (await costs.of("HEAD", url))[1:] == (["find"], ["HEAD"])
    assert (await costs.of("GET", url, params={"width": 320}))[1:] == (
        ["find", "update"],
        ["GET", "PUT", "GET"],
    )
    assert (await costs.of("GET", url, params={"width": 320}))[1:] == (["find"], ["GET"])


with_accounts = pytest.mark.parametrize("mode", ["accounts"], indirect=True)


@with_accounts
async def test_a_token_costs_what_a_session_does_and_is_written_at_its_first_use(costs: Costs) -> None:
    wanted = {"name": "CI", "access": "write", "expires_in_days": 1}
    made, *spent = await costs.of("POST", TOKENS, json=wanted)
    assert spent == [["aggregate", "insert"], []]
    assert (await costs.of("GET", TOKENS))[1:] == (["find"], [])
    program = {"Authorization": f"Bearer {made.json()['token']}"}
    assert (await costs.of("GET", NOTES, headers=program))[1:] == (["update", "find"], [])
    assert (await costs.of("GET", NOTES, headers=program))[1:] == (["find"], [])
    assert (await costs.of("POST", NOTES, json={"content": "x"}, headers=program))[1:] == (["insert"], [])
    assert (await costs.of("DELETE", f"{TOKENS}/{made.json()['id']}"))[1:] == (["delete"], [])


async def test_what_a_share_costs_its_owner_and_its_reader(costs: Costs, mode: str) -> None:
    kept = await costs.client.post(PICTURES, files={"file": ("image.png", picture(size=(700, 400)))})
    note = await costs.client.post(NOTES, json={"content": kept.json()["markdown"]})
    shares = f"{note.headers['location']}/shares"
    made, *spent = await costs.of("POST", shares, json={"expires_in_days": None})
    assert spent == [["find", "find", "insert"], []]
    assert (await costs.of("GET", shares))[1:] == (["find", "find"], [])
    reader = costs.of_nobody()
    page, secret = made.json()["url"].split("#")
    opened, *spent = await reader.of("GET", f"/api/v1{page}", headers={"Authorization": f"Bearer {secret}"})
    assert spent == [["aggregate"], []]
    (shown,) = opened.json()["pictures"]
    seen, *spent = await reader.of("GET", shown["url"])
    assert (seen.status_code, spent) == (200, [["aggregate", "find"], ["GET"]])
    tag = {"If-None-Match": seen.headers["etag"]}
    assert (await reader.of("GET", shown["url"], headers=tag))[1:] == (["aggregate", "find"], [])
    assert (await costs.of("DELETE", f"{shares}/{made.json()['id']}"))[1:] == (["find", "delete"], [])


async def test_a_sign_in_that_fails_asks_the_same_whoever_it_names(
    open_client: OpenClient, settings: Settings
) -> None:
    """What MongoDB is asked for does not tell a name that is nobody's from one with another password."""
    await add_user(settings, "ada", PASSWORD, is_admin=False)
    asked: dict[str, list[str]] = {}
    async with open_client(auth="accounts") as client:
        for name in ("ada", "nobody", "ada", "nobody"):
            COMMANDS.names.clear()
            body = {"name": name, "password": "wrong horse battery"}
            answer = await client.post("/api/v1/session", json=body)
            assert answer.status_code == 401
            assert asked.setdefault(name, list(COMMANDS.names)) == COMMANDS.names
    assert asked["ada"] == asked["nobody"] == ["find", *["findAndModify"] * 3]


@with_accounts
async def test_that_requests_are_counted_costs_one_of_twelve_a_command(costs: Costs) -> None:
    told = [(await costs.of("GET", NOTES))[1] == ["findAndModify", "find"] for _ in range(48)]
    assert told.count(True) == 4
    assert told.index(True) == 11, "after the twelve of which the fixture made one"
    for _ in range(20):
        assert (await costs.of("GET", "/api/v1/session"))[1] == []
