"""Cursors: what goes in comes out, and nothing else is let in."""

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


@pytest.mark.parametrize("stamp", ["999999999999999", "-999999999999999", "1" * 400, "1e5", "٣"])
def test_a_time_out_of_range_is_refused(stamp: str) -> None:
    import base64

    real = encode_cursor(Keyset(datetime(2026, 1, 1, tzinfo=UTC), "a" * 24), scope="s")
    parts = base64.urlsafe_b64decode(real + "=" * (-len(real) % 4)).decode().split(".")
    forged = base64.urlsafe_b64encode(".".join([stamp, *parts[1:]]).encode()).decode().rstrip("=")
    with pytest.raises(Invalid):
        decode_cursor(forged, scope="s")
