"""Search terms: what a text is found by."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knote.notes.search import GRAM, LONGEST_WORD, index_terms, normalise, parse_query


def is_found(text: str, query: str) -> bool:
    """Whether MongoDB would find `text` by `query`, by the meaning of the terms alone."""
    terms = set(index_terms(text))
    whole, starts = parse_query(query)
    if not (whole or starts):
        return False
    return whole <= terms and all(any(term.startswith(s) for term in terms) for s in starts)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("这是一个测试文档", "测试"),
        ("这是一个测试文档", "测"),
        ("这是一个测试文档", "档"),
        ("这是一个测试文档", "一个测试文档"),
        ("买 iPhone手机 了", "iphone 手机"),
        ("Über den Wolken", "uber"),
        ("uber den Wolken", "ÜBER"),
        ("crème brûlée", "creme brul"),
        ("Straße", "strasse"),
        ("Smørrebrød på øen", "smorrebrod oen"),
        ("Łódź", "lodz"),
        ("İstanbul ve ısı", "istanbul isi"),
        ("Καλημέρα κόσμε", "καλημερα"),
        ("Привет, мир", "прив"),
        ("ёлка", "елка"),
        ("שָׁלוֹם עולם", "שלום"),
        ("مُحَمَّد كتب", "محمد"),
        ("हिन्दी में लिखा", "हिन्दी"),
        ("日本語のテキスト", "テキスト"),
        ("ｶﾀｶﾅ", "カタカナ"),
        ("ガラス", "ガラ"),
        ("서울에서 만나요", "서울"),
        ("서울에서 만나요", "에서"),
        ("สวัสดีชาวโลก", "ชาว"),
        ("ﬁnance of the ﬂeet", "finance fleet"),
        ("snake_case_name", "case"),
        ("don't panic", "don't"),
        ("version 2.10.3", "2.10.3"),
        ("**bold** text", "bold"),
        ("eins zwei drei", "drei eins"),
        ("eins zwei drei", "zwei dr"),
        ("x" * 80, "x" * 80),
    ],
)
def test_a_text_is_found_by(text: str, query: str) -> None:
    assert is_found(text, query)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("这是一个测试文档", "试测"),
        ("测一试", "测试"),
        ("eins zwei drei", "eins vier"),
        ("eins zwei drei", "ei zwei"),  # only the last word may be a beginning
        ("カラス", "ガラス"),  # a voicing mark makes another letter, not an accent
        ("anything", "!!! ---"),
        ("anything", ""),
    ],
)
def test_a_text_is_not_found_by(text: str, query: str) -> None:
    assert not is_found(text, query)


@given(st.text(max_size=200))
def test_terms_are_bounded_sorted_and_unique(text: str) -> None:
    terms = index_terms(text)
    assert terms == sorted(set(terms))
    assert all(0 < len(term) <= LONGEST_WORD for term in terms)


@given(st.text(min_size=1, max_size=60))
def test_any_text_with_a_word_is_found_by_itself(text: str) -> None:
    assert is_found(text, text) == bool(index_terms(text))


@given(st.text(alphabet="测试文档一个这是", min_size=1, max_size=12), st.data())
def test_any_piece_of_an_unspaced_text_finds_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert is_found(text, text[start:end])


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


SPACED = st.text("abcdeéüßøλπжшע١२", min_size=1, max_size=12)
PHRASES = st.lists(SPACED | st.text("测试文档ひらカナ한글", min_size=1, max_size=9), min_size=1, max_size=8)


@given(PHRASES, st.data())
def test_any_words_of_a_text_find_it_in_any_order_and_case(words: list[str], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=4))
    query = " ".join(
        getattr(word, data.draw(st.sampled_from(["upper", "lower", "title"])))() for word in chosen
    )
    assert is_found(", ".join(words), query)


@given(PHRASES, SPACED, st.data())
def test_the_last_word_may_be_a_beginning(words: list[str], last: str, data: st.DataObject) -> None:
    beginning = normalise(last)[: data.draw(st.integers(1, len(normalise(last))))]
    assert is_found(" ".join([*words, last]), " ".join([*words, beginning]))


@given(st.lists(SPACED, min_size=1, max_size=6), SPACED)
def test_a_word_that_is_not_there_finds_nothing(words: list[str], other: str) -> None:
    if not any(term.startswith(normalise(other)) for term in map(normalise, words)):
        assert not is_found(" ".join(words), other)
        assert not is_found(" ".join(words), f"{other} {words[0]}")


@given(st.text("测试文档一个", min_size=1, max_size=12), st.text("测试文档一个", min_size=1, max_size=4))
def test_an_unspaced_query_of_a_gram_finds_exactly_what_holds_it(text: str, query: str) -> None:
    assert is_found(text, query) == (query in text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_text_is_found_by_all_its_parts_are_found_by(one: str, other: str) -> None:
    assert set(index_terms(f"{one}\n{other}")) == {*index_terms(one), *index_terms(other)}


@given(st.text(max_size=60))
def test_what_a_searcher_overlooks_makes_no_difference(text: str) -> None:
    for same in (unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text), text.casefold()):
        assert index_terms(same) == index_terms(text)


@given(st.text(max_size=80))
def test_a_query_asks_for_nothing_longer_than_what_is_indexed(text: str) -> None:
    whole, starts = parse_query(text)
    assert all(0 < len(term) <= LONGEST_WORD for term in whole | starts)
    assert bool(whole | starts) == bool(index_terms(text))


def test_grams_of_an_unspaced_run_cover_each_position_once() -> None:
    run = "一二三四五六"
    assert len(index_terms(run)) == len(run)
    assert max(map(len, index_terms(run))) == GRAM


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_is_split_as_all_other_text_is(text: str) -> None:
    # A word of another script sends the whole text the general way.
    assert set(index_terms(f"{text} ж")) == {*index_terms(text), "ж"}
