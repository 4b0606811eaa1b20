"""What a seed decides, and what the lines between the parts do to what passes through them."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from chaos.faults import KINDS, Step, plan
from chaos.network import Network
from chaos.workload import decisions
from knote.local.ports import free_port

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000


def steps(seed: int, count: int) -> list[Step]:
    """The first steps of a seed's plan."""
    return list(itertools.islice(plan(seed, list(KINDS)), count))


def test_a_seed_has_one_plan() -> None:
    assert steps(7, 60) == steps(7, 60)
    assert steps(7, 60) != steps(8, 60)


def test_each_kind_comes_alone_and_in_pairs() -> None:
    first = steps(7, 2 * len(KINDS))
    alone = [step.faults[0].kind for step in first[::2]]
    assert sorted(alone) == sorted(KINDS)
    paired = [fault.kind for step in first[1::2] for fault in step.faults]
    assert set(paired) == set(KINDS)
    assert {fault.kind for step in first[: len(KINDS) + 1] for fault in step.faults} == set(KINDS)
    for step in first:
        for fault in step.faults:
            least, most = KINDS[fault.kind].seconds
            assert least <= fault.seconds <= most


def test_a_worker_decides_by_seed_and_number_alone() -> None:
    def first(seed: int, worker: int) -> list[object]:
        return list(itertools.islice(decisions(seed, worker), 200))

    assert first(7, 1) == first(7, 1)
    assert first(7, 1) != first(7, 2)
    assert first(7, 1) != first(8, 1)


@pytest.fixture
async def target() -> AsyncIterator[int]:
    """A server that answers anything with many bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                writer.write(_ANSWER)
                await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """The process of the lines."""
    network = Network(tmp_path / "network.log")
    async with network.running():
        yield network


async def test_a_line_is_slow_cuts_and_refuses_for_as_long_as_it_is_told(
    network: Network, target: int
) -> None:
    port = free_port()
    await network.open("s3", port, "http", [target], seed=1)
    url = f"http://127.0.0.1:{port}/"

    async def ask() -> tuple[int, int]:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            answer = await client.get(url)
            return answer.status_code, len(answer.content)

    assert await ask() == (200, 100_000)
    await network.weather("s3", delay_seconds=0.5)
    before = time.monotonic()
    assert await ask() == (200, 100_000)
    assert time.monotonic() - before >= 0.5
    await network.weather("s3", delay_seconds=0, cut_after_bytes=20_000)
    with pytest.raises(httpx.TransportError):
        await ask()
    await network.weather("s3", cut_after_bytes=None, answers_errors=True)
    assert (await ask())[0] == 503
    await network.weather("s3", answers_errors=False)
    assert await ask() == (200, 100_000)


async def test_members_among_themselves_pass_a_line_untouched(network: Network, target: int) -> None:
    port = free_port()
    await network.open("mongo-0", port, "tcp", [target], seed=1)
    await network.weather("mongo-0", cut_after_bytes=0)
    for said, size in ((b"hello internalClient", len(_ANSWER)), (b"hello", 0)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        try:
            got = await reader.readexactly(len(_ANSWER))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            got = b""
        assert len(got) == size
        writer.transport.abort()


async def test_a_service_sends_connections_to_who_is_ready(network: Network, target: int) -> None:
    port = free_port()
    await network.open("api", port, "service", [], seed=1)
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://127.0.0.1:{port}/")
    await network.target("api", [target])
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200
