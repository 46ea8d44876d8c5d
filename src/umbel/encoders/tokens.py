"""Text as tokens of a vocabulary: whole words where training knows them, characters where it does not."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Vocabulary", "words_of"]

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af"
_WORDS = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+(?:['’][^\W_{_IDEOGRAPHS}]+)*|[!?]")
_LATER = "\x1f"
"""Before a character that does not begin its word; no text has it, as it is no letter."""
UNKNOWN = 0


def words_of(text: str) -> list[str]:
    """Words in lower case, each ideograph (Han, kana, Hangul) by itself, and ``!`` and ``?``.

    Compatibility forms are folded (NFKC: full-width letters are letters). Other marks only separate.

    >>> words_of("Don't buy it! 很好看。")
    ["don't", 'buy', 'it', '!', '很', '好', '看']
    """
    return _WORDS.findall(unicodedata.normalize("NFKC", text).lower())


def _spelt(word: str) -> list[str]:
    """The characters of a word; those after the first are marked."""
    return [word[0], *(_LATER + letter for letter in word[1:])]


class Vocabulary:
    """Tokens by number: words seen often enough in training, and characters to spell all others with.

    A word without a place of its own becomes its characters; a character that no rare training word has
    is the unknown bucket, number 0. So Chinese, whose words are single characters here, and misspelt or
    new words keep what they are made of.

    :param least: a word, and a character of rarer words, must be seen so often for a place.
    :param most: words with a place at most, the most frequent ones; characters come on top.
    """

    def __init__(self, *, least: int = 2, most: int = 20_000) -> None:
        self.least, self.most = least, most
        self.terms: list[str] = []
        self._place: dict[str, int] = {}

    def __len__(self) -> int:
        """Numbers a token can have, V: the unknown bucket is one."""
        return len(self.terms) + 1

    def fit(self, texts: Iterable[str]) -> Vocabulary:
        """Learn words and characters.

        >>> Vocabulary().fit(["good good bag", "a good bug"]).encode("good bug, zoo")
        [1, 3, 0, 2, 0, 0, 0]
        """
        seen = Counter(word for text in texts for word in words_of(text))
        # by falling count, ties by the word: the same vocabulary for any order of rows
        ranked = sorted((w for w, n in seen.items() if n >= self.least), key=lambda w: (-seen[w], w))
        words = ranked[: self.most]
        known = set(words)
        pieces: Counter[str] = Counter()
        for word, count in seen.items():
            if word not in known:
                pieces.update(dict.fromkeys(_spelt(word), count))
        letters = sorted(p for p, n in pieces.items() if n >= self.least and p not in known)
        return self.restore({"terms": [*words, *letters]})

    def encode(self, text: str) -> list[int]:
        """Numbers of the tokens of a text."""
        place, found = self._place, []
        for word in words_of(text):
            at = place.get(word)
            if at is None:
                found += [place.get(piece, UNKNOWN) for piece in _spelt(word)]
            else:
                found.append(at)
        return found

    def state(self) -> dict[str, Any]:
        """The terms by number."""
        return {"terms": self.terms}

    def restore(self, state: Mapping[str, Any]) -> Vocabulary:
        """Take the terms back."""
        self.terms = list(state["terms"])
        self._place = {term: number for number, term in enumerate(self.terms, start=1)}
        return self
