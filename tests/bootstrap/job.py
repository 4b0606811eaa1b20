"""One run of `python -m knote bootstrap`, as a job of a cluster runs it."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from servers.process import is_setting


@dataclass(frozen=True)
class Run:
    """What one run has said."""

    status: int
    output: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its standard output: one JSON object a line, or this fails."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    @property
    def results(self) -> dict[str, str]:
        """The last result of each step. Log lines stand beside them and have no step."""
        return {line["step"]: line["result"] for line in self.lines if "step" in line}


async def bootstrap(
    environment: Mapping[str, str], *, secrets: tuple[str, ...] = (), timeout_seconds: float = 60
) -> Run:
    """Runs the command; fails when a secret is told."""
    kept = {name: value for name, value in os.environ.items() if not is_setting(name)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "knote", "bootstrap"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**kept, "KNOTE_BOOTSTRAP_TIMEOUT_SECONDS": str(timeout_seconds), **environment},
    )
    output = (await process.communicate())[0].decode()
    for secret in secrets:
        assert secret not in output, output
    assert process.returncode is not None
    return Run(process.returncode, output)
