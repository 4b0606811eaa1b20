"""The commands of deploy/README.md, to the letter."""

import re

from cluster.programs import ROOT

_README = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")


def recipe(heading: str) -> str:
    """The first block of commands under a heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", _README, flags=re.MULTILINE)[1]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found, f"deploy/README.md has no commands under {heading}"
    return found[1]
