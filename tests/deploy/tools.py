"""The programs that read deployment files; `make test` installs them."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PROGRAMS = ROOT / ".cache" / "deploy-tools" / "bin"


def run(program: str, *arguments: str | Path, env: dict[str, str] | None = None) -> str:
    """What the program prints. The test fails when it fails, and when it is not there."""
    path = _PROGRAMS / program
    if not path.exists():
        pytest.fail(f"{program} is missing: `make deploy-tools` installs it", pytrace=False)
    done = subprocess.run(
        [path, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode != 0:
        pytest.fail(f"{program} refuses it:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout
