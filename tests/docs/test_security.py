"""docs/security.md decides every item of ASVS 5.0, levels 1 and 2, and names only what there is."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
# How many items of levels 1 and 2 each section has; they are numbered from 1 on, without a gap.
SECTIONS = (
    "1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 4.3:2 "
    "4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 "
    "7.6:2 8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 "
    "11.2:3 11.3:3 11.4:4 11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 "
    "14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2"
)
ROW = re.compile(r"^\| ([\d. ]+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)


def items() -> Iterator[str]:
    """The numbers of all items."""
    for section in SECTIONS.split():
        name, count = section.split(":")
        yield from (f"{name}.{number}" for number in range(1, int(count) + 1))


def test_every_item_is_decided_once() -> None:
    assert [number for row in ROW.findall(PAGE) for number in row[0].split()] == list(items())
    assert len(list(items())) == 253


def test_every_decision_says_why() -> None:
    for numbers, _, decision in ROW.findall(PAGE):
        assert re.match(r"(yes|part|no|site|n/a): .", decision), numbers


def test_every_file_and_test_that_is_named_exists() -> None:
    named = re.findall(r"`((?:\w+/)?test_\w+)(?:::(test_\w+))?`", PAGE)
    assert len(named) > 100
    for file, test in named:
        path = ROOT / "tests" / f"{file}.py"
        assert path.exists(), file
        text = path.read_text(encoding="utf-8")
        assert not test or re.search(rf"^(async )?def {test}\(", text, re.MULTILINE), f"{file}::{test}"
    for file in re.findall(r"`((?:\w+/)*\w+\.py)`", PAGE):
        assert any((ROOT / folder / file).exists() for folder in ("api/knote", "tests")), file
