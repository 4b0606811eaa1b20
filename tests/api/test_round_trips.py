"""What each request costs: commands to MongoDB, and requests to the object store."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import pytest
from pymongo import monitoring

from api.conftest import OpenClient
from api.samples import picture
from delivery.line import Line
from knote.settings import Settings

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"


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
    """A client, and what its last request cost."""

    def __init__(self, client: httpx.AsyncClient, commands: Commands, line: Line) -> None:
        self.client = client
        self._commands = commands
        self._line = line

    async def of(
        self, method: str, path: str, **options: object
    ) -> tuple[httpx.Response, list[str], list[str]]:
        """The answer, the commands to MongoDB, the methods of the requests to the object store."""
        self._commands.names.clear()
        self._line.heads.clear()
        answer = await self.client.request(method, path, **options)  # type: ignore[arg-type]
        return answer, list(self._commands.names), [head.split()[0] for head in self._line.heads]


COMMANDS = Commands()
# For all clients that this process opens from here on: the driver has no way to take it back.
monitoring.register(COMMANDS)


@pytest.fixture
async def costs(settings: Settings, open_client: OpenClient) -> AsyncIterator[Costs]:
    """A replica that has served before, so that its connections and indexes are there."""
    port = urlsplit(settings.s3_endpoint).port
    assert port is not None
    line = Line(port)
    async with AsyncExitStack() as stack:
        await line.open()
        stack.push_async_callback(line.cut)
        client = await stack.enter_async_context(open_client(minio_host=line.address))
        assert (await client.get("/readyz")).json()["status"] == "ok"
        assert (await client.get(NOTES)).status_code == 200
        yield Costs(client, COMMANDS, line)


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


async def test_what_pictures_cost(costs: Costs) -> None:
    file = {"file": ("image.png", picture(size=(700, 400)))}
    made, *spent = await costs.of("POST", PICTURES, files=file)
    assert made.status_code == 201
    assert spent == [["findAndModify", "update", "findAndModify"], ["PUT"]]
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
