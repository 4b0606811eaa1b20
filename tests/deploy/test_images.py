"""The Dockerfiles: clean, without root, without what a replica does not need."""

import re
from pathlib import Path

import pytest

from deploy.tools import ROOT, run

DOCKERFILES = sorted(ROOT.glob("Dockerfile.*"))


def _last_stage(path: Path) -> str:
    return path.read_text().rpartition("\nFROM ")[2]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.name))
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    assert run("hadolint", path) == ""


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.name))
def test_bases_are_of_a_line_and_can_be_exchanged(path: Path) -> None:
    bases = re.findall(r"^ARG \w+_IMAGE=(\S+)$", path.read_text(), re.MULTILINE)
    assert bases
    assert all(re.search(r":\d+\.?\d*", base) for base in bases)
    assert set(re.findall(r"^FROM (\S+)", path.read_text(), re.MULTILINE)) == {
        f"${{{name}}}" for name in re.findall(r"^ARG (\w+_IMAGE)=", path.read_text(), re.MULTILINE)
    }


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.name))
def test_the_image_runs_as_the_user_that_pods_have(path: Path) -> None:
    user = re.findall(r"^USER (\d+):(\d+)$", _last_stage(path), re.MULTILINE)
    assert user == [{"Dockerfile.api": ("10001", "10001"), "Dockerfile.web": ("101", "101")}[path.name]]


def test_the_image_is_built_with_the_uv_of_the_makefile() -> None:
    (version,) = re.findall(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"uv=={version}" in (ROOT / "Dockerfile.api").read_text()


def test_the_image_holds_runtime_dependencies_only() -> None:
    text = (ROOT / "Dockerfile.api").read_text()
    for line in re.findall(r"uv sync .*", text):
        assert "--locked" in line
        assert "--no-default-groups" in line


def test_what_is_copied_is_in_the_context() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for path in DOCKERFILES:
        for line in re.findall(r"^COPY (?!--from)(.+)$", path.read_text(), re.MULTILINE):
            for source in line.split()[:-1]:
                allowed = [entry[1:] for entry in ignored if entry.startswith("!")]
                assert any(source == entry or source.startswith(f"{entry}/") for entry in allowed), source
                assert (ROOT / source).exists(), source
