"""Cursors: what goes in comes out, and nothing else is let in."""

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knote.errors import Invalid
from knote.pages import EPOCH, Keyset, decode_cursor, encode_cursor

KEYSETS = st.builds(
    Keyset,
    st.integers(0, 4_102_444_800_000).map(lambda ms: EPOCH + timedelta(milliseconds=ms)),
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=24, max_size=24),
)


@given(KEYSETS, st.text(max_size=50))
def test_a_cursor_says_what_was_put_in(keyset: Keyset, scope: str) -> None:
    assert decode_cursor(encode_cursor(keyset, scope=scope), scope=scope) == keyset


@given(KEYSETS, st.text(max_size=20), st.text(max_size=20))
def test_a_cursor_is_good_for_its_own_list_alone(keyset: Keyset, ours: str, other: str) -> None:
    if ours != other:
        with pytest.raises(Invalid):
            decode_cursor(encode_cursor(keyset, scope=ours), scope=other)


@given(st.text(max_size=80))
def test_any_other_text_is_refused_and_nothing_worse(text: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(text, scope="notes")


@given(KEYSETS, st.integers(0, 200), st.characters())
def test_a_changed_cursor_is_refused_or_still_a_place_in_the_list(
    keyset: Keyset, at: int, character: str
) -> None:
    cursor = encode_cursor(keyset, scope="notes")
    changed = cursor[: at % len(cursor)] + character + cursor[at % len(cursor) + 1 :]
    try:
        found = decode_cursor(changed, scope="notes")
    except Invalid:
        return
    again = encode_cursor(found, scope="notes")
    assert decode_cursor(again, scope="notes") == found


@given(KEYSETS, st.integers(1, 40), st.text("0123456789.-+ \x00é", max_size=5))
def test_a_cursor_of_other_parts_is_refused(keyset: Keyset, length: int, more: str) -> None:
    cursor = encode_cursor(keyset, scope="notes")
    for other in (cursor[:-length], cursor + "A" * length, f"{cursor}.{more}", f"{more} {cursor}"):
        with pytest.raises(Invalid):
            decode_cursor(other, scope="notes")


@given(KEYSETS, st.text(max_size=20))
def test_a_cursor_is_safe_in_a_url_and_keeps_no_search(keyset: Keyset, search: str) -> None:
    cursor = encode_cursor(keyset, scope=f"notes?q={search}")
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
    plain = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    assert plain.split(".")[:2] == [str(round(keyset.created_at.timestamp() * 1000)), keyset.id]
    assert len(plain) <= 15 + 24 + 12 + 2


@given(st.lists(KEYSETS, min_size=1, max_size=30, unique=True), st.integers(1, 7))
def test_pages_of_any_size_hold_each_item_once_and_in_order(keysets: list[Keyset], limit: int) -> None:
    newest_first = sorted(keysets, reverse=True)
    seen: list[Keyset] = []
    cursor: str | None = None
    while True:
        after = decode_cursor(cursor, scope="notes") if cursor else None
        rest = [keyset for keyset in newest_first if after is None or keyset < after]
        seen += rest[:limit]
        if len(rest) <= limit:
            break
        cursor = encode_cursor(rest[limit - 1], scope="notes")
    assert seen == newest_first


@pytest.mark.parametrize("stamp", ["999999999999999", "-999999999999999", "1" * 400, "1e5", "٣"])
def test_a_time_out_of_range_is_refused(stamp: str) -> None:
    real = encode_cursor(Keyset(datetime(2026, 1, 1, tzinfo=UTC), "a" * 24), scope="s")
    parts = base64.urlsafe_b64decode(real + "=" * (-len(real) % 4)).decode().split(".")
    forged = base64.urlsafe_b64encode(".".join([stamp, *parts[1:]]).encode()).decode().rstrip("=")
    with pytest.raises(Invalid):
        decode_cursor(forged, scope="s")
