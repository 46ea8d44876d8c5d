"""Entities: rows that are the same person, film or molecule, and stay together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import blank, codes_of
from umbel.data.duplicates import near_texts, same_rows
from umbel.data.duplicates_media import same_media
from umbel.data.infer import infer_column
from umbel.data.marks import comparable
from umbel.data.problem import Problem
from umbel.data.read import take_column
from umbel.data.schema import MEDIA_TYPES, ColumnType
from umbel.data.union import unite

__all__ = ["find_entities", "first_rows"]


def find_entities(frame: pd.DataFrame, problem: Problem) -> NDArray[np.int64]:
    """The entity of each row, [B], numbers from 0.

    Rows with the same values in all ``entity`` columns are one entity; so are rows of one ``group``, for
    each of these columns, and rows with the same (or, for texts and images, nearly the same) content where
    ``duplicates`` asks for it. Whatever hangs together through any of them is one. A row without any value
    in these columns is an entity of its own, and so is every row where none is given.

    :raises DataError: a column is not there (near names are given).

    >>> table = pd.DataFrame({"name": ["a", "b", "a", None], "site": [1, 2, 3, None]})
    >>> find_entities(table, Problem.of("y", entity="name"))
    array([0, 1, 0, 2])
    """
    keys = [_key(frame, names) for names in [problem.entity, *([one] for one in problem.group)] if names]
    for name in problem.duplicates:
        if name == "rows":
            asked = {*problem.sources, problem.by, *problem.entity, *problem.group}
            inputs = [c for c in (problem.inputs or frame.columns) if c not in asked]
            keys.append(same_rows(frame, inputs))
        elif (kind := _media(frame, problem, name)) is not None:
            folder = Path(frame.attrs["folder"]) if "folder" in frame.attrs else None
            keys.append(same_media(blank(frame[name], problem.missing), kind, folder))
        else:
            texts = take_column(frame, name, "column of duplicates")
            keys.append(
                near_texts(
                    [None if missing else str(t) for t, missing in zip(texts, texts.isna(), strict=True)]
                )
            )
    return unite(keys) if keys else np.arange(len(frame), dtype=np.int64)


def _media(frame: pd.DataFrame, problem: Problem, name: str) -> ColumnType | None:
    """The type of a column of images, sounds or series; None for another one."""
    column = take_column(frame, name, "column of duplicates")
    spec = (problem.inputs or {}).get(name)
    told = (spec.type if spec else None) or problem.types.get(name)
    kind = told or infer_column(blank(column, problem.missing)).type
    return kind if kind in MEDIA_TYPES else None


def _key(frame: pd.DataFrame, names: list[str]) -> NDArray[np.int64]:
    """Rows with the same values in all columns have the same number; -1 where all are missing."""
    columns = [comparable(take_column(frame, name, "entity column")) for name in names]
    codes = codes_of(columns)
    codes[np.logical_and.reduce([c.isna().to_numpy() for c in columns])] = -1
    return codes


def first_rows(entities: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each entity, [number of entities], entities numbered from 0."""
    first = np.full(int(entities.max(initial=-1)) + 1, -1, dtype=np.int64)
    rows = np.arange(len(entities))[::-1]
    first[entities[::-1]] = rows
    return first
