"""Texts that read like notes to an index: words as frequent as in a language, sentences, some Markdown."""

import itertools
import random

VOCABULARY = 60_000
_ONSETS = (
    "b",
    "br",
    "c",
    "ch",
    "d",
    "f",
    "g",
    "gr",
    "h",
    "j",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "r",
    "s",
    "st",
    "t",
    "v",
)
_VOWELS = ("a", "e", "i", "o", "u", "ea", "ou")
_CODAS = ("", "", "n", "r", "s", "t", "l", "nd", "ck")
# Mandelbrot's form of Zipf's law, as English has it.
_SHIFT, _EXPONENT = 2.7, 1.05


class Prose:
    """The same texts for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._words = self._vocabulary()
        weights = (1 / (rank + _SHIFT) ** _EXPONENT for rank in range(1, VOCABULARY + 1))
        self._weights = list(itertools.accumulate(weights))

    def note(self, words: int = 30) -> str:
        """A heading and a paragraph of sentences, `words` words in all."""
        chosen = self._random.choices(self._words, cum_weights=self._weights, k=words)
        heading, rest = chosen[:3], chosen[3:]
        sentences = []
        while rest:
            length = self._random.randint(5, 14)
            sentence, rest = rest[:length], rest[length:]
            if len(sentence) > 4 and self._random.random() < 0.3:
                sentence[2] = f"*{sentence[2]}*"
            sentences.append(" ".join(sentence).capitalize() + ".")
        return f"## {' '.join(heading).capitalize()}\n\n{' '.join(sentences)}"

    def _vocabulary(self) -> list[str]:
        """Words of one to four syllables, the frequent ones short."""
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            longest = 1 + (len(words) > 100) + (len(words) > 2_000) + (len(words) > 20_000)
            syllables = self._random.randint(1, longest)
            words["".join(self._syllable() for _ in range(syllables))] = None
        return list(words)

    def _syllable(self) -> str:
        return "".join(self._random.choice(part) for part in (_ONSETS, _VOWELS, _CODAS))
