"""A run that tells a secret fails at its end, and does not tell it once more."""

import os
import re
import subprocess
import sys
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from tempfile import TemporaryDirectory

import pytest

from secrecy.overheard import FORMS
from servers.process import CHECKOUT


def run(*, is_told: bool) -> subprocess.CompletedProcess[str]:
    """The planted run, in a process and a folder of its own."""
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider"]
    quietly = ["-q", "-rN", "--show-capture=no"]
    with TemporaryDirectory() as folder:
        return subprocess.run(
            [*command, *quietly, f"--basetemp={folder}/run", "tests/secrecy/planted.py"],
            cwd=CHECKOUT,
            env={**os.environ, "PLANTED": "yes" if is_told else "no"},
            capture_output=True,
            text=True,
            check=False,
        )


def test_a_run_that_tells_nothing_ends_well() -> None:
    said = run(is_told=False)
    assert said.returncode == 0, said.stdout
    assert "6 passed" in said.stdout


def test_a_run_that_tells_secrets_fails_and_does_not_repeat_them() -> None:
    said = run(is_told=True)
    assert said.returncode == 1, said.stdout
    assert "6 passed, 1 error" in said.stdout
    told = Counter(re.findall(r"/([^/\n]*), line \d+: (.*)", said.stdout))
    assert told == {
        ("said.out", "a password that was sent"): 4,
        ("said.out", "a secret of 256 bits"): 1,
        ("replica-1.log", "the password of MONGO_URL"): 1,
    }
    assert "correct horse" not in said.stdout
    assert "of-the-database" not in said.stdout


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("an API token", "Bearer knote_" + "abcdefgh234567" * 4),
        ("a cookie", "Cookie: __Host-knote=abcdefghijklmnopqrst"),
        ("the hash of a password", "password: $argon2id$v=19$m=19456"),
        ("a URL with a password", "cannot reach mongodb://knote:pw@host/db"),
        ("a secret of 256 bits", "/invite#" + "aB3_x" * 8 + "-9Z"),
    ],
)
def test_a_secret_is_known_by_its_form(kind: str, line: str) -> None:
    assert FORMS[kind].search(line)
    assert not FORMS[kind].search("GET /api/v1/notes/6a1f0c2e9d8b7a6f5e4d3c2b 200 " + "a" * 64)
    hashed = b64encode(sha256(b"knote@admin").digest()).decode()
    assert not FORMS[kind].search(f'"uid":{{"$binary":{{"base64":"{hashed}"}}}}')
