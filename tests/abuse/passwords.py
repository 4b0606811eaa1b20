"""What comparing passwords gives away by its time, and what it costs the others: `make test-timing`.

Both are medians taken in turns on the same machine in the same minutes. It needs a machine with little else
to do, and is therefore no part of `make test`.
"""

import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from knote.accounts import add_user
from knote.settings import Settings
from servers.process import CHECKOUT
from wire.replica import Replica, ready_replica

SESSION, NOTES = "/api/v1/session", "/api/v1/notes"
PASSWORD = "correct horse battery"
TRIES, ACCOUNTS = 200, 10
ROUNDS, REQUESTS = 10, 80
_addresses = (f"172.16.{number >> 8}.{number & 255}" for number in itertools.count())


@pytest.fixture
async def replica(settings: Settings, tmp_path: Path) -> AsyncIterator[Replica]:
    """A replica with accounts."""
    for number in range(ACCOUNTS):
        await add_user(settings, f"ada {number}", PASSWORD, is_admin=False)
    async with ready_replica(settings, tmp_path, KNOTE_AUTH="accounts", KNOTE_REQUESTS_PER_MINUTE="0") as one:
        yield one


async def taken(client: httpx.AsyncClient, method: str, path: str, status: int, **options: object) -> float:
    """Milliseconds until the answer."""
    began = time.perf_counter()
    answer = await client.request(method, path, **options)  # type: ignore[arg-type]
    seconds = time.perf_counter() - began
    assert answer.status_code == status, answer.text
    return seconds * 1000


async def test_a_name_that_is_nobodys_takes_as_long_as_a_wrong_password(replica: Replica) -> None:
    times: dict[str, list[float]] = {"nobody": [], "ada": []}
    async with replica.open() as client:
        for turn in range(-10, TRIES):
            # Each goes first as often as the other.
            for name in sorted(times, reverse=turn % 2 == 0):
                body = {"name": f"{name} {turn % ACCOUNTS}", "password": "wrong horse battery"}
                headers = {"X-Forwarded-For": next(_addresses)}
                found = await taken(client, "POST", SESSION, 401, json=body, headers=headers)
                if turn >= 0:
                    times[name].append(found)
    unknown, wrong = (statistics.median(times[name]) for name in times)
    print(f"\nunknown user {unknown:.2f} ms, wrong password {wrong:.2f} ms: {unknown / wrong:.3f}")
    assert 0.9 < unknown / wrong < 1.1


@contextmanager
def people_sign_in(replica: Replica) -> Iterator[None]:
    """Meanwhile, people sign in without pause, each of them one after the other."""
    command = [sys.executable, "-m", "abuse.signing_in", str(replica.port), "ada 1", PASSWORD]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "tests")}
    process = subprocess.Popen(command, env=environment)
    try:
        time.sleep(1.5)
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


async def test_who_signs_in_does_not_hold_up_the_others(replica: Replica) -> None:
    calm: dict[str, list[float]] = {"GET": [], "POST": []}
    busy: dict[str, list[float]] = {"GET": [], "POST": []}
    async with replica.open() as client:
        answer = await client.post(SESSION, json={"name": "ada 0", "password": PASSWORD})
        cookie = answer.headers["set-cookie"].partition(";")[0]
        client.headers.update({"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})

        async def measure(times: dict[str, list[float]]) -> None:
            for _ in range(REQUESTS):
                times["POST"].append(await taken(client, "POST", NOTES, 201, json={"content": "x" * 500}))
                times["GET"].append(await taken(client, "GET", NOTES, 200))

        await measure({"GET": [], "POST": []})
        for _ in range(ROUNDS):
            await measure(calm)
            with people_sign_in(replica):
                await measure(busy)
    signed_in = sum(line["path"] == SESSION for line in replica.log if line["logger"] == "knote.access")
    ratios = {name: statistics.median(busy[name]) / statistics.median(calm[name]) for name in calm}
    for name, ratio in ratios.items():
        print(
            f"\n{name} {NOTES}: {statistics.median(calm[name]):.2f} ms, while people sign in "
            f"{statistics.median(busy[name]):.2f} ms: {ratio:.2f} ({signed_in} signed in)"
        )
    assert all(ratio < 1.2 for ratio in ratios.values())
