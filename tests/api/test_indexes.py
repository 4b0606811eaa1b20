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
_ASKED = (
    "pipeline",
    "cursor",
    "query",
    "filter",
    "sort",
    "limit",
    "update",
    "updates",
    "new",
    "upsert",
    "fields",
    "projection",
)


# What each request may cost beside its own: who asks, and how often they did.
_OF_ALL = {"sessions", "counters"}


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

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The commands of that request."""
        return list(COMMANDS.sent)

    async def explain(self, command: Mapping[str, Any]) -> Any:
        """How MongoDB would do it."""
        return await self._database.command("explain", command, verbosity="queryPlanner")

    async def of(self, method: str, path: str, **options: Any) -> tuple[httpx.Response, list[str]]:
        """The answer, and what found the documents of each command: indexes by name, or `COLLSCAN`."""
        COMMANDS.sent.clear()
        answer = await self.client.request(method, path, **options)
        assert answer.status_code < 400, answer.text
        used = []
        for command in self.sent:
            plan = await self.explain(command)
            planner = plan if "queryPlanner" in plan else plan["stages"][0]["$cursor"]
            found_by = list(sources(planner["queryPlanner"]["winningPlan"]))
            if _OF_ALL & set(map(str, command.values())):
                assert found_by in (["IDHACK"], ["_id_"]), "who asks is found by the hash of the secret"
            else:
                used += found_by
        return answer, used


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
    open_in_mode: OpenClient,
    mongo_admin: AsyncMongoClient[dict[str, object]],
) -> AsyncIterator[Plans]:
    name = settings.mongo_url.get_secret_value().rpartition("/")[2].partition("?")[0]
    async with open_in_mode() as client:
        for number in range(30):
            answer = await client.post(NOTES, json={"content": f"red {number} blue"})
            assert answer.status_code == 201
        yield Plans(client, mongo_admin[name])


async def test_lists_and_searches_walk_their_index_in_order(plans: Plans) -> None:
    answer, used = await plans.of("GET", NOTES, params={"limit": 5})
    assert used == ["newest_of_owner"]
    _, used = await plans.of("GET", NOTES, params={"limit": 5, "cursor": answer.json()["next"]})
    assert set(used) == {"newest_of_owner"}
    for words in ("red", "red blue", "red 1 bl"):
        answer, used = await plans.of("GET", NOTES, params={"q": words, "limit": 2})
        assert answer.json()["items"]
        assert set(used) <= {"search_of_owner", "newest_of_owner"}
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


async def test_pictures_are_found_by_their_id(plans: Plans, mode: str) -> None:
    file = {"file": ("image.png", picture(size=(700, 400)))}
    by_id = {"IDHACK", "_id_"}
    made, used = await plans.of("POST", PICTURES, files=file)
    assert set(used) <= by_id | ({"of_owner"} if mode == "accounts" else set())
    for query in ({}, {"width": 320}):
        _, used = await plans.of("GET", made.json()["url"], params=query)
        assert set(used) <= by_id
        assert used
    _, used = await plans.of("POST", NOTES, json={"content": made.json()["markdown"]})
    assert set(used) <= by_id
    assert used


@pytest.mark.parametrize("mode", ["accounts"], indirect=True)
async def test_how_much_somebody_stores_is_read_from_an_index_alone(plans: Plans) -> None:
    file = {"file": ("image.png", picture())}
    for method, path, files in (("POST", PICTURES, file), ("GET", "/api/v1/account", None)):
        await plans.of(method, path, files=files)
        asked = [command for command in plans.sent if command.get("aggregate") == "pictures"]
        (plan,) = [await plans.explain(command) for command in asked]
        assert "'indexName': 'of_owner'" in str(plan)
        assert "FETCH" not in str(plan)


async def test_tokens_and_shares_are_found_by_an_index(plans: Plans, mode: str) -> None:
    note = await plans.client.post(NOTES, json={"content": "shared"})
    shares = f"{note.headers['location']}/shares"
    made, used = await plans.of("POST", shares, json={"expires_in_days": None})
    assert set(used) <= {"IDHACK", "_id_", "note"}
    assert set((await plans.of("GET", shares))[1]) <= {"IDHACK", "_id_", "note"}
    page, secret = made.json()["url"].split("#")
    _, used = await plans.of("GET", f"/api/v1{page}", headers={"Authorization": f"Bearer {secret}"})
    assert set(used) <= {"IDHACK", "_id_"}
    if mode == "accounts":
        wanted = {"name": "CI", "access": "read", "expires_in_days": 1}
        token = (await plans.client.post("/api/v1/tokens", json=wanted)).json()["token"]
        assert (await plans.of("GET", "/api/v1/tokens"))[1] == ["user"]
        _, used = await plans.of("GET", NOTES, headers={"Authorization": f"Bearer {token}"})
        assert set(used) <= {"hash", "_id_", "IDHACK", "newest_of_owner"}
        assert {"hash", "newest_of_owner"} <= set(used)
