"""Decoding in other processes: what breaks there stays there."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import psutil
import pytest

from knote.pictures.limits import Limits
from knote.pictures.refusal import PictureRefused
from knote.pictures.worker import PictureWorker
from pictures import samples

PROGRAM = """
import asyncio, os, sys, time
from pathlib import Path
from knote.pictures.worker import PictureWorker

async def main():
    folder = Path(sys.argv[1])
    worker = PictureWorker(workers=2)
    await asyncio.gather(*(worker.inspect(folder / "good", folder / f"kept{i}") for i in range(2)))
    if len(sys.argv) > 2 and sys.argv[2] == "busy":
        asyncio.create_task(worker.inspect(folder / "heavy", folder / "lost"))
        await asyncio.sleep(0.1)
    print(*open(f"/proc/self/task/{os.getpid()}/children").read().split(), flush=True)
    if len(sys.argv) > 2:
        await asyncio.sleep(60)

if __name__ == "__main__":
    if UVLOOP:
        import uvloop
        uvloop.run(main())
    else:
        asyncio.run(main())
"""


@cache
def good() -> bytes:
    return samples.with_metadata("JPEG")


@cache
def heavy() -> bytes:
    """A legal picture that takes seconds: 90 frames of 4 megapixels."""
    return samples.long_gif(2000, 90)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good").write_bytes(good())
    (tmp_path / "heavy").write_bytes(heavy())
    return tmp_path


def workers() -> set[int]:
    """The worker processes of this one."""
    return {child.pid for child in psutil.Process().children() if "knote.pictures.jobs" in child.cmdline()}


async def started(target: Path) -> None:
    """Wait until a worker writes `target`: from then on it decodes."""
    for _ in range(1000):
        if target.exists():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("no worker is busy")


def worker_at(target: Path) -> int:
    """The one that writes `target`."""
    (pid,) = {
        pid for pid in workers() if str(target) in {file.path for file in psutil.Process(pid).open_files()}
    }
    return pid


@pytest.fixture
async def worker() -> AsyncIterator[PictureWorker]:
    async with PictureWorker(workers=2) as worker:
        yield worker


async def test_a_picture_is_inspected_in_another_process(folder: Path, worker: PictureWorker) -> None:
    inspected = await worker.inspect(folder / "good", folder / "kept")
    assert inspected.content_type == "image/jpeg"
    assert inspected.size_bytes == (folder / "kept").stat().st_size


async def test_a_variant_is_made_in_another_process(folder: Path, worker: PictureWorker) -> None:
    (folder / "large").write_bytes(samples.encode(samples.photo(700, 400), "JPEG"))
    variant = await worker.make_variant(folder / "large", folder / "small", 320)
    assert (variant.content_type, variant.width) == ("image/webp", 320)
    with pytest.raises(ValueError, match="wider"):
        await worker.make_variant(folder / "large", folder / "larger", 960)


async def test_a_refusal_comes_back_whole(folder: Path, worker: PictureWorker) -> None:
    (folder / "bad").write_bytes(samples.NOT_PICTURES["heic"])
    with pytest.raises(PictureRefused, match="HEIC") as refused:
        await worker.inspect(folder / "bad", folder / "kept")
    assert refused.value.reason == "unsupported_type"


async def test_a_missing_source_is_an_error_of_the_disk(folder: Path, worker: PictureWorker) -> None:
    with pytest.raises(FileNotFoundError):
        await worker.inspect(folder / "none", folder / "kept")


async def test_a_killed_worker_fails_its_own_upload_only(folder: Path, worker: PictureWorker) -> None:
    await worker.inspect(folder / "good", folder / "first")
    failing = asyncio.create_task(worker.inspect(folder / "heavy", folder / "lost"))
    await started(folder / "lost")
    os.kill(worker_at(folder / "lost"), signal.SIGKILL)
    beside = asyncio.create_task(worker.inspect(folder / "good", folder / "beside"))
    with pytest.raises(PictureRefused) as refused:
        await failing
    assert refused.value.reason == "broken"
    assert not (folder / "lost").exists()
    assert (await beside).width == 64
    assert (await worker.inspect(folder / "good", folder / "next")).width == 64


async def test_a_worker_killed_at_rest_costs_nobody_an_upload(folder: Path, worker: PictureWorker) -> None:
    for _ in range(3):
        await worker.inspect(folder / "good", folder / "first")
        for pid in workers():
            os.kill(pid, signal.SIGKILL)
        assert (await worker.inspect(folder / "good", folder / "next")).width == 64


async def test_a_hanging_decode_is_killed_in_time(folder: Path) -> None:
    async with PictureWorker(workers=1, timeout_seconds=0.5) as worker:
        await worker.inspect(folder / "good", folder / "warm")
        before = workers()
        began = time.perf_counter()
        with pytest.raises(PictureRefused) as refused:
            await worker.inspect(folder / "heavy", folder / "lost")
        assert refused.value.reason == "too_complex"
        assert time.perf_counter() - began < 2
        assert not workers() & before
        assert not (folder / "lost").exists()
        assert (await worker.inspect(folder / "good", folder / "next")).width == 64


async def test_waiting_for_a_free_worker_is_not_a_timeout(folder: Path, worker: PictureWorker) -> None:
    (folder / "slow").write_bytes(samples.long_gif(1000, 20))
    await worker.inspect(folder / "good", folder / "warm")
    took = time.perf_counter()
    await worker.inspect(folder / "slow", folder / "kept")
    took = time.perf_counter() - took
    async with PictureWorker(workers=1, timeout_seconds=3 * took + 1) as queue:
        jobs = (queue.inspect(folder / "slow", folder / f"kept{i}") for i in range(6))
        assert [found.frames for found in await asyncio.gather(*jobs)] == [20] * 6


async def test_a_cancelled_upload_ends_its_worker(folder: Path, worker: PictureWorker) -> None:
    task = asyncio.create_task(worker.inspect(folder / "heavy", folder / "lost"))
    await started(folder / "lost")
    assert len(workers()) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not workers()
    assert not (folder / "lost").exists()


async def test_an_upload_cancelled_as_its_worker_begins_leaves_nothing(
    folder: Path, worker: PictureWorker
) -> None:
    await worker.inspect(folder / "good", folder / "warm")
    task = asyncio.create_task(worker.inspect(folder / "heavy", folder / "lost"))
    await asyncio.sleep(0)
    while not (folder / "lost").exists():
        time.sleep(0.01)  # noqa: ASYNC251 - what the worker says meanwhile is not read
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not workers()
    assert not (folder / "lost").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs an address space limit")
async def test_a_decoder_cannot_take_more_memory_than_allowed(folder: Path) -> None:
    (folder / "large").write_bytes(samples.encode(samples.photo(5000, 4000, "L"), "WEBP", method=0))
    async with PictureWorker(Limits(max_memory_bytes=100 * 1024 * 1024)) as small:
        with pytest.raises(PictureRefused) as refused:
            await small.inspect(folder / "large", folder / "lost")
        assert refused.value.reason in ("too_complex", "broken")
        assert (await small.inspect(folder / "good", folder / "next")).width == 64


async def test_a_warm_call_costs_little(folder: Path, worker: PictureWorker) -> None:
    (folder / "empty").write_bytes(b"")
    calls = []
    for _ in range(30):
        began = time.perf_counter()
        with pytest.raises(PictureRefused):
            await worker.inspect(folder / "empty", folder / "kept")
        calls.append(time.perf_counter() - began)
    assert sorted(calls)[len(calls) // 2] < 0.02


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("uvloop", [True, False])
@pytest.mark.parametrize("way_out", ["return", "terminate", "kill", "busy"])
def test_no_worker_outlives_the_program(folder: Path, uvloop: bool, way_out: str) -> None:
    (folder / "program.py").write_text(f"UVLOOP = {uvloop}\n{PROGRAM}")
    command = [sys.executable, "-m", "program", str(folder)]
    if way_out != "return":
        command.append(way_out)
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as program:
        assert program.stdout is not None
        pids = [int(pid) for pid in program.stdout.readline().split()]
        assert len(pids) == 2
        if way_out != "return":
            program.send_signal(signal.SIGTERM if way_out == "terminate" else signal.SIGKILL)
        program.wait(10)
    deadline = time.monotonic() + 15
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in pids if is_running(pid)]


def is_running(pid: int) -> bool:
    """Whether a process is there, and not only its exit status."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_api_process_loads_no_decoder() -> None:
    code = "import sys, knote.pictures.worker, knote.pictures.widths; print('PIL' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
