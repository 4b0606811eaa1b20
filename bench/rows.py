"""The rows of the table: what Knote does, and beside it the fastest thing that the same parts can do."""

import asyncio
import json
import os
import re
import resource
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import psutil
from minio import Minio
from yarl import URL

from bench.load import CONNECTIONS, Load, wrk
from bench.measure import Result, Side, beside, compared, in_turn
from bench.notebooks import PROSE, SIZES, name_of, searches
from bench.pictures import different, jpeg
from bench.processes import MEASURED, REST, Server, cpu_seconds, pin
from bench.prose import Prose
from bench.stage import CACHE, Stage
from delivery.web import Web
from knote.local.ports import free_port
from knote.notes.search import Query, index_terms, parse_query
from knote.notes.store import page_filter
from knote.pages import Keyset, encode_cursor
from servers.process import CHECKOUT

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
MEGABYTE = 1_000_000
SECONDS = 2.0
WRITES = "bench_writes"
AT_ONCE = 16
LARGEST_AT_ONCE = 8
COLD_PICTURES = 1_000
PAGES = 500
SETUP_TOKEN = secrets.token_urlsafe()
ACCOUNTS: dict[str, Any] = {
    "KNOTE_PICTURE_DELIVERY": "accel",
    "KNOTE_AUTH": "accounts",
    "KNOTE_SETUP_TOKEN": SETUP_TOKEN,
    # The load is one user, who asks for more than anybody may.
    "KNOTE_REQUESTS_PER_MINUTE": "0",
}

Row = Callable[[Stage], Awaitable[list[Result]]]


async def open_notebook(stage: Stage) -> list[Result]:
    """The first page, beside one find of 20 encoded by the fastest JSON library; and no two the same page.

    Those who open a notebook in the same moment share a find, so the second says what each costs alone.
    """
    database = name_of(1_000)
    first = f"{NOTES}?limit=20"
    async with running(stage.knote(database)) as knote, bare_notes(stage, database) as limit:
        pages = [f"{first}&cursor={cursor}" for cursor in await cursors(stage, database, 0, PAGES)]
        shared, alone = rate(f"{knote.url}{first}"), rate(knote.url, *pages, script="each")
        bare = rate(f"{limit.url}/list")
        return [
            await beside("open the notebook", shared, bare, target=0.80),
            await beside("open the notebook, each another page", alone, bare, target=0.80),
        ]


async def grown(stage: Stage) -> list[Result]:
    """The first page and the page 90 % down, at every size, beside the first page of 20 notes."""
    async with many([stage.knote(name_of(size)) for size in SIZES]) as replicas:
        names, sides = [], []
        for size, replica in zip(SIZES, replicas, strict=True):
            names.append(f"grown: {size:,} notes, first page")
            sides.append(rate(f"{replica.url}{NOTES}?limit=20"))
            if size > SIZES[0]:
                (cursor,) = await cursors(stage, name_of(size), size * 9 // 10, 1)
                names.append(f"grown: {size:,} notes, 90 % down")
                sides.append(rate(f"{replica.url}{NOTES}?limit=20&cursor={cursor}"))
        smallest, *others = await in_turn(sides)
    return [
        compared(name, rates, smallest, target=0.90) for name, rates in zip(names[1:], others, strict=True)
    ]


async def unchanged(stage: Stage) -> list[Result]:
    """The first page with the ETag it came with, beside itself without."""
    async with running(stage.knote(name_of(1_000))) as knote:
        url = f"{knote.url}{NOTES}?limit=20"
        tag = httpx.get(url, trust_env=False).headers.get("etag", '"none"')
        if httpx.get(url, headers={"If-None-Match": tag}, trust_env=False).status_code != 304:
            raise RuntimeError("a list with its own ETag is not answered with 304")
        conditional = rate(url, f"If-None-Match: {tag}")
        return [await beside("unchanged", conditional, rate(url), target=1.5)]


async def publish(stage: Stage) -> list[Result]:
    """A new note with an idempotency key, beside one insert of such a document."""
    await empty(stage)
    text = Prose(seed=2).note()
    body = json.dumps({"content": text})
    async with running(stage.knote(WRITES)) as knote, bare_writer(stage, text) as limit:
        return [
            await beside(
                "publish",
                rate(f"{knote.url}{NOTES}", body, script="publish"),
                rate(f"{limit.url}/insert", body, script="publish"),
                target=0.70,
            )
        ]


async def edit(stage: Stage) -> list[Result]:
    """A new version by whoever has the last one, beside one find-and-modify."""
    await empty(stage)
    text = Prose(seed=3).note()
    body = json.dumps({"content": text})
    async with running(stage.knote(WRITES)) as knote, bare_writer(stage, text) as limit:
        ids = [
            httpx.post(f"{knote.url}{NOTES}", json={"content": text}, trust_env=False).json()["id"]
            for _ in range(CONNECTIONS)
        ]

        def side(url: str, path: str) -> Side:
            measure = rate(url, body, path, *ids, script="edit", threads=CONNECTIONS)

            async def once() -> float:
                async with stage.mongo.open_admin() as client:
                    await client[WRITES]["notes"].update_many({}, {"$set": {"version": 1}})
                return await measure()

            return once

        return [await beside("edit", side(knote.url, f"{NOTES}/"), side(limit.url, "/edit/"), target=0.70)]


async def search(stage: Stage) -> list[Result]:
    """Two words among 100,000 notes, beside the same find; and how long one searcher waits."""
    results = []
    database = name_of(PROSE)
    for _, found in sorted((await searches(stage.mongo)).items()):
        async with (
            running(stage.knote(database)) as knote,
            bare_notes(stage, database, parse_query(found.words)) as limit,
        ):
            url = f"{knote.url}{NOTES}?limit=20&q={found.words.replace(' ', '+')}"
            name = f"search, {found.hits:,} notes found"
            results.append(await beside(name, rate(url), rate(f"{limit.url}/list"), target=0.70))
            waits = [(await wrk(url, seconds=1, connections=1)).p95_ms for _ in range(5)]
            results.append(compared(f"{name}: p95 in ms", waits, [25.0] * 5, target=1.0, better="lower"))
    return results


async def picture_warm(stage: Stage) -> list[Result]:
    """A picture seen before, through web, beside nginx serving the same file."""
    results = []
    async with (
        running(stage.knote(WRITES, KNOTE_PICTURE_DELIVERY="accel")) as knote,
        stage.web(knote, OPEN_PICTURE_SECONDS="600") as web,
        bare_nginx(stage) as limit,
    ):
        for name, data in (("100 kB", small_jpeg()), ("1 MB", phone_jpeg())):
            url = f"{web.url}{await uploaded(knote, different(data))}"
            shown = httpx.get(url, trust_env=False)
            (stage.folder / "files" / f"{len(shown.content)}.jpg").write_bytes(shown.content)
            results.append(
                await beside(
                    f"see a picture, warm, {name}",
                    rate(url),
                    rate(f"{limit}/files/{len(shown.content)}.jpg"),
                    target=0.80,
                )
            )
    return results


async def picture_authorised(stage: Stage) -> list[Result]:
    """A picture of an account, through web, the API asked each time, beside a bare app in the API's place."""
    results = []
    await empty(stage)
    async with running(stage.knote(WRITES, **ACCOUNTS)) as knote, stage.web(knote) as web:
        async with client_of(knote) as client:
            cookie = await signed_in(client)
            paths = [await posted(client, different(data)) for data in (small_jpeg(), phone_jpeg())]
        for name, path in zip(("100 kB", "1 MB"), paths, strict=True):
            redirect = f"/_s3{signed(stage, path.rpartition('/')[2])}"
            async with (
                running(stage.limit("accel", REDIRECT=redirect), path="/") as bare_api,
                stage.web(bare_api) as limit,
            ):
                results.append(
                    await beside(
                        f"see a picture, warm, with authorisation, {name}",
                        rate(f"{web.url}{path}", f"Cookie: {cookie}"),
                        rate(f"{limit.url}{path}"),
                        target=0.70,
                    )
                )
    return results


async def picture_cold(stage: Stage) -> list[Result]:
    """Pictures not seen before, through web, beside presigned GETs through a bare nginx."""
    async with (
        running(stage.knote(WRITES, KNOTE_PICTURE_DELIVERY="accel")) as knote,
        stage.web(knote, OPEN_PICTURE_SECONDS="600") as web,
        bare_nginx(stage) as limit,
    ):
        small = small_jpeg()
        paths = [await uploaded(knote, different(small)) for _ in range(COLD_PICTURES)]
        urls = [signed(stage, path.rpartition("/")[2]) for path in paths]

        async def knote_side() -> float:
            empty_cache(web)
            return await walked(web.url, paths)

        async def limit_side() -> float:
            return await walked(limit, urls)

        return [await beside("see a picture, cold, 100 kB", knote_side, limit_side, target=0.70)]


async def picture_stream(stage: Stage) -> list[Result]:
    """A picture through the API alone, beside a bare app that streams it from the S3 server."""
    results = []
    async with running(stage.knote(WRITES)) as knote:
        for name, data in (("100 kB", small_jpeg()), ("1 MB", phone_jpeg())):
            path = await uploaded(knote, different(data))
            url = f"{stage.minio.endpoint}{signed(stage, path.rpartition('/')[2])}"
            async with running(stage.limit("pictures", URL=url), path="/") as limit:
                results.append(
                    await beside(
                        f"see a picture, without nginx, {name}",
                        rate(f"{knote.url}{path}"),
                        rate(f"{limit.url}/"),
                        target=0.90,
                    )
                )
    return results


async def upload(stage: Stage) -> list[Result]:
    """16 phone pictures at once, beside decoding each once and putting the same bytes."""
    async with running(stage.knote(WRITES)) as knote:

        async def knote_side() -> float:
            files = [different(phone_jpeg()) for _ in range(AT_ONCE)]
            async with client_of(knote) as client:
                await posted(client, different(phone_jpeg()))
                began = time.perf_counter()
                await asyncio.gather(*(posted(client, data) for data in files))
                return AT_ONCE / (time.perf_counter() - began)

        async def limit_side() -> float:
            file = stage.folder / "phone.jpg"
            file.write_bytes(phone_jpeg())
            job = {
                "endpoint": stage.minio.endpoint,
                "access_key": stage.minio.access_key,
                "secret_key": stage.minio.secret_key,
                "bucket": stage.minio.bucket,
                "files": [str(file)] * AT_ONCE,
            }
            output = await run_pinned("-m", "bench.limits.upload", standard_input=json.dumps(job))
            return AT_ONCE / float(output)

        return [await beside("upload, 16 of 1 MB at once", knote_side, limit_side, target=0.70)]


async def memory(stage: Stage) -> list[Result]:
    """What 8 uploads of the largest size take at once, beside the process at rest and 64 MB."""
    data = jpeg(
        CACHE / "pictures", "largest", size_bytes=20 * 1024 * 1024 - 64, width=7200, height=5400, noise=60
    )
    peaks, allowed = [], []
    for _ in range(3):
        async with running(stage.knote(WRITES)) as knote, client_of(knote) as client:
            for _ in range(20):
                await client.get(NOTES)
            await posted(client, different(small_jpeg()))
            rest = knote.process.memory_info().rss
            Path(f"/proc/{knote.process.pid}/clear_refs").write_text("5")
            files = [different(data) for _ in range(LARGEST_AT_ONCE)]
            await asyncio.gather(*(posted(client, file) for file in files))
            peaks.append(peak_bytes(knote.process.pid) / MEGABYTE)
            allowed.append(rest / MEGABYTE + 64)
    name = "memory in MB, 8 of the largest uploads at once"
    return [compared(name, peaks, allowed, target=1.0, better="lower")]


async def replica(stage: Stage) -> list[Result]:
    """From start to ready, beside importing the libraries; and the memory of a replica at rest."""
    resting = []

    async def knote_side() -> float:
        knote = stage.knote(name_of(1_000))
        began = time.perf_counter()
        try:
            await knote.start("/readyz")
            seconds = time.perf_counter() - began
            async with client_of(knote) as client:
                for _ in range(20):
                    await client.get(NOTES)
            resting.append(knote.process.memory_info().rss / MEGABYTE)
        finally:
            knote.stop()
        return seconds

    async def limit_side() -> float:
        began = time.perf_counter()
        await run_pinned("-c", "import fastapi, motor, aioboto3")
        return time.perf_counter() - began

    return [
        await beside("a replica: seconds to ready", knote_side, limit_side, target=1.5, better="lower"),
        compared("a replica: MB at rest", resting, [110.0] * len(resting), target=1.0, better="lower"),
    ]


async def replicas(stage: Stage) -> list[Result]:
    """Two processes on two cores beside one on one, in the time that load and MongoDB leave them."""
    database = name_of(1_000)
    path = f"{NOTES}?limit=20"
    mongod = psutil.Process(stage.mongo.pid)
    async with many([stage.knote(database, core=core) for core in (MEASURED, REST)]) as both:
        urls = [f"{knote.url}{path}" for knote in both]

        async def two() -> float:
            pin(mongod.pid, "0,1")
            began, busy = time.perf_counter(), others_seconds(mongod)
            loads = await asyncio.gather(*(wrk(url, seconds=SECONDS * 2, cores="0,1") for url in urls))
            seconds = time.perf_counter() - began
            left = 2 * seconds - (others_seconds(mongod) - busy)
            pin(mongod.pid, REST)
            return 2 * sum(load.requests for load in loads) / left

        return [await beside("replicas, 2 on 2 cores", two, rate(urls[0]), target=1.7)]


ROWS: dict[str, Row] = {
    "open": open_notebook,
    "grown": grown,
    "unchanged": unchanged,
    "publish": publish,
    "edit": edit,
    "search": search,
    "picture-warm": picture_warm,
    "picture-authorised": picture_authorised,
    "picture-cold": picture_cold,
    "picture-stream": picture_stream,
    "upload": upload,
    "memory": memory,
    "replica": replica,
    "replicas": replicas,
}


def rate(url: str, *arguments: str, script: str = "get", threads: int = 1) -> Side:
    """Measures how many requests a second are answered."""

    async def once() -> float:
        load: Load = await wrk(url, *arguments, script=script, threads=threads, seconds=SECONDS)
        return load.rate

    return once


async def walked(base: str, paths: Sequence[str]) -> float:
    """Asks for each path once, on as many connections as wrk has. Returns how many a second."""
    left = iter(paths)

    async def ask(session: aiohttp.ClientSession) -> None:
        for path in left:
            async with session.get(URL(base + path, encoded=True)) as answer:
                if answer.status != 200 or not await answer.read():
                    raise RuntimeError(f"{path}: {answer.status}")

    async with aiohttp.ClientSession() as session:
        began = time.perf_counter()
        await asyncio.gather(*(ask(session) for _ in range(CONNECTIONS)))
        return len(paths) / (time.perf_counter() - began)


@asynccontextmanager
async def running(server: Server, path: str = "/readyz") -> AsyncIterator[Server]:
    """The server, once it answers."""
    try:
        await server.start(path)
        yield server
    finally:
        server.stop()


@asynccontextmanager
async def many(servers: list[Server]) -> AsyncIterator[list[Server]]:
    """The servers, once all of them answer."""
    try:
        for server in servers:
            await server.start("/readyz")
        yield servers
    finally:
        for server in servers:
            server.stop()


@asynccontextmanager
async def bare_notes(
    stage: Stage, database: str, query: Query | None = None, **environment: str
) -> AsyncIterator[Server]:
    """A bare app over a notebook, whose list is the one that Knote asks MongoDB for."""
    values = {
        "MONGO_URL": stage.mongo.url_of(database),
        "LISTED": json.dumps(page_filter(None, query, None)),
    }
    async with running(stage.limit("notes", **values, **environment), path="/list") as limit:
        yield limit


@asynccontextmanager
async def bare_writer(stage: Stage, text: str) -> AsyncIterator[Server]:
    """A bare app that writes documents such as Knote makes of the text, their terms ready made."""
    document = {
        "version": 1,
        "is_deleted": False,
        "deleted_at": None,
        "terms": index_terms(text),
        "pictures": [],
    }
    async with bare_notes(stage, WRITES, DOCUMENT=json.dumps(document)) as limit:
        yield limit


@asynccontextmanager
async def bare_nginx(stage: Stage) -> AsyncIterator[str]:
    """The URL of an nginx over `files` in the stage's folder, and over the S3 server."""
    port = free_port()
    (stage.folder / "files").mkdir(exist_ok=True)
    values = {
        "PORT": str(port),
        "RUN": str(stage.folder),
        "ROOT": str(stage.folder / "files"),
        "S3": stage.minio.endpoint.removeprefix("http://"),
    }
    text = (CHECKOUT / "bench" / "limits" / "nginx.conf").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    configuration = stage.folder / "limit.conf"
    configuration.write_text(text)
    path = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin"
    process = subprocess.Popen(
        ["nginx", "-e", "stderr", "-c", str(configuration), "-g", "user root;"], env={"PATH": path}
    )
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    await client.get(url)
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
        pin(process.pid, MEASURED)
        yield url
    finally:
        process.terminate()
        process.wait()


def client_of(server: Server) -> httpx.AsyncClient:
    """A client of a server."""
    return httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=120)


async def signed_in(client: httpx.AsyncClient) -> str:
    """Makes the first account. Returns its cookie, which the client sends from now on."""
    account = {"setup_token": SETUP_TOKEN, "name": "bench", "password": secrets.token_urlsafe()}
    answer = await client.post("/api/v1/setup", json=account)
    if answer.status_code != 201:
        raise RuntimeError(f"{answer.status_code}: {answer.text}")
    [cookie, *_] = re.findall(r"__Host-knote=[^;,]+", answer.headers["set-cookie"])
    # By hand: without TLS no client sends it. A browser says besides that its page is Knote's own.
    client.headers.update({"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
    return str(cookie)


async def posted(client: httpx.AsyncClient, data: bytes) -> str:
    """Uploads a picture that is new. Returns its path."""
    answer = await client.post(PICTURES, files={"file": ("photo.jpg", data)})
    if answer.status_code != 201:
        raise RuntimeError(f"{answer.status_code}: {answer.text}")
    return str(answer.headers["location"])


async def uploaded(server: Server, data: bytes) -> str:
    """Uploads one picture. Returns its path."""
    async with client_of(server) as client:
        return await posted(client, data)


def small_jpeg() -> bytes:
    """A picture of about 100 kB."""
    return jpeg(CACHE / "pictures", "small", size_bytes=100_000, width=1280, height=960)


def phone_jpeg() -> bytes:
    """A picture of about 1 MB, as a phone takes it: 12 megapixels, EXIF, GPS."""
    return jpeg(CACHE / "pictures", "phone", size_bytes=MEGABYTE, width=4032, height=3024)


def signed(stage: Stage, picture_id: str) -> str:
    """Path and query of a presigned GET of a picture's object."""
    store = Minio(
        stage.minio.endpoint.removeprefix("http://"),
        access_key=stage.minio.access_key,
        secret_key=stage.minio.secret_key,
        secure=False,
        region="us-east-1",
    )
    (found,) = store.list_objects(stage.minio.bucket, f"pictures/{picture_id}/", recursive=True)
    assert found.object_name is not None
    return store.presigned_get_object(stage.minio.bucket, found.object_name).removeprefix(
        stage.minio.endpoint
    )


def empty_cache(web: Web) -> None:
    """Removes what web's nginx keeps of pictures, its folders left as they are."""
    for file in (web.folder / "cache").rglob("*"):
        if file.is_file():
            file.unlink()


async def cursors(stage: Stage, database: str, passed: int, count: int) -> list[str]:
    """The cursors of the pages that begin after so many notes, and after one more each time."""
    async with stage.mongo.open_admin() as client:
        found = client[database]["notes"].find({"is_deleted": False}, {"created_at": True})
        notes = await found.sort([("created_at", -1), ("_id", -1)]).skip(passed).limit(count).to_list()
    keysets = [Keyset(note["created_at"].replace(tzinfo=UTC), note["_id"]) for note in notes]
    return [encode_cursor(keyset, scope="notes?q=") for keyset in keysets]


async def empty(stage: Stage) -> None:
    """Empties the notebook that rows write into."""
    async with stage.mongo.open_admin() as client:
        await client.drop_database(WRITES)


async def run_pinned(*arguments: str, standard_input: str = "") -> str:
    """What a Python of its own on the measured core prints."""
    process = await asyncio.create_subprocess_exec(
        "taskset",
        "--cpu-list",
        str(MEASURED),
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": f"{CHECKOUT}"},
    )
    output = (await process.communicate(standard_input.encode()))[0].decode()
    if process.returncode:
        raise RuntimeError(f"{arguments} failed")
    return output


def peak_bytes(process_id: int) -> int:
    """The most memory that a process has had since its peak was reset."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM here: this row needs Linux")


def others_seconds(mongod: psutil.Process) -> float:
    """The time that MongoDB and the loads that have ended have had of a core."""
    loads = resource.getrusage(resource.RUSAGE_CHILDREN)
    return cpu_seconds(mongod) + loads.ru_utime + loads.ru_stime
