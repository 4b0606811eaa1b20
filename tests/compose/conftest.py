"""One system for the run, built and started as a person does it."""

import os
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from browser.conftest import api, browser, context, notebook, other_tab, page
from compose.images import READY, sizes, start_seconds
from compose.system import Compose, ComposeKnote

__all__ = ["api", "browser", "context", "notebook", "other_tab", "page"]

# `make test` passes these tests by: they take Docker, root and minutes.
collect_ignore_glob = [] if "TEST_COMPOSE" in os.environ else ["test_*.py"]

SYSTEM = pytest.StashKey[Compose]()


@pytest.fixture(scope="session")
def compose(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Compose]:
    """The running system; afterwards nothing of it is left."""
    system = Compose(tmp_path_factory.mktemp("compose"))
    pytestconfig.stash[SYSTEM] = system
    system.run("down", "--volumes", "--remove-orphans")
    try:
        system.run("build", timeout_seconds=1500)
        system.is_built = True
        system.run("up", "--build", "--wait", timeout_seconds=600)
        for service in READY:
            system.seconds[f"start of {service}, to its first 200"] = start_seconds(system, service)
        # The health of those that were started again is not known yet.
        system.run("up", "--wait")
        yield system
    finally:
        system.run("down", "--volumes", "--remove-orphans")


@pytest.fixture(scope="session")
def knote_of_run(compose: Compose) -> ComposeKnote:
    """That system, as the tests of the page use it."""
    return ComposeKnote(compose)


@pytest.fixture
async def knote(knote_of_run: ComposeKnote, auth: str) -> AsyncIterator[ComposeKnote]:
    """That system, all of it running, with an empty notebook."""
    assert auth == knote_of_run.auth
    await knote_of_run.wait_ready()
    await knote_of_run.clear()
    yield knote_of_run
    await knote_of_run.wait_ready()


@pytest.fixture
async def client(knote: ComposeKnote) -> AsyncIterator[httpx.AsyncClient]:
    """A client of web."""
    async with httpx.AsyncClient(base_url=knote.url, trust_env=False, timeout=30) as client:
        yield client


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How long things took and what the images weigh, whatever became of the tests."""
    if (system := config.stash.get(SYSTEM, None)) is None:
        return
    for what, seconds in system.seconds.items():
        if what.split()[0] in {"build", "up", "down", "restart", "stop", "start", "run"}:
            terminalreporter.write_line(f"{seconds:6.1f} s  {what}")
    if system.is_built:
        for name in READY:
            terminalreporter.write_line(sizes(name))
