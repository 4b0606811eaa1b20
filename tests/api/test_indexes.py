"""Which index serves what the API asks MongoDB: the commands that it sends, explained by MongoDB."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest
from pymongo import AsyncMongoClient, monitoring

from api.conftest import OpenClient
from api.samples import picture
from knote.settings import Settings

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
_EXPLAINED = ("find", "update", "findAndModify", "delete", "count", "aggregate")
_ASKED = ("query", "filter", "sort", "limit", "update", "updates", "new", "upsert", "fields", "projection")


class Commands(monitoring.CommandListener):
    """The commands that can be explained, as they were sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in _EXPLAINED:
            kept = (event.command_name, *_ASKED)
            self.sent.append({name: event.command[name] for name in kept if name in event.command})

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


COMMANDS = Commands()
monitoring.register(COMMANDS)


class Plans:
    """A client, and the indexes that its last request used."""

    def __init__(self, client: httpx.AsyncClient, database: Any) -> None:
        self.client = client
        self._database = database

    async def of(self, method: str, path: str, **options: Any) -> tuple[httpx.Response, list[str]]:
        """The answer, and what found the documents of each command: indexes by name, or `COLLSCAN`."""
        COMMANDS.sent.clear()
        answer = await self.client.request(method, path, **options)
        assert answer.status_code < 400, answer.text
        plans = [
            await self._database.command("explain", command, verbosity="queryPlanner")
            for command in list(COMMANDS.sent)
        ]
        return answer, [name for plan in plans for name in sources(plan["queryPlanner"]["winningPlan"])]


def sources(stage: Mapping[str, Any]) -> Iterator[str]:
    """Where a plan takes its documents from. Nothing may be sorted in memory."""
    kind = stage.get("stage", "")
    assert kind != "SORT", stage
    if kind in {"COLLSCAN", "IDHACK"}:
        yield kind
    elif kind == "IXSCAN":
        yield stage["indexName"]
    for inner in (stage.get("inputStage"), stage.get("queryPlan"), *stage.get("inputStages", ())):
        if inner:
            yield from sources(inner)


@pytest.fixture
async def plans(
    settings: Settings,
    open_client: OpenClient,
    mongo_admin: AsyncMongoClient[dict[str, object]],
) -> AsyncIterator[Plans]:
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    async with open_client() as client:
        for number in range(30):
            answer = await client.post(NOTES, json={"content": f"red {number} blue"})
            assert answer.status_code == 201
        yield Plans(client, mongo_admin[name])


async def test_lists_and_searches_walk_their_index_in_order(plans: Plans) -> None:
    answer, used = await plans.of("GET", NOTES, params={"limit": 5})
    assert used == ["newest"]
    _, used = await plans.of("GET", NOTES, params={"limit": 5, "cursor": answer.json()["next"]})
    assert set(used) == {"newest"}
    for words in ("red", "red blue", "red 1 bl"):
        answer, used = await plans.of("GET", NOTES, params={"q": words, "limit": 2})
        assert answer.json()["items"]
        assert set(used) <= {"search", "newest"}
        assert used


async def test_one_note_is_found_by_its_id(plans: Plans) -> None:
    made = await plans.client.post(NOTES, json={"content": "one"})
    path = made.headers["location"]
    by_id = ({"IDHACK"}, {"_id_"})
    for method, options in (
        ("GET", {}),
        ("PUT", {"json": {"content": "two"}, "headers": {"If-Match": '"1"'}}),
        ("DELETE", {"headers": {"If-Match": '"2"'}}),
    ):
        assert set((await plans.of(method, path, **options))[1]) in by_id
    assert set((await plans.of("POST", f"{path}/restore"))[1]) in by_id


async def test_a_repeated_publish_is_found_by_its_key(plans: Plans) -> None:
    again = {"json": {"content": "once"}, "headers": {"Idempotency-Key": "k"}}
    assert (await plans.of("POST", NOTES, **again))[1] == []
    assert (await plans.of("POST", NOTES, **again))[1] == ["idempotency"]


async def test_pictures_are_found_by_their_id(plans: Plans) -> None:
    file = {"file": ("image.png", picture(size=(700, 400)))}
    by_id = {"IDHACK", "_id_"}
    made, used = await plans.of("POST", PICTURES, files=file)
    assert set(used) <= by_id
    for query in ({}, {"width": 320}):
        _, used = await plans.of("GET", made.json()["url"], params=query)
        assert set(used) <= by_id
        assert used
    _, used = await plans.of("POST", NOTES, json={"content": made.json()["markdown"]})
    assert set(used) <= by_id
    assert used
