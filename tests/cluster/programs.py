"""The programs that `tools/setup-cluster` builds, and how a test runs one and waits for it."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / ".cache" / "cluster"


def program(name: str) -> Path:
    """Where a program is. The test fails when it is not there."""
    path = CLUSTER / "bin" / name
    if not path.exists():
        pytest.fail(f"{name} is missing: `make test-cluster` builds it", pytrace=False)
    return path


def run(*command: str | Path, timeout_seconds: float = 120, given: str | None = None) -> str:
    """What a command prints. The test fails when the command does."""
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, timeout=timeout_seconds
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


def wait_until(is_true: Callable[[], bool], what: str, *, timeout_seconds: float = 60) -> float:
    """Asks until the answer is yes; how many seconds that took."""
    started_at = time.monotonic()
    while not is_true():
        if time.monotonic() - started_at > timeout_seconds:
            pytest.fail(f"after {timeout_seconds:.0f} seconds, not yet: {what}", pytrace=False)
        time.sleep(0.2)
    return time.monotonic() - started_at


class Daemon:
    """A program that runs until the test ends it; its output is in a file of its name."""

    def __init__(
        self, folder: Path, name: str, *arguments: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        path = f"{CLUSTER / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program(name), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": path, "HOME": str(folder), **(env or {})},
                start_new_session=True,
            )

    def wait_for(self, is_up: Callable[[], bool], *, timeout_seconds: float = 60) -> float:
        """Waits until it does what it is for; how many seconds that took."""

        def is_up_or_over() -> bool:
            if self._process.poll() is not None:
                pytest.fail(f"{self.name} has ended:\n{self.tail()}", pytrace=False)
            return is_up()

        return wait_until(is_up_or_over, f"{self.name} is up ({self.log})", timeout_seconds=timeout_seconds)

    def tail(self) -> str:
        """The end of what it has said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
