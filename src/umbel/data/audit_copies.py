"""Rows with the same inputs on two sides of a split: copies, or the coincidences of coarse inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.audit_overlap import Shared, find_shared
from umbel.data.cells import codes_of
from umbel.data.marks import comparable
from umbel.seeding import numpy_generator

__all__ = ["Copies", "cell_hashes", "find_copies"]

PROBES = 1_000
ROWS = 20_000
NEAR = 0.1
"""Copies have few near rows: pairs alike in all inputs but one are rarer than a tenth of the pairs alike."""
SEVERAL = 5
"""Pairs alike, below which this may be so by chance."""

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Copies:
    """Rows with the same inputs on two sides.

    :param columns: the inputs that were held against each other.
    :param kinds: number of distinct input rows that stand on two sides.
    :param count: rows that carry them.
    :param rows: some of these rows.
    :param named: rows of the first few.
    :param chance: True where the inputs are so coarse that rows may be alike by chance.
    """

    columns: tuple[str, ...]
    kinds: int = 0
    count: int = 0
    rows: tuple[int, ...] = ()
    named: tuple[str, ...] = ()
    chance: bool = False


def cell_hashes(column: pd.Series, place: int = 0) -> Hashes:
    """A number per cell, [B]: equal cells have equal ones, a missing cell is a value of its own.

    :param column: [B], any cells.
    :param place: of the column among the inputs, so that exchanged cells are another row.
    """
    column = comparable(column)
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
        values = column.to_numpy()
        # 0.0 and -0.0 are equal and have other bits
        values = values.astype(np.float64) + 0.0 if dtype.kind == "f" else values.astype(np.int64)
        found = pd.util.hash_array(values)
    else:
        codes, levels = pd.factorize(column)
        names = pd.util.hash_array(np.array([*map(str, levels), "\x00"], dtype=object), categorize=False)
        found = names[codes]  # the last is for -1
    factor = np.uint64((0x9E3779B97F4A7C15 * (2 * place + 1)) & (2**64 - 1))
    mixed: Hashes = (found ^ (found >> np.uint64(31))) * factor
    return mixed


def _row_hashes(columns: Sequence[pd.Series]) -> Hashes:
    total: Hashes = np.zeros(len(columns[0]), dtype=np.uint64)
    for place, column in enumerate(columns):
        total += cell_hashes(column, place)
    return total


def find_copies(columns: Sequence[pd.Series], sides: NDArray[np.int8], *, seed: int = 0) -> Copies:
    """Distinct input rows that stand on two sides; all rows are looked at.

    Rows alike by chance are told from copies. They are **copies** where some input is nearly a name (half of
    its known cells or more are distinct), or where hardly a row is alike in all inputs but one: of rows alike
    by chance there are always more that nearly are (fewer than five pairs prove nothing). Inputs of yes and
    no alone never make copies. The second is judged from at most 1,000 of these rows against 20,000 others.

    :param columns: the inputs, [B] each, blank cells missing; a row with none of them is no copy.
    :param sides: [B], 0 training, 1 validation, 2 test, -1 left out.
    :param seed: of the rows that are drawn.

    >>> table = pd.DataFrame({"x": [0.1, 0.2, 0.3, 0.1]})
    >>> find_copies([table["x"]], np.array([0, 0, 1, 2])).named
    ('train row 0 and test row 3',)
    """
    names = tuple(str(column.name) for column in columns)
    columns = [comparable(column) for column in columns]
    filled = np.zeros(len(sides), dtype=bool)
    for column in columns:
        filled |= column.notna().to_numpy()
    held = np.where(filled, sides, -1).astype(np.int8)
    hashes = _row_hashes(columns)
    codes = pd.factorize(hashes)[0].astype(np.int64)
    suspects = find_shared(codes, held).rows
    if not len(suspects):
        return Copies(names)
    # the hash may err, the cells do not
    exact = find_shared(codes_of([c.iloc[suspects] for c in columns]), held[suspects])
    if not len(exact.rows):
        return Copies(names)
    rows = suspects[exact.rows]
    proven = np.full(len(held), -1, dtype=np.int8)
    proven[rows] = held[rows]
    found = find_shared(codes, proven)
    chance = not _has_names(columns) and not _lonely(columns, hashes, found, held, seed)
    return Copies(names, len(exact.codes), len(rows), tuple(map(int, rows[:20])), found.named, chance)


def _has_names(columns: Sequence[pd.Series]) -> bool:
    """Whether some input is so fine that hardly two rows agree in it by chance."""
    for column in columns:
        known = column.dropna()
        if len(known) and len(pd.unique(known)) >= 0.5 * len(known):
            return True
    return False


def _lonely(
    columns: Sequence[pd.Series], hashes: Hashes, found: Shared, sides: NDArray[np.int8], seed: int
) -> bool:
    """Whether rows that differ in one input only are rare beside those that differ in none."""
    if not any(column.nunique() > 2 for column in columns):
        return False
    draw = numpy_generator(seed, "copies")
    probes = found.rows[sides[found.rows] == sides[found.rows].min()]
    probes = draw.permutation(probes)[:PROBES]
    others = np.flatnonzero(sides > sides[probes[0]])
    scale = max(1.0, len(others) / ROWS)
    drawn = others if scale == 1.0 else np.sort(draw.choice(others, ROWS, replace=False))
    keys, sizes = np.unique(hashes[probes], return_counts=True)
    twins = others[np.isin(hashes[others], keys)]
    alike = float(sizes[np.searchsorted(keys, hashes[twins])].sum())
    near = 0.0
    for place, column in enumerate(columns):
        # without one column's part the sum is the hash of the others
        mine = cell_hashes(column.iloc[np.concatenate([probes, drawn])], place)
        rest = hashes[probes] - mine[: len(probes)]
        theirs = hashes[drawn] - mine[len(probes) :]
        keys, sizes = np.unique(rest, return_counts=True)
        spots = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
        near += float(sizes[spots][keys[spots] == theirs].sum())
    keys, sizes = np.unique(hashes[probes], return_counts=True)
    spots = np.minimum(np.searchsorted(keys, hashes[drawn]), len(keys) - 1)
    both = float(sizes[spots][keys[spots] == hashes[drawn]].sum()) * len(columns)
    return alike >= SEVERAL and (near - both) * scale < NEAR * alike
