"""What holds for a Knote of one process holds here: the page, the tour of the README, the smoke test."""

import asyncio
import os
import subprocess
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from compose.system import ComposeKnote
from docs.test_readme import test_the_tour_prints_what_the_readme_says
from servers.process import CHECKOUT

__all__ = ["test_the_tour_prints_what_the_readme_says"]


def runs_open(suite: ModuleType, test: Callable[..., object]) -> bool:
    """Whether the test is also, or only, about an open notebook, as this system's is."""
    of_suite: pytest.MarkDecorator | None = getattr(suite, "pytestmark", None)
    marks = [*getattr(test, "pytestmark", []), *([of_suite.mark] if of_suite else [])]
    return all("open" in mark.args[1] for mark in marks if mark.args and mark.args[0] == "auth")


# Every such test of the browser suite, under the name of its file; its fixtures find this folder's `knote`.
for file in sorted((Path(__file__).parents[1] / "browser").glob("test_*.py")):
    suite = import_module(f"browser.{file.stem}")
    for name, found in vars(suite).items():
        if name.startswith("test_") and runs_open(suite, found):
            globals()[f"{file.stem}_{name.removeprefix('test_')}"] = found


async def test_the_smoke_test_of_the_deploy_workflow_passes(knote: ComposeKnote) -> None:
    run = await asyncio.to_thread(
        subprocess.run,
        [str(CHECKOUT / "deploy/smoke-test"), "none"],
        env={**os.environ, "URL": knote.url},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert "a note and its picture, ten times over" in run.stdout
