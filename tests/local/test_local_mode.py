"""`python -m knote local`, as a person meets it: it starts, it ends, and it says what is wrong."""

import asyncio
import json
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.robotparser import RobotFileParser

import httpx
import psutil
import pytest

from knote.local.child import until
from knote.local.mongod import MongoServer
from knote.local.s3server import ObjectServer, S3Server
from servers.process import KnoteProcess
from servers.stack import SharedKnote

Start = Callable[..., KnoteProcess]


@pytest.fixture
async def knote_on(tmp_path: Path) -> AsyncIterator[Start]:
    """Makes Knote processes in this test's folder; none outlives the test."""
    processes: list[KnoteProcess] = []

    def make(name: str = "data", **options: object) -> KnoteProcess:
        process = KnoteProcess(tmp_path / name, **options)  # type: ignore[arg-type]
        processes.append(process)
        return process

    yield make
    for process in processes:
        await process.stop(signal.SIGKILL)


async def _publish(knote: KnoteProcess, content: str) -> None:
    async with httpx.AsyncClient(base_url=knote.url, trust_env=False) as client:
        answer = await client.post("/api/v1/notes", json={"content": content})
        assert answer.status_code == 201, answer.text


async def _notes(knote: KnoteProcess) -> list[str]:
    async with httpx.AsyncClient(base_url=knote.url, trust_env=False) as client:
        return [note["content"] for note in (await client.get("/api/v1/notes")).json()["items"]]


async def _assert_second_ctrl_c_hastens(knote: KnoteProcess) -> None:
    children = knote.children()
    # An S3 server that cannot end in order would hold the first Ctrl-C up until it is given up.
    next(child for child in children if "mongod" not in child.name()).suspend()
    said = knote.output.count("Stopping.")
    os.kill(knote.pid, signal.SIGINT)
    # Two signals at once would be one: the second waits until the first was taken.
    await asyncio.wait_for(until(lambda: knote.output.count("Stopping.") > said), 10)
    os.kill(knote.pid, signal.SIGINT)
    assert await knote.wait_ended(timeout_seconds=S3Server.stop_seconds - 2) == 0
    await _assert_all_gone(children)


async def _assert_all_gone(children: list[psutil.Process]) -> None:
    assert len(children) == 2
    deadline = time.monotonic() + 5
    while any(child.is_running() and child.status() != "zombie" for child in children):
        assert time.monotonic() < deadline, f"left behind: {children}"
        await asyncio.sleep(0.05)


async def _refusal(knote: KnoteProcess) -> str:
    """What a Knote says that does not start: one sentence, no traceback, no child."""
    knote.spawn()
    assert await knote.wait_ended() == 1
    assert "Traceback" not in knote.output
    return knote.output


async def test_other_commands_reach_the_servers_by_the_file_it_keeps(knote_on: Start) -> None:
    knote = knote_on()
    await knote.start()
    await _publish(knote, "counted")
    shared = knote.data_dir / "servers.env"
    assert shared.stat().st_mode & 0o777 == 0o600
    command = f". {shlex.quote(str(shared))} && {shlex.quote(sys.executable)} -m knote fsck"
    run = await asyncio.create_subprocess_exec("sh", "-c", command, stdout=asyncio.subprocess.PIPE)
    report = json.loads((await run.communicate())[0])
    assert (report["status"], report["notes"]) == ("clean", 1)
    await knote.stop()
    assert not shared.exists()


async def test_notes_outlive_every_way_to_end_and_no_child_does(knote_on: Start) -> None:
    knote = knote_on()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        await knote.start()
        assert f"Knote is ready at {knote.url}" in knote.output
        await _publish(knote, number.name)
        children = knote.children()
        status = await knote.stop(number)
        assert status == (-signal.SIGKILL if number == signal.SIGKILL else 0), knote.output
        await _assert_all_gone(children)
    await knote.start()
    assert await _notes(knote) == ["SIGKILL", "SIGTERM", "SIGINT"]
    await _assert_second_ctrl_c_hastens(knote)
    assert "Traceback" not in knote.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_it_can_be_ended_while_it_starts(knote_on: Start, number: signal.Signals) -> None:
    knote = knote_on()
    knote.spawn()
    await knote.wait_output("starting S3")
    await until(lambda: len(knote.children()) == 2)
    children = knote.children()
    status = await knote.stop(number)
    assert status == (-signal.SIGKILL if number == signal.SIGKILL else 0), knote.output
    await _assert_all_gone(children)
    assert "Traceback" not in knote.output


async def test_servers_that_die_are_started_again(knote_on: Start) -> None:
    knote = knote_on()
    await knote.start()
    await _publish(knote, "before")
    for child in knote.children():
        child.kill()
    await knote.wait_output("MongoDB ended unexpectedly: starting it again")
    await knote.wait_output("S3 (SeaweedFS) ended unexpectedly: starting it again")
    await knote.wait_ready()
    assert await _notes(knote) == ["before"]
    await _publish(knote, "after")


async def test_two_run_side_by_side_and_a_folder_has_one_user(knote_on: Start) -> None:
    one, two = knote_on("one"), knote_on("two")
    await asyncio.gather(one.start(), two.start())
    await _publish(one, "in one")
    assert (await _notes(one), await _notes(two)) == (["in one"], [])
    said = await _refusal(knote_on("one"))
    assert f"Another Knote (process {one.pid}) is using {one.data_dir}" in said
    assert "KNOTE_DATA_DIR" in said


async def test_a_busy_port_is_named(knote_on: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = await _refusal(knote_on(port=port))
    assert f"Port {port}" in said
    assert "KNOTE_PORT" in said


async def test_a_file_in_place_of_the_folder_is_told(knote_on: Start, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    assert "is a file" in await _refusal(knote_on())


async def test_a_folder_of_something_else_is_left_alone(knote_on: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("mine")
    assert "holds files that are not Knote's" in await _refusal(knote_on())
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["thesis.txt"]


async def test_a_folder_that_cannot_be_made_is_told(knote_on: Start) -> None:
    said = await _refusal(knote_on(environment={"KNOTE_DATA_DIR": "/proc/knote"}))
    assert "/proc/knote cannot be used" in said


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        (json.dumps({"format": 2}), "has format 2, and this Knote knows format 1"),
        ("[", "knote-data.json is damaged"),
    ],
)
async def test_data_of_another_format_is_left_alone(
    knote_on: Start, tmp_path: Path, marker: str, sentence: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "knote-data.json").write_text(marker)
    assert sentence in await _refusal(knote_on())


async def test_damaged_data_is_told_and_no_child_stays(knote_on: Start, tmp_path: Path) -> None:
    database = tmp_path / "data" / "mongo" / "db"
    database.mkdir(parents=True)
    (database / "storage.bson").write_bytes(b"x")
    (tmp_path / "data" / "knote-data.json").write_text(json.dumps({"format": 1}))
    said = await _refusal(knote_on())
    assert "MongoDB ended while it started" in said
    left = [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(p.info["cmdline"])]
    assert left == []


async def test_a_program_that_is_not_there_is_told(knote_on: Start) -> None:
    said = await _refusal(knote_on(environment={"KNOTE_WEED": "/nowhere/weed"}))
    assert "KNOTE_WEED names /nowhere/weed, and there is no program there" in said


async def test_servers_of_the_environment_are_used(knote: SharedKnote) -> None:
    assert not [child for child in knote.children() if child.name() in {"mongod", "weed"}]
    assert "MongoDB: the one in MONGO_URL" in knote.output
    assert "S3: the one in MINIO_HOST" in knote.output
    assert not knote.data_dir.exists()
    await _publish(knote, "kept elsewhere")
    assert await _notes(knote) == ["kept elsewhere"]
    await knote.clear()
    assert await _notes(knote) == []


async def test_a_bucket_is_made_on_a_server_that_was_given(
    knote_on: Start, mongo: MongoServer, s3: ObjectServer
) -> None:
    given = {
        "MONGO_URL": mongo.url_of("bucketless"),
        "MINIO_HOST": s3.endpoint,
        "MINIO_ACCESS_KEY": s3.access_key,
        "MINIO_SECRET_KEY": s3.secret_key,
        "MINIO_BUCKET": "not-there-yet",
    }
    knote = knote_on(environment=given)
    await knote.start()  # until it says that pictures are in order, too
    await knote.stop()
    await s3.drop_bucket("not-there-yet")


async def test_the_page_and_the_api_share_one_port(knote: SharedKnote) -> None:
    async with httpx.AsyncClient(base_url=knote.url, trust_env=False) as client:
        page = await client.get("/notes/some-id")
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert page.headers["content-type"].startswith("text/html")
        missing = await client.get("/api/v1/nothing-here")
        assert missing.headers["content-type"] == "application/problem+json"
        assert (await client.get("/assets/none.js")).status_code == 404


async def test_robots_are_asked_to_leave_shared_notes_alone(knote: SharedKnote) -> None:
    async with httpx.AsyncClient(base_url=knote.url, trust_env=False) as client:
        answer = await client.get("/robots.txt")
    assert answer.headers["content-type"].startswith("text/plain")
    rules = RobotFileParser()
    rules.parse(answer.text.splitlines())
    for path, may in (("/", True), (f"/shared/{'a' * 24}", False), (f"/api/v1/shared/{'a' * 24}", False)):
        assert rules.can_fetch("AnyBot", path) == may
