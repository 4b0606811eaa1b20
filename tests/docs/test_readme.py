"""The README says what is true: its commands are run, its table is compared, its links exist."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from docs.settings_table import rows
from knote.accounts import add_user
from knote.settings import Settings
from logs.commands import environment_of
from servers.process import KnoteProcess
from servers.stack import SharedKnote

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PASSWORD = "correct horse battery"
MARK = "--- end of what this command prints ---"


def tour() -> str:
    """The shell blocks of the README's tour, in order, to the letter."""
    section = README.partition("## A tour with curl")[2].partition("\n## ")[0]
    return "".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def expectations() -> list[str]:
    """What the comments with an arrow promise, in order."""
    return re.findall(r"^# → (.*)$", tour(), re.MULTILINE)


def pattern(expected: str) -> re.Pattern[str]:
    """A pattern for an expected output, in which `…` stands for anything."""
    return re.compile(".*".join(re.escape(part) for part in expected.split("…")), re.DOTALL)


async def take_the_tour(**environment: str) -> None:
    """Runs the tour, and compares what it prints with what the README says."""
    script = re.sub(r"^(# → .*)$", rf"\1\necho '{MARK}'", tour(), flags=re.MULTILINE)
    run = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    printed = [part.strip() for part in run.stdout.split(MARK)[:-1]]
    assert len(printed) == len(expectations()) > 8
    for expected, actual in zip(expectations(), printed, strict=True):
        assert pattern(expected).fullmatch(actual), f"README: {expected}\nprinted: {actual}"


async def test_the_tour_prints_what_the_readme_says(knote: SharedKnote) -> None:
    await take_the_tour(KNOTE=knote.url)


async def test_the_tour_prints_the_same_with_accounts_and_a_token(settings: Settings, tmp_path: Path) -> None:
    environment = {**environment_of(settings), "KNOTE_AUTH": "accounts"}
    process = KnoteProcess(tmp_path / "data", environment=environment)
    await process.start()
    try:
        await add_user(settings, "ada", PASSWORD, is_admin=False)
        async with httpx.AsyncClient(base_url=f"{process.url}/api/v1", trust_env=False) as browser:
            signed_in = await browser.post("/session", json={"name": "ada", "password": PASSWORD})
            # The cookie is for TLS alone: httpx, unlike a browser, does not make this machine an exception.
            browser.headers["Cookie"] = signed_in.headers["set-cookie"].partition(";")[0]
            browser.headers["Sec-Fetch-Site"] = "same-origin"
            wanted = {"name": "tour", "access": "write", "expires_in_days": 1}
            token = (await browser.post("/tokens", json=wanted)).json()["token"]
            await take_the_tour(KNOTE=process.url, TOKEN=token)
            assert len((await browser.get("/notes")).json()["items"]) == 2
    finally:
        await process.stop()


def test_every_setting_stands_in_the_readme() -> None:
    table = README.partition("<!-- settings:")[2].partition("\n## ")[0]
    stated = [line for line in table.splitlines() if line.startswith("|")]
    assert stated == rows(), "python tests/docs/settings_table.py prints the table that is right"


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(
        r"\]\(([^)#]+?)(?:#[^)]*)?\)|src=\"([^\"]+)\"", re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    )
    for target in (a or b for a, b in targets):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_make_target_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", README, re.MULTILINE)):
        name = target[0] or target[1]
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name
