"""What holds for a Knote of one process holds here: the page, the tour of the README, the smoke test."""

import asyncio
import os
import subprocess
from importlib import import_module
from pathlib import Path

from compose.system import ComposeKnote
from docs.test_readme import test_the_tour_prints_what_the_readme_says
from servers.process import CHECKOUT

__all__ = ["test_the_tour_prints_what_the_readme_says"]

# Every test of the browser suite, under the name of its file; its fixtures find this folder's `knote`.
for file in sorted((Path(__file__).parents[1] / "browser").glob("test_*.py")):
    suite = vars(import_module(f"browser.{file.stem}"))
    for name, found in suite.items():
        if name.startswith("test_"):
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
