"""Words and character n-grams of text as 63-bit hashes, by arithmetic over whole columns.

The hash is our own multiply-xorshift over code points: the same on every machine and in every run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["hash_ngrams"]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_WORD = 77
_BLANK = 32


def _mix(state: NDArray[np.uint64], codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (state ^ codes) * _MULTIPLIER
    return np.asarray(mixed ^ (mixed >> _SHIFT))


def _ideographic(codes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Characters that are words or syllables by themselves: kana, Han, Hangul."""
    spans = ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
    inside = np.zeros(len(codes), dtype=bool)
    for low, high in spans:
        inside |= (codes >= low) & (codes <= high)
    return inside


def hash_ngrams(
    texts: Sequence[str], shortest: int = 3, longest: int = 5
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hashes of the words and the character n-grams of each text.

    Text is lower-cased; all but letters and digits counts as a blank; n-grams reach over the blanks
    around words. Ideographs (Chinese, Japanese, Korean) also count alone and in pairs, as there are no
    blanks between their words.

    :param texts: B texts.
    :param shortest: characters of the shortest n-grams.
    :param longest: characters of the longest n-grams.
    :returns: hashes in [0, 2**63) of all texts in a line, text by text, and how many each has [B].
    """
    padded = [f" {text.lower()} " for text in texts]
    sizes = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    if not len(padded):
        return np.zeros(0, dtype=np.int64), sizes
    line = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    codes = line.astype(np.uint64)
    rows = np.repeat(np.arange(len(padded)), sizes)
    distinct, inverse = np.unique(codes, return_inverse=True)
    letters = np.array([chr(int(code)).isalnum() for code in distinct])[inverse]
    codes = np.where(letters, codes, np.uint64(_BLANK))
    single = _ideographic(codes)
    hashes, owners = [], []
    for n in range(1, longest + 1):
        if n < shortest and not (n <= 2 and single.any()):
            continue
        count = len(codes) - n + 1
        if count < 1:
            break
        state = np.full(count, n, dtype=np.uint64)
        for j in range(n):
            state = _mix(state, codes[j : j + count])
        keep = rows[:count] == rows[n - 1 :]
        if n < shortest:
            keep &= single[:count] & single[n - 1 :]
        hashes.append(state[keep])
        owners.append(rows[:count][keep])
    # words: from each first letter, letter by letter while the word lasts
    first = np.flatnonzero(letters & ~np.append(False, letters[:-1]))
    last = np.flatnonzero(letters & ~np.append(letters[1:], False))
    length = np.minimum(last - first + 1, 64)
    state = np.full(len(first), _WORD, dtype=np.uint64)
    for j in range(int(length.max(initial=0))):
        going = length > j
        state[going] = _mix(state[going], codes[first[going] + j])
    hashes.append(state)
    owners.append(rows[first])
    joined, owner = np.concatenate(hashes), np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=len(padded)).astype(np.int64)
    return (joined[order] >> np.uint64(1)).astype(np.int64), counts
