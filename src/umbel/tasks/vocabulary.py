"""The vocabulary of a tokens target: pieces by number, and rows of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["END", "UNKNOWN", "learn", "numbered", "trimmed"]

END, UNKNOWN = 0, 1
"""Numbers of the end of a sequence, and of every piece that has no place of its own."""
NAMES = ("<end>", "<unknown>")


def learn(texts: Sequence[Sequence[str]], *, least: int, most: int) -> list[str]:
    """The pieces with a place of their own, the frequent ones first; the end and the unknown come before.

    :param texts: pieces of each text.
    :param least: a piece must be seen so often.
    :param most: tokens at most, the end and the unknown among them.

    >>> learn([["a", "b", "a"], ["b", "c"]], least=2, most=10)
    ['<end>', '<unknown>', 'a', 'b']
    """
    seen = Counter(piece for text in texts for piece in text)
    # ties by the piece: the same vocabulary for any order of rows
    ranked = sorted((p for p, n in seen.items() if n >= least), key=lambda p: (-seen[p], p))
    return [*NAMES, *(p for p in ranked if p not in NAMES)][:most]


def numbered(
    texts: Sequence[Sequence[str] | None], tokens: Sequence[str], length: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Token numbers and weights, [B, T] each: the tokens, the end, then 0 of weight 0.

    A text of T tokens or more is cut to its first T, and has no end.

    :param texts: pieces of each text; None where it is missing.
    :param length: T.

    >>> numbered([["a", "?"], None, ["a", "a", "a", "a"]], ["<end>", "<unknown>", "a"], 3)[0].tolist()
    [[2, 1, 0], [0, 0, 0], [2, 2, 2]]
    """
    places = {token: number for number, token in enumerate(tokens) if number > UNKNOWN}
    values = np.zeros((len(texts), length), dtype=np.int64)
    weights = np.zeros((len(texts), length), dtype=np.float32)
    for row, text in enumerate(texts):
        if text is not None:
            found = [places.get(piece, UNKNOWN) for piece in text[:length]]
            values[row, : len(found)] = found
            weights[row, : len(found) + 1] = 1.0
    return values, weights


def trimmed(numbers: Sequence[int], tokens: Sequence[str]) -> list[str]:
    """The pieces of a row of numbers, up to its end.

    >>> trimmed([2, 3, 0, 2], ["<end>", "<unknown>", "a", "b"])
    ['a', 'b']
    """
    found = []
    for number in numbers:
        if number == END:
            break
        found.append(tokens[number])
    return found
