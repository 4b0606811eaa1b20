"""Where the programs come from, and what is said when there are none."""

import sys
from pathlib import Path

import pytest

from knote.local.binaries import find_mongod, find_weed
from knote.local.errors import LocalModeError


def test_the_locked_wheels_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_mongod().name.startswith("mongod")
    assert find_weed().name.startswith("weed")


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOTE_MONGOD", sys.executable)
    assert find_mongod() == Path(sys.executable)


def test_path_comes_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [])
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_mongod() == program


def test_a_missing_wheel_is_one_sentence_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LocalModeError) as failure:
        find_mongod()
    said = str(failure.value)
    assert said.startswith("Local mode needs MongoDB, and there is no `mongod` program for this")
    for way_out in ("make setup", "PATH", "KNOTE_MONGOD", "MONGO_URL"):
        assert way_out in said
    assert "\n" not in said
