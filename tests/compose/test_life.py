"""Starting, stopping and dying: what was acknowledged stays, and readers notice nothing."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from api.samples import noise_png
from compose.system import Compose, ComposeKnote, docker

READERS = 4


@dataclass
class Kept:
    """A note with a picture, and the bytes of that."""

    note: str
    content: str
    picture: str
    data: bytes

    @classmethod
    async def create(cls, client: httpx.AsyncClient, *, seed: int) -> "Kept":
        """Publishes it."""
        uploaded = await client.post("/api/v1/pictures", files={"file": ("a.png", noise_png(80, seed=seed))})
        uploaded.raise_for_status()
        picture = uploaded.headers["location"]
        content = f"Kept {seed} ![a picture]({picture})"
        published = await client.post("/api/v1/notes", json={"content": content})
        published.raise_for_status()
        data = (await client.get(picture)).content
        return cls(published.headers["location"], content, picture, data)

    async def expect(self, client: httpx.AsyncClient) -> None:
        """Reads both back."""
        note = await client.get(self.note)
        assert note.status_code == 200, (note.status_code, note.text)
        assert note.json()["content"] == self.content
        picture = await client.get(self.picture)
        assert (picture.status_code, picture.content) == (200, self.data)


@dataclass
class Readers:
    """What the readers met."""

    count: int = 0
    longest_seconds: float = 0
    failures: list[str] = field(default_factory=list)


@asynccontextmanager
async def reading(client: httpx.AsyncClient, kept: Kept) -> AsyncIterator[Readers]:
    """Several readers that reload note and picture all the while."""
    met, is_over = Readers(), asyncio.Event()

    async def read() -> None:
        while not is_over.is_set():
            began = time.monotonic()
            try:
                await kept.expect(client)
            except (AssertionError, httpx.HTTPError) as error:
                met.failures.append(repr(error))
            met.count += 1
            met.longest_seconds = max(met.longest_seconds, time.monotonic() - began)

    readers = [asyncio.create_task(read()) for _ in range(READERS)]
    try:
        yield met
    finally:
        is_over.set()
        await asyncio.gather(*readers)


def results(compose: Compose) -> list[dict[str, Any]]:
    """What the last run of the bootstrap said, line by line."""
    since = compose.container("bootstrap").inspected["State"]["StartedAt"]
    lines = compose.run("logs", "--no-log-prefix", "--since", since, "bootstrap").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


async def test_another_up_changes_nothing(client: httpx.AsyncClient, compose: Compose) -> None:
    kept = await Kept.create(client, seed=1)
    before = {one.id for one in compose.containers()}
    async with reading(client, kept) as met:
        await asyncio.to_thread(compose.run, "up", "--wait")
    assert {one.id for one in compose.containers()} == before
    assert compose.container("bootstrap").inspected["State"]["ExitCode"] == 0
    said = results(compose)
    assert {line["step"] for line in said} >= {"replica-set", "user", "bucket", "policy", "access-key"}
    assert {line["result"] for line in said} <= {"unchanged", "verified"}
    assert met.failures == []


async def test_readers_do_not_notice_that_a_replica_is_killed(
    client: httpx.AsyncClient, compose: Compose
) -> None:
    kept = await Kept.create(client, seed=2)
    victim = compose.containers("api")[0]
    async with reading(client, kept) as met:
        await asyncio.sleep(1)
        os.kill(victim.pid, signal.SIGKILL)
        await asyncio.sleep(0.5)
        await compose.wait_healthy("api")
        await asyncio.sleep(1)
    assert met.failures == []
    print(
        f"\n{met.count} reads, the longest {met.longest_seconds:.1f} s (killed, and restarted by the engine)"
    )
    assert compose.containers("api")[0].pid != victim.pid


async def test_readers_do_not_notice_that_a_replica_is_gone(
    client: httpx.AsyncClient, compose: Compose
) -> None:
    kept = await Kept.create(client, seed=3)
    async with reading(client, kept) as met:
        await asyncio.sleep(1)
        await asyncio.to_thread(docker, "kill", "--signal", "KILL", compose.containers("api")[0].id)
        await asyncio.sleep(10)
        assert sorted(one.health for one in compose.containers("api")) == ["exited", "healthy"]
        await asyncio.to_thread(compose.run, "up", "--wait")
        await asyncio.sleep(1)
    assert met.failures == []
    print(f"\n{met.count} reads, the longest {met.longest_seconds:.1f} s (one of two replicas away)")


async def test_more_replicas_share_the_work(client: httpx.AsyncClient, compose: Compose) -> None:
    kept = await Kept.create(client, seed=4)
    compose.run("up", "--detach", "--wait", "--scale", "api=4")
    await asyncio.sleep(3)
    for _ in range(40):
        await kept.expect(client)
    logs = [line.partition("|") for line in compose.run("logs", "api").splitlines()]
    served = {name.strip() for name, _, line in logs if kept.note in line}
    assert len(served) == 4
    compose.run("up", "--wait")
    assert len(compose.containers("api")) == 2
    await kept.expect(client)


async def test_stores_may_come_back_with_other_addresses(client: httpx.AsyncClient, compose: Compose) -> None:
    kept = await Kept.create(client, seed=11)
    before = {one.service: one.address for one in compose.containers("minio", "mongo")}
    compose.run("stop", "minio", "mongo")
    for service in ("mongo", "minio") if before["minio"] < before["mongo"] else ("minio", "mongo"):
        compose.run("start", service)
    await compose.wait_healthy()
    await asyncio.sleep(3)
    for answer in [await client.get(kept.picture, params={"width": 320}) for _ in range(4)]:
        assert answer.status_code == 200, answer.text
    await kept.expect(client)


async def test_everything_restarted_keeps_everything(client: httpx.AsyncClient, compose: Compose) -> None:
    kept = [await Kept.create(client, seed=seed) for seed in (5, 6, 7)]
    compose.run("restart")
    await compose.wait_healthy()
    for one in kept:
        await one.expect(client)


async def test_down_and_up_keep_everything(client: httpx.AsyncClient, compose: Compose) -> None:
    kept = [await Kept.create(client, seed=seed) for seed in (8, 9)]
    compose.run("down")
    assert compose.containers() == []
    compose.run("up", "--build", "--wait")
    for one in kept:
        await one.expect(client)
    assert {line["result"] for line in results(compose)} <= {"unchanged", "verified", "waiting"}


async def test_the_jobs_run_and_find_everything_in_order(
    client: httpx.AsyncClient, knote: ComposeKnote, compose: Compose
) -> None:
    kept = await Kept.create(client, seed=10)
    for job in ("sweep", "fsck"):
        printed = compose.run("run", "--rm", "--no-TTY", "api", job)
        assert json.loads(printed[printed.index("{") :]), printed
    await kept.expect(client)
