"""Words of any script, made comparable: what a note is indexed by and what a query looks for.

Scripts that put spaces between words are indexed by whole words. In scripts that do not (Chinese,
Japanese, Thai and their like, and Korean, whose words carry particles), every position of a run is
indexed by the characters that follow it, `GRAM` at the most: a query then matches anywhere in a run.
"""

import re
import unicodedata
from typing import NamedTuple

import regex

GRAM = 4
LONGEST_WORD = 48

_RUN = regex.compile(r"[\p{L}\p{M}\p{N}]+")
# The same where all is ASCII, and faster.
_ASCII_RUN = re.compile(r"[A-Za-z0-9]+")
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}ー々〆]+"
)
# Accents, Hebrew points, Arabic vowel signs and elongation: written or left out as people like.
_OPTIONAL_MARKS = regex.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]"
)
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"})


class Query(NamedTuple):
    """What a note must be indexed by: all of `whole`, and a term that starts with each of `starts`."""

    whole: frozenset[str]
    starts: frozenset[str]


def index_terms(text: str) -> list[str]:
    """The terms that `text` is found by, each once, sorted."""
    terms: set[str] = set()
    for spaced, word in _words(text):
        if spaced:
            terms.add(word[:LONGEST_WORD])
        else:
            terms.update(word[start : start + GRAM] for start in range(len(word)))
    return sorted(terms)


def parse_query(text: str) -> Query:
    """The query for all words of `text`; the last one may be the beginning of a word.

    A text without any word gives an empty query, which no note answers.
    """
    whole: set[str] = set()
    starts: set[str] = set()
    words = _words(text)
    for position, (spaced, word) in enumerate(words):
        is_last = position == len(words) - 1
        if not spaced:
            starts.update(_windows(word))
        elif is_last and len(word) <= LONGEST_WORD:
            starts.add(word)
        else:
            whole.add(word[:LONGEST_WORD])
    return Query(frozenset(whole), frozenset(starts))


def normalise(text: str) -> str:
    """`text` without the differences that a searcher overlooks: case, accents, width, ligatures."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    bare = _OPTIONAL_MARKS.sub("", unicodedata.normalize("NFD", folded))
    return unicodedata.normalize("NFC", bare).translate(_PLAIN)


def _words(text: str) -> list[tuple[bool, str]]:
    """The words of `text` in order, each with whether its script puts spaces between words."""
    words: list[tuple[bool, str]] = []
    normal = normalise(text)
    if normal.isascii():
        return [(True, word) for word in _ASCII_RUN.findall(normal)]
    for run in _RUN.findall(normal):
        position = 0
        for unspaced in _UNSPACED.finditer(run):
            if unspaced.start() > position:
                words.append((True, run[position : unspaced.start()]))
            words.append((False, unspaced.group()))
            position = unspaced.end()
        if position < len(run):
            words.append((True, run[position:]))
    return words


def _windows(word: str) -> list[str]:
    """The grams that a text holding `word` is indexed by: one start, or overlapping whole grams."""
    if len(word) <= GRAM:
        return [word]
    return [word[start : start + GRAM] for start in range(len(word) - GRAM + 1)]
