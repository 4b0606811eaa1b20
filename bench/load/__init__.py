"""The load: wrk, on the core that nothing measured uses."""

import asyncio
import json
import os
from pathlib import Path
from typing import NamedTuple

from bench.processes import REST

FOLDER = Path(__file__).parent
CONNECTIONS = 16


class Load(NamedTuple):
    """What wrk found."""

    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    requests: int


async def wrk(
    url: str,
    *arguments: str,
    script: str = "get",
    seconds: float,
    connections: int = CONNECTIONS,
    threads: int = 1,
    cores: str = str(REST),
) -> Load:
    """Asks for `url` on some connections. Raises `RuntimeError` when an answer is an error."""
    process = await asyncio.create_subprocess_exec(
        "taskset",
        "--cpu-list",
        cores,
        "wrk",
        f"--threads={threads}",
        f"--connections={connections}",
        f"--duration={max(1, round(seconds))}s",
        "--timeout=10s",
        f"--script={FOLDER / script}.lua",
        url,
        "--",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "LOAD": str(FOLDER)},
    )
    output = (await process.communicate())[0].decode()
    lines = [line for line in output.splitlines() if line.startswith('{"requests"')]
    if not lines:
        raise RuntimeError(f"wrk failed: {output}")
    found = json.loads(lines[-1])
    if found["errors"] or not found["requests"]:
        raise RuntimeError(f"{url}: {found}")
    return Load(
        found["requests"] / found["seconds"],
        found["p50_ms"],
        found["p95_ms"],
        found["p99_ms"],
        found["requests"],
    )
