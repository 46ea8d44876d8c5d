"""Rows with the same or nearly the same content: exact rows, and texts by their shingles."""

from __future__ import annotations

import datetime
import numbers
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import codes_of, label
from umbel.data.duplicates_images import near_images, optional
from umbel.data.read import take_column
from umbel.errors import ConfigError

__all__ = ["near_images", "near_texts", "same_rows"]

SHINGLE = 5
"""Characters of a shingle: short enough for titles, long enough that common syllables do not match."""
PERMUTATIONS = 128
MISSED = 0.002
"""Chance that two texts exactly at the threshold share no bucket; above it they are missed more rarely."""


def same_rows(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.int64]:
    """Rows with the same content in all of these columns have the same number.

    Text is compared in lower case with white space folded, numbers by value (1 and 1.0 are the same),
    lists in order, arrays by shape and value; a missing cell, or a text without letters, equals another
    missing one. Cells are compared by value and never by their hash alone, so rows cannot collide.

    :param frame: the table, B rows.
    :param columns: at least one of its columns.
    :returns: [B], numbers from 0 in order of first sight; -1 where every cell is missing.
    :raises DataError: a column is not there.
    :raises ConfigError: no column is named.

    >>> table = pd.DataFrame({"a": ["An  apple", "an apple ", None, "pear"], "b": [1.0, 1, None, 1]})
    >>> same_rows(table, ["a", "b"])
    array([ 0,  0, -1,  1])
    """
    if not len(columns):
        raise ConfigError("rows are compared in at least one column", remedy="name the columns")
    plain = [_plain(take_column(frame, name, "column of duplicates")) for name in columns]
    empty = np.logical_and.reduce([codes < 0 for codes in plain])
    found = codes_of([pd.Series(codes).mask(codes < 0) for codes in plain])
    found[empty] = -1
    return _renumbered(found)


def _renumbered(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers from 0 in order of first sight; below 0 is -1."""
    found = np.full(len(codes), -1, dtype=np.int64)
    known = codes >= 0
    found[known] = pd.factorize(codes[known])[0]
    return found


def _plain(column: pd.Series) -> NDArray[np.int64]:
    """A number per distinct content, -1 missing: the distinct cells are normalised, not every row."""
    codes: NDArray[Any]
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, levels = column.cat.codes.to_numpy(), column.cat.categories
    else:
        try:
            codes, levels = pd.factorize(column)
        except TypeError:  # lists and arrays have no hash: cell by cell
            return pd.factorize(_objects(_cell(cell) for cell in column))[0].astype(np.int64)
    if pd.api.types.is_numeric_dtype(levels.dtype) or pd.api.types.is_datetime64_any_dtype(levels.dtype):
        return np.asarray(codes, dtype=np.int64)
    # the distinct cells are brought to a plain form; the last is for -1
    same = pd.factorize(_objects([*map(_cell, levels), None]))[0].astype(np.int64)
    return np.asarray(same[codes], dtype=np.int64)


def _objects(values: Iterable[Any]) -> NDArray[Any]:
    """An array [n] of objects: numpy would make two dimensions of tuples."""
    listed = list(values)
    array = np.empty(len(listed), dtype=object)
    for place, value in enumerate(listed):
        array[place] = value
    return array


def _cell(cell: Any) -> Any:
    """The content of a cell in a form that compares by value; None where it is missing."""
    if isinstance(cell, str):
        return _folded(cell) or None
    if isinstance(cell, np.ndarray) and cell.size and cell.dtype.kind in "iufb":
        values = cell.astype(np.float64) + 0.0  # 0.0 and -0.0 are equal and have other bytes
        if cell.dtype.kind in "fb" or np.abs(values).max() < 2**53:
            return ("numbers", cell.shape, values.tobytes())
    if isinstance(cell, np.ndarray):
        return ("array", cell.shape, tuple(_cell(c) for c in cell.ravel().tolist())) if cell.size else None
    if isinstance(cell, list | tuple):
        return ("list", tuple(_cell(c) for c in cell)) if cell else None
    if isinstance(cell, set | frozenset):
        return ("set", frozenset(_cell(c) for c in cell)) if cell else None
    if isinstance(cell, dict):
        return ("dict", frozenset((k, _cell(v)) for k, v in cell.items())) if cell else None
    if isinstance(cell, bytes | bytearray):
        return ("bytes", bytes(cell)) if cell else None
    if cell is None or cell is pd.NA or cell is pd.NaT or cell != cell:
        return None
    if isinstance(cell, bool | np.bool_ | numbers.Real):
        return label(float(cell) if isinstance(cell, bool | np.bool_) else cell)
    if isinstance(cell, datetime.date | np.datetime64):
        return str(pd.Timestamp(cell))
    return ("other", type(cell).__name__, str(cell))


def _folded(text: str) -> str:
    """Lower case, white space folded to single spaces."""
    return " ".join(text.lower().split())


def _shingles(text: str) -> set[str]:
    """All runs of ``SHINGLE`` characters; a shorter text is one shingle."""
    return {text[i : i + SHINGLE] for i in range(max(1, len(text) - SHINGLE + 1))}


def _bands(threshold: float) -> tuple[int, int]:
    """Bands and rows of a band: the longest rows that miss a pair at the threshold with chance ``MISSED``."""
    for rows in range(16, 0, -1):
        bands = PERMUTATIONS // rows
        if (1 - threshold**rows) ** bands <= MISSED:
            return bands, rows
    return PERMUTATIONS, 1


class _Forest:
    """Union-find with path halving, so that a pair that already hangs together is not compared again."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def find(self, node: int) -> int:
        parent = self.parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node


def near_texts(texts: Sequence[str | None], *, threshold: float = 0.8, seed: int = 0) -> NDArray[np.int64]:
    """Texts that share most of their character shingles, or hang together through such, have one number.

    Candidates come from MinHash and locality-sensitive hashing and are verified by the exact Jaccard
    similarity of their sets of five characters, so no pair below the threshold joins; a pair exactly at
    the threshold is overlooked with a chance below 0.002 (for thresholds from 0.2), one above it more rarely.

    :param texts: [B]; compared in lower case with white space folded.
    :param threshold: the least Jaccard similarity, in (0, 1].
    :param seed: of the hash functions.
    :returns: [B], numbers from 0 in order of first sight; -1 where the text is missing or empty.
    :raises ConfigError: the extra ``duplicates`` is absent, or the threshold is outside (0, 1].

    Source: Broder 1997 (MinHash, resemblance of shingles); Indyk & Motwani 1998 (buckets).

    >>> texts = ["The cat sat on the mat, it was warm.", "the cat sat on the mat; it was warm.", "A dog", ""]
    >>> near_texts(texts, threshold=0.6)
    array([ 0,  0,  1, -1])
    """
    if not 0 < threshold <= 1:
        raise ConfigError("the threshold of near texts is in (0, 1]", found=str(threshold))
    sketch = optional("datasketch", "near-duplicate texts")
    folded = pd.Series([_folded(t) if isinstance(t, str) else "" for t in texts], dtype=object)
    codes, distinct = pd.factorize(folded.mask(folded == ""))
    words = [str(text) for text in distinct]
    forest = _Forest(len(words))
    bands, rows = _bands(threshold)
    buckets = sketch.MinHashLSH(num_perm=PERMUTATIONS, params=(bands, rows))
    sets = ([s.encode("utf-8", "surrogatepass") for s in _shingles(text)] for text in words)
    hashes = sketch.MinHash.generator(sets, num_perm=PERMUTATIONS, seed=seed % 2**32, hashfunc=zlib.crc32)
    for number, hashed in enumerate(hashes):
        mine: set[str] | None = None
        for other in sorted(buckets.query(hashed)):
            root = forest.find(other)
            if root == forest.find(number):
                continue
            mine = _shingles(words[number]) if mine is None else mine
            theirs = _shingles(words[other])
            both = len(mine & theirs)
            if both >= threshold * (len(mine) + len(theirs) - both) - 1e-9:
                forest.parent[forest.find(number)] = root
        buckets.insert(number, hashed, check_duplication=False)
    roots = np.array([forest.find(number) for number in range(len(words))] + [-1], dtype=np.int64)
    return _renumbered(roots[codes])
