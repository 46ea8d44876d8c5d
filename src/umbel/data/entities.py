"""Entities: rows that are the same person, film or molecule, and stay together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import codes_of
from umbel.data.problem import Problem
from umbel.data.read import take_column

__all__ = ["find_entities", "first_rows"]


def find_entities(frame: pd.DataFrame, problem: Problem) -> NDArray[np.int64]:
    """The entity of each row, [B], numbers from 0.

    Rows with the same values in all ``entity`` columns are one entity, and so are rows of one ``group``;
    where both are given, whatever hangs together through either. A row without any value in these
    columns is an entity of its own, and so is every row where none is given.

    :raises DataError: a column is not there.

    >>> table = pd.DataFrame({"name": ["a", "b", "a", None], "site": [1, 2, 3, None]})
    >>> find_entities(table, Problem.of("y", entity="name"))
    array([0, 1, 0, 2])
    """
    keys: list[NDArray[np.int64]] = []
    for names in (problem.entity, [problem.group] if problem.group else []):
        if not names:
            continue
        columns = [take_column(frame, name, "entity column") for name in names]
        codes = codes_of(columns)
        alone = np.logical_and.reduce([c.isna().to_numpy() for c in columns])
        codes[alone] = codes.max(initial=0) + 1 + np.arange(int(alone.sum()))
        keys.append(pd.factorize(codes)[0].astype(np.int64))
    if not keys:
        return np.arange(len(frame), dtype=np.int64)
    if len(keys) == 1:
        return keys[0]
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = keys[0], keys[1] + keys[0].max() + 1
    count = int(second.max()) + 1
    links = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(count, count))
    parts = connected_components(links, directed=False)[1]
    found: NDArray[np.int64] = pd.factorize(parts[first])[0].astype(np.int64)
    return found


def first_rows(entities: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each entity, [number of entities], entities numbered from 0."""
    first = np.full(int(entities.max(initial=-1)) + 1, -1, dtype=np.int64)
    rows = np.arange(len(entities))[::-1]
    first[entities[::-1]] = rows
    return first
