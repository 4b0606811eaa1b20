"""What fuzzing starts from, and what it has found, does no harm: on every run of the tests."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fuzz.reception import STATUSES
from fuzz.run import CHECKOUT, CORPUS, HANG_SECONDS, MEMORY_MIB, TARGETS


def replay(target: str, *, changed: int, folder: Path) -> dict[str, Any]:
    """How the corpus of a target and as many changed inputs went, in a process of their own."""
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "fuzz.replay", target, str(changed)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "tests"), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=8 * HANG_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert not list(folder.iterdir()), "temporary files were left"
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def test_the_inspector_withstands_its_corpus_and_what_is_made_of_it(tmp_path: Path) -> None:
    report = replay("inspect", changed=600, folder=tmp_path)
    assert report["outcomes"]["True"] >= 30
    assert report["outcomes"]["False"] >= 15
    assert report["peak_bytes"] < MEMORY_MIB * 1024**2


def test_the_upload_route_withstands_its_corpus_and_what_is_made_of_it(tmp_path: Path) -> None:
    report = replay("multipart", changed=600, folder=tmp_path)
    assert {int(status) for status in report["outcomes"]} == STATUSES
    assert report["peak_bytes"] < MEMORY_MIB * 1024**2


def test_the_corpora_are_small_and_within_what_is_fuzzed() -> None:
    for target, most_bytes in TARGETS.items():
        sizes = [path.stat().st_size for path in (CORPUS / target).iterdir()]
        assert len(sizes) >= 30
        assert max(sizes) <= most_bytes
        assert sum(sizes) < 300_000
