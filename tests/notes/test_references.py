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


IDS = st.text("0123456789abcdef", min_size=64, max_size=64)
NEAR = st.sampled_from(
    ["/api/v1/pictures/", "/api/v1/pictures", "api/v1/", "![](", ")", "?width=320", A, "a", "\n", "é"]
)


def plainly_named(text: str) -> list[str]:
    """The ids, found by looking at each place of the text in turn."""
    prefix, alphabet = "/api/v1/pictures/", set("0123456789abcdef")
    found: list[str] = []
    for at in range(len(text)):
        id_, after = text[at + len(prefix) : at + len(prefix) + 64], text[at + len(prefix) + 64 :][:1]
        is_named = text.startswith(prefix, at) and len(id_) == 64 and set(id_) <= alphabet
        if is_named and not (after.isascii() and after.isalnum()) and id_ not in found:
            found.append(id_)
    return found


@given(st.lists(NEAR | IDS | st.text(max_size=5), max_size=14).map("".join))
def test_exactly_what_stands_in_the_text_is_named(text: str) -> None:
    assert picture_ids(text) == plainly_named(text)


@given(st.lists(NEAR | IDS | st.text(max_size=5), max_size=14).map("".join))
def test_a_text_without_its_references_names_nothing_and_keeps_its_words(text: str) -> None:
    rest = without_references(text)
    assert picture_ids(rest) == []
    if not picture_ids(text):
        assert rest == text


@given(IDS, st.text(max_size=20), st.text(max_size=20))
def test_a_reference_is_found_in_any_company(id_: str, before: str, after: str) -> None:
    if not (after[:1].isascii() and after[:1].isalnum()):
        assert id_ in picture_ids(f"{before}{picture_url(id_)}{after}")
