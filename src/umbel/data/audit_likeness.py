"""How alike the rows of one value are, and whether the order of values means anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["SPARE", "likeness", "rank_correlation", "von_neumann"]

SPARE = 30
"""Rows more than values: fewer tell nothing of likeness."""

Codes = NDArray[np.int64]


def likeness(levels: Codes, cells: pd.Series) -> float:
    """Intraclass correlation of a column within levels: 0 by chance, 1 where it is constant within each.

    One-way random effects with unequal sizes; classes are taken as indicators, whose squares add up.

    :param levels: [B], numbers from 0.
    :param cells: [B], numbers (measured by size) or classes; missing ones are left out.
    :returns: NaN where the column is constant, or has hardly a level that comes again.

    Source: Fisher 1925, ch. 7; Donner 1986, eq. 2.2 (unequal sizes).

    >>> round(likeness(np.repeat(np.arange(50), 4), pd.Series(np.repeat(np.arange(50.0), 4))), 3)
    1.0
    """
    known, numbers = cells.notna().to_numpy(), np.zeros(0)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(numbers)
    groups = pd.factorize(levels[known])[0]
    total = len(groups)
    sizes = np.bincount(groups)
    if total - len(sizes) < SPARE or len(sizes) < 2:
        return float("nan")
    if len(numbers):
        values = numbers[known]
        # in units of their own, so that tiny and huge numbers are judged alike
        values = values / (np.abs(values).max() or 1.0)
        values = values - values.mean()
        inside = float(((values - (np.bincount(groups, values) / sizes)[groups]) ** 2).sum())
        whole = float((values**2).sum())
    else:
        classes, names = pd.factorize(cells[known])
        pairs, counts = np.unique(groups * len(names) + classes, return_counts=True)
        inside = total - float((counts**2 / sizes[pairs // len(names)]).sum())
        whole = total - float((np.bincount(classes).astype(float) ** 2).sum()) / total
    if whole <= 1e-12 * total:
        return float("nan")
    between = max(whole - inside, 0.0) / (len(sizes) - 1)
    within = inside / (total - len(sizes))
    size = (total - float((sizes.astype(float) ** 2).sum()) / total) / (len(sizes) - 1)
    spread = between + (size - 1) * within
    return (between - within) / spread if spread > 0 else float("nan")


def von_neumann(codes: Codes, cells: pd.Series) -> float:
    """Von Neumann's ratio of the means of a column per level, in the order of the levels.

    :param codes: [B], numbers from 0.
    :param cells: [B], numbers or classes; missing ones are left out.
    :returns: about 1 where the order means nothing, near 0 where neighbouring levels have near means.

    Source: von Neumann 1941, halved.

    >>> round(von_neumann(np.arange(9), pd.Series(np.arange(9.0))), 3)
    0.067
    """
    numbers = _as_numbers(cells)
    known = numbers.notna().to_numpy()
    sizes = np.bincount(codes[known])
    sums = np.bincount(codes[known], numbers.to_numpy(dtype=np.float64, na_value=np.nan)[known])
    means = sums[sizes > 0] / sizes[sizes > 0]
    spread = float(((means - means.mean()) ** 2).sum())
    return float((np.diff(means) ** 2).sum()) / (2 * spread) if spread > 0 else 1.0


def rank_correlation(codes: Codes, columns: Sequence[pd.Series]) -> float:
    """Median size of the rank correlation of levels with columns; 0 where none can be measured.

    :param codes: [B], numbers from 0.
    :param columns: [B] each, numbers or classes; missing cells are left out.
    """
    ranks = pd.Series(codes).rank()
    numbers = [_as_numbers(column) for column in columns]
    found = [abs(ranks[c.notna()].corr(c.dropna().rank())) for c in numbers if c.nunique() > 1]
    known = [value for value in found if not np.isnan(value)]
    return float(np.median(known)) if known else 0.0


def _as_numbers(cells: pd.Series) -> pd.Series:
    """Numbers as they are, with a fresh index; classes as whether they are the commonest."""
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.reset_index(drop=True)
    codes, names = pd.factorize(cells, sort=True)
    common = np.bincount(codes[codes >= 0], minlength=1).argmax() if len(names) else 0
    return pd.Series(np.where(codes < 0, np.nan, codes == common))
