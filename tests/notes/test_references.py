"""Which pictures a text names."""

from hypothesis import given
from hypothesis import strategies as st

from knote.pictures.references import picture_ids, picture_url, without_references

A, B = "a" * 64, "b" * 64


def test_pictures_are_named_once_and_in_order() -> None:
    text = f"![x]({picture_url(B)}) and ![y]({picture_url(A)}?width=320) and ![again]({picture_url(B)})"
    assert picture_ids(text) == [B, A]


def test_an_id_of_another_length_or_alphabet_is_no_picture() -> None:
    texts = [picture_url("a" * 63), picture_url("a" * 65), picture_url("A" * 64), picture_url("g" * 64)]
    assert [picture_ids(text) for text in texts] == [[]] * 4


def test_a_url_in_front_of_the_path_still_names_the_picture() -> None:
    assert picture_ids(f"![](https://knote.example{picture_url(A)})") == [A]


@given(st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=5), st.text(" \n()[]!x-"))
def test_every_written_reference_is_read_back(ids: list[str], between: str) -> None:
    text = f" {between} ".join(f"![]({picture_url(id_)})" for id_ in ids)
    assert picture_ids(text) == list(dict.fromkeys(ids))
    assert not any(id_ in without_references(text) for id_ in ids)
