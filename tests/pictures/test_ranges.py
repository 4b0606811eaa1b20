"""The arithmetic of ranges, against the plainest reading of the RFC."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from knote.errors import RangeNotSatisfiable
from knote.pictures.ranges import parse_range

SIZES = st.integers(1, 400)
POSITIONS = st.integers(0, 450)


def asked(value: str | None, size_bytes: int) -> list[int] | None:
    """The positions that are served for a header, None for all; may raise."""
    span = parse_range(value, size_bytes)
    if span is None:
        return None
    served = list(range(span.first, span.last + 1))
    assert len(served) == span.size_bytes
    return served


@given(POSITIONS, POSITIONS, SIZES)
@example(0, 0, 1)
@example(5, 4, 10)
def test_first_and_last_name_the_positions_between_them(first: int, last: int, size: int) -> None:
    value = f"bytes={first}-{last}"
    wanted = [position for position in range(first, last + 1) if position < size]
    if last < first:
        assert asked(value, size) is None
    elif not wanted:
        with pytest.raises(RangeNotSatisfiable) as refused:
            asked(value, size)
        assert refused.value.headers["Content-Range"] == f"bytes */{size}"
    else:
        assert asked(value, size) == wanted


@given(POSITIONS, SIZES)
def test_a_first_alone_names_all_from_there(first: int, size: int) -> None:
    wanted = list(range(size))[first:]
    if wanted:
        assert asked(f"bytes={first}-", size) == wanted
    else:
        with pytest.raises(RangeNotSatisfiable):
            asked(f"bytes={first}-", size)


@given(POSITIONS, SIZES)
@example(0, 7)
def test_a_suffix_names_the_last_positions(length: int, size: int) -> None:
    wanted = list(range(size))[-length:] if length else []
    if wanted:
        assert asked(f"bytes=-{length}", size) == wanted
    else:
        with pytest.raises(RangeNotSatisfiable):
            asked(f"bytes=-{length}", size)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=6, unique=True), SIZES)
def test_parts_put_together_are_the_whole(cuts: list[int], size: int) -> None:
    starts = [0, *sorted(cut for cut in cuts if 0 < cut < size)]
    ends = [*(start - 1 for start in starts[1:]), size - 1]
    together = [
        position
        for first, last in zip(starts, ends, strict=True)
        for position in asked(f"bytes={first}-{last}", size) or []
    ]
    assert together == list(range(size))


@given(st.text(max_size=40) | st.from_regex(r"\Abytes=[-0-9, ]{0,30}\Z"), SIZES)
def test_any_header_gives_all_or_a_part_or_is_refused(value: str, size: int) -> None:
    try:
        served = asked(value, size)
    except RangeNotSatisfiable:
        served = []
    assert served is None or set(served) <= set(range(size))
    if "," in value or value[:6].lower() != "bytes=":
        assert served is None


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(1, 10**18))
def test_numbers_of_any_length_are_borne(first: int, last: int, size: int) -> None:
    try:
        span = parse_range(f"bytes={first}-{last}", size)
    except RangeNotSatisfiable:
        assert first >= size
    else:
        assert span is None or (span.first == first and span.last == min(last, size - 1))


@pytest.mark.parametrize(
    "value", [None, "", "bytes", "bytes=", "bytes=-", "items=0-1", "bytes=0-1,3-4", "bytes=1-x"]
)
def test_what_follows_no_grammar_is_answered_with_all(value: str | None) -> None:
    assert parse_range(value, 10) is None
