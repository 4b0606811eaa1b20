"""Everything that real processes log: an object a line, the request's id, and nothing of what was sent."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from pymongo import AsyncMongoClient

from api.samples import noise_png, picture
from knote.local.mongod import MongoServer
from knote.local.s3server import ObjectServer
from knote.settings import Settings
from logs.commands import environment_of, knote, log_lines
from servers.process import KnoteProcess
from wire.replica import Replica, ready_replica, replica, until

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
MARK = "zqxjkv"  # in every text, name and header that is sent, and in no other word
TEXT = f"{MARK} in a note"
Admin = AsyncMongoClient[dict[str, object]]


def secrets_of(settings: Settings) -> list[str]:
    """What must be in no log: the mark, and what opens the stores."""
    url = settings.mongo_url.get_secret_value()
    password = urlsplit(url).password
    assert password
    return [MARK, url, password, settings.minio_access_key, settings.minio_secret_key.get_secret_value()]


def expect_silence(settings: Settings, text: str) -> None:
    """None of it was told."""
    found = [line for line in text.splitlines() if any(secret in line for secret in secrets_of(settings))]
    assert not found, found


class Traced:
    """A client whose every request has an id of its own."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.statuses: dict[str, int] = {}

    async def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Sends one request."""
        id_ = f"trace-{len(self.statuses)}"
        headers = {"X-Request-ID": id_, "Cookie": TEXT, "User-Agent": MARK, **options.pop("headers", {})}
        answer = await self._client.request(method, path, headers=headers, **options)
        self.statuses[id_] = answer.status_code
        return answer


async def use_it_well_and_badly(ask: Traced) -> None:
    """Requests that are answered, and requests that are refused."""
    note = (await ask("POST", NOTES, json={"content": TEXT}, headers={"Idempotency-Key": MARK})).json()
    await ask("POST", NOTES, json={"content": f"other {TEXT}"}, headers={"Idempotency-Key": MARK})
    path = f"{NOTES}/{note['id']}"
    for query in ({"q": TEXT}, {"q": f'"{MARK}" $regex (['}, {"cursor": MARK}, {"limit": MARK}, {MARK: MARK}):
        await ask("GET", NOTES, params=query)
    await ask("PUT", path, json={"content": f"{TEXT} 2"}, headers={"If-Match": '"1"'})
    await ask("PUT", path, json={"content": TEXT}, headers={"If-Match": '"1"'})
    await ask("PUT", path, json={"content": TEXT}, headers={"If-Match": MARK})
    for body in (
        f'{{"content": {MARK}',
        f'{{"{MARK}": 1}}',
        '{"content": "\\ud800' + MARK + '"}',
        f'"{MARK}"',
    ):
        await ask("POST", NOTES, content=body, headers={"Content-Type": "application/json"})
    await ask("POST", NOTES, content=TEXT.encode(), headers={"Content-Type": f"text/{MARK}"})
    await ask("POST", NOTES, json={"content": MARK * 100_000})
    kept = (await ask("POST", PICTURES, files={"file": (f"{MARK}.png", picture())})).json()
    for name, data in ((f"{MARK}.html", TEXT.encode()), (f"{MARK}.png", picture()[:90] + TEXT.encode())):
        await ask("POST", PICTURES, files={"file": (name, data)})
    await ask("POST", PICTURES, files={MARK: (MARK, TEXT.encode())}, data={MARK: TEXT})
    form = {"Content-Type": f"multipart/form-data; boundary={MARK}"}
    for body in (
        f"--{MARK}\r\n{MARK}\r\n\r\n{TEXT}",
        TEXT,
        f"--{MARK}\r\nX: {MARK}\r\n\r\n{TEXT}\r\n--{MARK}--",
    ):
        await ask("POST", PICTURES, content=body.encode(), headers=form)
    await ask("GET", kept["url"], params={"width": 20}, headers={"Range": MARK, "If-None-Match": MARK})
    await ask("DELETE", path, headers={"If-Match": '"2"'})


async def speak_no_http(port: int) -> None:
    """Bytes that are no request."""
    for raw in (
        TEXT.encode() * 10,
        f"GET / HTTP/9 {MARK}\r\n\r\n".encode(),
        f"GET /{MARK}".encode() * 20_000,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        with contextlib.suppress(OSError):  # it is cut off before all is sent
            writer.write_eof()
            await reader.read()
        writer.close()


async def break_the_rows(ask: Traced, mongo_admin: Admin, settings: Settings) -> None:
    """Rows as no version of Knote has written them: errors that nobody expects, with a text at hand."""
    notes = mongo_admin[urlsplit(settings.mongo_url.get_secret_value()).path[1:]]["notes"]
    for field, value in (
        ("content", {MARK: TEXT}),
        ("content", None),
        ("version", TEXT),
        ("created_at", TEXT),
        ("pictures", TEXT),
        ("pictures", [{"id": TEXT, "width": MARK, "height": None}]),
    ):
        note = (await ask("POST", NOTES, json={"content": TEXT})).json()
        await notes.update_one({"_id": note["id"]}, {"$set": {field: value}})
        await ask("GET", f"{NOTES}/{note['id']}")
        await ask("PUT", f"{NOTES}/{note['id']}", json={"content": TEXT}, headers={"If-Match": '"1"'})
    await ask("GET", NOTES)


async def test_a_replica_tells_nothing_of_what_passes_through_it(
    settings: Settings, mongo: MongoServer, s3: ObjectServer, mongo_admin: Admin, tmp_path: Path
) -> None:
    async with (
        ready_replica(settings, tmp_path, **environment_of(settings)) as talking,
        talking.open() as client,
    ):
        ask = Traced(client)
        await use_it_well_and_badly(ask)
        await speak_no_http(talking.port)
        await break_the_rows(ask, mongo_admin, settings)
        expected = set(ask.statuses.values())
        assert expected >= {200, 201, 204, 400, 412, 413, 415, 422, 500}
        await kill_workers(ask, talking)
        await mongo.stop()
        await ask("GET", NOTES, params={"q": TEXT})
        await ask("POST", NOTES, json={"content": TEXT})
        await mongo.start()
        await talking.wait_ready()
        await s3.kill()
        await ask("POST", PICTURES, files={"file": (MARK, picture(seed=3))})
        await s3.start()
        await talking.wait_ready()
        uploading = asyncio.create_task(ask("POST", PICTURES, content=_never_ending(), headers=ENDLESS))
        await asyncio.sleep(0.5)
        for _ in range(2):  # the second one cuts requests off
            talking.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
        assert await talking.wait_ended() == 0
        await asyncio.gather(uploading, return_exceptions=True)
    expect_silence(settings, talking.output)
    lines = log_lines(talking.output)
    access = {line["request_id"]: line["status"] for line in lines if line["logger"] == "knote.access"}
    assert {id_: access.get(id_) for id_ in ask.statuses} == ask.statuses
    faults = [line for line in lines if line["message"] == "a request failed"]
    assert faults
    assert all(ask.statuses[line["request_id"]] == 500 for line in faults)
    assert all("Error" in line["exc_info"] and "knote/notes" in line["exc_info"] for line in faults)


ENDLESS = {"Content-Type": "multipart/form-data; boundary=b"}


async def _never_ending() -> AsyncIterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    while True:
        yield TEXT.encode()
        await asyncio.sleep(0.1)


async def kill_workers(ask: Traced, talking: Replica) -> None:
    """An upload whose decoder dies, as often as one is started."""
    assert talking.process is not None
    api = psutil.Process(talking.process.pid)
    upload = asyncio.create_task(ask("POST", PICTURES, files={"file": (MARK, noise_png(2200))}))

    async def is_over() -> bool:
        for child in api.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        return upload.done()

    await until(is_over, what="the upload has ended")
    assert (await upload).status_code in {422, 503}


@pytest.mark.parametrize("command", ["sweep", "fsck"])
async def test_a_job_tells_nothing_of_what_it_looks_through(
    settings: Settings, mongo: MongoServer, mongo_admin: Admin, tmp_path: Path, command: str
) -> None:
    environment = environment_of(settings)
    said = [await knote(command, environment, folder=tmp_path)]
    assert len(said[0].results) == 1
    notes = mongo_admin[urlsplit(environment["MONGO_URL"]).path[1:]]["notes"]
    await notes.insert_one(
        {"_id": MARK, "content": TEXT, "pictures": TEXT, "is_deleted": True, "deleted_at": TEXT}
    )
    said.append(await knote(command, environment, folder=tmp_path))
    said.append(await knote(command, {**environment, "MINIO_SECRET_KEY": f"no{MARK}"}, folder=tmp_path))
    said.append(await knote(command, {**environment, "MONGO_URL": f"mongodb://{MARK}:x@/"}, folder=tmp_path))
    said.append(await knote(command, {**environment, "KNOTE_TRASH_DAYS": MARK}, folder=tmp_path))
    await mongo.stop()
    said.append(await knote(command, environment, folder=tmp_path))
    for each in said:
        expect_silence(settings, each.stdout + each.stderr)
        assert each.log or each.status == 0 or each.results, each
        assert len(each.results) <= 1
    assert [each.status for each in said[2:]] == [1, 1, 2, 1]


@pytest.mark.parametrize("command", ["serve", "bootstrap"])
async def test_what_cannot_start_says_why_in_a_line(settings: Settings, tmp_path: Path, command: str) -> None:
    environment = environment_of(settings)
    keyfile = tmp_path / "keyfile"
    keyfile.write_text(MARK * 4, encoding="ascii")
    for wrong in (
        {
            "MONGO_URL": f"mongodb://knote:{MARK}@:x/",
            "KNOTE_MONGO_MEMBERS": "a:1",
            "KNOTE_MONGO_KEYFILE": str(keyfile),
        },
        {"MINIO_HOST": f"http://{MARK}:{MARK}@store/"},
        {"KNOTE_LOG_LEVEL": MARK},
        {"KNOTE_MAX_NOTE_BYTES": MARK},
    ):
        said = await knote(command, {**environment, **wrong}, folder=tmp_path)
        expect_silence(settings, said.stdout + said.stderr)
        assert said.status in {1, 2}
        (line,) = said.log
        assert line["level"] == "CRITICAL"
        assert next(iter(wrong)) in line["message"]


async def test_a_port_that_is_taken_is_a_line_of_the_log(settings: Settings, tmp_path: Path) -> None:
    async with ready_replica(settings, tmp_path) as first:
        with replica(settings, tmp_path, KNOTE_PORT=str(first.port)) as late:
            assert await late.wait_ended() != 0
    assert "address already in use" in late.output.lower()
    assert log_lines(late.output)
    expect_silence(settings, late.output)


async def test_a_bootstrap_that_never_succeeds_keeps_its_secrets(settings: Settings, tmp_path: Path) -> None:
    keyfile = tmp_path / "keyfile"
    keyfile.write_text(MARK * 4, encoding="ascii")
    said = await knote(
        "bootstrap",
        {
            **environment_of(settings),
            "KNOTE_MONGO_MEMBERS": "127.0.0.1:9",
            "KNOTE_MONGO_KEYFILE": str(keyfile),
            "MINIO_ROOT_USER": f"root-{MARK}",
            "MINIO_ROOT_PASSWORD": f"password-{MARK}",
            "KNOTE_BOOTSTRAP_TIMEOUT_SECONDS": "2",
        },
        folder=tmp_path,
    )
    assert said.status == 1
    assert said.results
    assert said.log
    expect_silence(settings, said.stdout + said.stderr)


@pytest.mark.parametrize("format_", ["json", "text"])
async def test_local_mode_tells_nothing_of_what_passes_through_it(
    settings: Settings, mongo_admin: Admin, tmp_path: Path, format_: str
) -> None:
    environment = {**environment_of(settings), "KNOTE_LOG_FORMAT": format_}
    process = KnoteProcess(tmp_path / "data", environment=environment)
    await process.start()
    async with httpx.AsyncClient(base_url=process.url, trust_env=False, timeout=30) as client:
        ask = Traced(client)
        await use_it_well_and_badly(ask)
        await break_the_rows(ask, mongo_admin, settings)
    assert await process.stop() == 0
    expect_silence(settings, process.output)
    assert "a request failed" in process.output
    # What it says to the person who started it, and then its log.
    log = [line for line in process.output.splitlines() if line.startswith("{")]
    assert bool(log) == (format_ == "json")
    assert log_lines("\n".join(log)) or format_ == "text"
