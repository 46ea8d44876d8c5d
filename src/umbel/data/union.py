"""Rows that share any of several keys are one entity: union over sample ids, groups and near-duplicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.errors import ShapeError

__all__ = ["unite"]


def unite(keys: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The entity of each row: rows that share any key, and whatever hangs together through several.

    :param keys: at least one array [B] of numbers from 0; -1 where the row has none of this key.
    :returns: [B], numbers from 0 in order of first appearance; a row without any key is an entity of its own.
    :raises ShapeError: no key is given, they differ in length, or one holds a number below -1.

    Source: connected components of the graph of rows and keys, Pearce 2005 as scipy has it.

    >>> unite([np.array([0, 0, 1, -1, -1]), np.array([7, -1, 8, 8, -1])])
    array([0, 0, 1, 1, 2])
    """
    if not keys:
        raise ShapeError("entities need at least one key", remedy="give np.arange(rows) where there is none")
    total: NDArray[np.int64] | None = None
    for number, key in enumerate(keys):
        key = np.asarray(key)
        if key.ndim != 1 or key.dtype.kind not in "iu" or len(key) != len(keys[0]):
            raise ShapeError(
                "each key is an array [B] of whole numbers",
                found=f"key {number}: {key.dtype} {list(key.shape)}, the first has {len(keys[0])} rows",
            )
        if len(key) and int(key.min()) < -1:
            raise ShapeError(
                "a key is a number from 0, or -1 where there is none", found=f"key {number}: {key.min()}"
            )
        codes, shared = _shared(key)
        total = _alone(codes) if total is None else _joined(total, codes, shared)
    assert total is not None
    return pd.factorize(total)[0].astype(np.int64, copy=False)


def _shared(key: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The key numbered from 0, and -1 also where only one row has it: such a key joins nothing."""
    codes, values = pd.factorize(np.where(key < 0, -1, key).astype(np.int64, copy=False))
    codes = codes.astype(np.int64, copy=False)
    joins = np.bincount(codes, minlength=len(values)) > 1
    if len(values):
        joins[codes[key < 0]] = False
    numbers = np.where(joins, np.cumsum(joins) - 1, -1)
    return (numbers[codes] if len(values) else codes), int(joins.sum())


def _alone(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each row without a key gets a number of its own."""
    none = codes < 0
    codes = codes.copy()
    codes[none] = codes.max(initial=-1) + 1 + np.arange(int(none.sum()))
    return codes


def _joined(total: NDArray[np.int64], codes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Entities so far, joined where they share a code of one more key."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if count == 0:
        return total
    has = codes >= 0
    known = int(total.max(initial=-1)) + 1
    nodes = known + count
    ends = (total[has].astype(np.int32), (codes[has] + known).astype(np.int32))
    if nodes > np.iinfo(np.int32).max:
        raise ShapeError("entities and keys together must be below 2**31", found=f"{nodes:,}")
    links = coo_array((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(nodes, nodes))
    parts = connected_components(links, directed=False)[1]
    return np.asarray(parts[total], dtype=np.int64)
