"""Answers of any kind as codes that a split can balance: classes, labels, quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import LISTS, as_category, as_number, names_of
from umbel.errors import ConfigError

__all__ = ["quantile_codes", "strata_of"]

NUMBERS, LABELS = ("regression", "count"), ("multilabel", "distribution")


def quantile_codes(values: NDArray[Any], *, bins: int = 4) -> NDArray[np.int64]:
    """The quantile of each number.

    :param values: [B], NaN missing.
    :param bins: quantiles, >= 2; fewer come out where many numbers are equal, as equal ones stay together.
    :returns: [B], from 0 for the smallest, -1 missing.
    :raises ConfigError: fewer than two bins.

    >>> quantile_codes(np.array([1.0, 2.0, 3.0, 4.0, np.nan]), bins=2)
    array([ 0,  0,  1,  1, -1])
    """
    if bins < 2:
        raise ConfigError("numbers are cut into at least 2 quantiles", found=str(bins))
    values = np.asarray(values, dtype=np.float64)
    codes = np.full(len(values), -1, dtype=np.int64)
    known = values == values
    if known.any():
        numbers = values[known]
        edges = np.unique(np.quantile(numbers, np.arange(1, bins) / bins, method="higher"))
        found = np.searchsorted(edges, numbers, side="right")
        used = np.bincount(found, minlength=len(edges) + 1) > 0
        codes[known] = (np.cumsum(used) - 1)[found]
    return codes


def strata_of(
    answers: pd.Series, kind: str, *, separator: str | None = None, bins: int = 4
) -> tuple[NDArray[Any], list[str]]:
    """Answers of a target as what :func:`umbel.data.balance.split_balanced` takes for a task.

    :param answers: [B], in the user's terms (see :func:`umbel.data.targets.target_column`).
    :param kind: a kind's name: ``regression`` and ``count`` are cut into quantiles, ``multilabel`` becomes
        0/1 [B, L], ``distribution`` its largest part, ``tokens`` whether there is a text, everything else
        codes of its values.
    :param separator: what stands between the labels in a text.
    :param bins: quantiles of numbers.
    :returns: codes [B], -1 missing, or 0/1 [B, L], NaN missing; and the names of the classes or labels.
    :raises DataError: a number column holds something else.

    >>> strata_of(pd.Series(["a, b", "b", None]), "multilabel", separator=", ")
    (array([[ 1.,  1.],
           [ 0.,  1.],
           [nan, nan]]), ['a', 'b'])
    """
    if kind in LABELS:
        matrix, names = _matrix(answers, separator)
        if kind == "multilabel":
            return matrix, names
        some = ~np.isnan(matrix).all(1) if matrix.shape[1] else np.zeros(len(matrix), dtype=bool)
        largest = np.full(len(matrix), -1, dtype=np.int64)
        largest[some] = np.nanargmax(matrix[some], 1)
        return largest, names
    if kind == "tokens":
        known = answers.notna() & (answers.astype(str).str.strip() != "")
        return np.where(known, 0, -1).astype(np.int64), ["text"]
    if kind in NUMBERS:
        codes = quantile_codes(as_number(answers).to_numpy(np.float64), bins=bins)
        return codes, [f"quantile {number + 1}" for number in range(int(codes.max(initial=-1)) + 1)]
    codes, levels = pd.factorize(as_category(answers), sort=True)
    return codes.astype(np.int64), [str(level) for level in levels]


def _matrix(answers: pd.Series, separator: str | None) -> tuple[NDArray[np.float64], list[str]]:
    """Sets of labels, or mappings of labels to numbers, as numbers [B, L]."""
    known = answers.notna().to_numpy()
    cells = answers[known].tolist()
    sets: list[dict[str, float]]
    if cells and isinstance(cells[0], dict):
        sets = [{str(k): np.nan if v is None else float(v) for k, v in cell.items()} for cell in cells]
    else:
        lists = [sorted(map(str, c)) if isinstance(c, LISTS) else c for c in cells]
        texts = separator is not None and not any(isinstance(c, list) for c in lists)
        sets = [dict.fromkeys(named, 1.0) for named in names_of(lists, separator if texts else None)]
    names = sorted({name for labels in sets for name in labels})
    place = {name: number for number, name in enumerate(names)}
    matrix = np.full((len(answers), len(names)), np.nan)
    for row, labels in zip(np.flatnonzero(known), sets, strict=True):
        matrix[row] = 0
        for name, value in labels.items():
            matrix[row, place[name]] = value
    return matrix, names
