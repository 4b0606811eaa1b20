"""The commands of Knote in processes of their own, and what they say."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knote.settings import Settings
from secrecy.overheard import OVERHEARD
from servers.process import is_setting

OF_A_LINE = {"time", "level", "logger", "message", "request_id"}


@dataclass(frozen=True)
class Said:
    """How a command ended, and all it said."""

    status: int
    stdout: str
    stderr: str

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its log, one whole object a line, or this fails."""
        return log_lines(self.stderr)

    @property
    def results(self) -> list[dict[str, Any]]:
        """What it printed: one JSON object a line, or this fails."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def log_lines(text: str) -> list[dict[str, Any]]:
    """The lines of a log: each a JSON object with all that a line has, or this fails."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert set(line) >= OF_A_LINE, line
    return lines


def environment_of(settings: Settings) -> dict[str, str]:
    """The stores of the settings, as variables."""
    return {
        "MONGO_URL": settings.mongo_url.get_secret_value(),
        "MINIO_HOST": settings.minio_host,
        "MINIO_ACCESS_KEY": settings.minio_access_key,
        "MINIO_SECRET_KEY": settings.minio_secret_key.get_secret_value(),
        "MINIO_BUCKET": settings.minio_bucket,
        "KNOTE_MONGO_TIMEOUT_SECONDS": "2",
        "KNOTE_S3_TIMEOUT_SECONDS": "2",
        "KNOTE_LOG_LEVEL": "debug",
    }


async def knote(command: str, environment: Mapping[str, str], *, folder: Path, typed: str = "") -> Said:
    """Runs one command to its end; `typed` is what it reads from standard input."""
    kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "knote", *command.split()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**kept, **environment},
    )
    async with asyncio.timeout(120):
        stdout, stderr = await process.communicate(typed.encode())
    assert process.returncode is not None
    OVERHEARD.hold_settings(environment)
    OVERHEARD.hold("what was typed", typed.strip())
    OVERHEARD.say(stdout.decode() + stderr.decode())
    return Said(process.returncode, stdout.decode(), stderr.decode())
