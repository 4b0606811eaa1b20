"""The README says what is true: its commands are run, its table is compared, its links exist."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

import pytest

from docs.settings_table import rows
from servers.stack import SharedKnote

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
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


async def test_the_tour_prints_what_the_readme_says(knote: SharedKnote) -> None:
    script = re.sub(r"^(# → .*)$", rf"\1\necho '{MARK}'", tour(), flags=re.MULTILINE)
    run = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**os.environ, "KNOTE": knote.url},
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
