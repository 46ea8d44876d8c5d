"""The tasks of a table as an audit sees them: whose answer is known in which row, and its plain cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import as_category, blank, is_listed, names_of
from umbel.data.problem import Problem
from umbel.data.read import take_column
from umbel.errors import KindError
from umbel.tasks.infer import infer

__all__ = ["Part", "TaskTable"]

LABELS = 20
"""Of a multi-label target in one column, its commonest labels are looked at."""
FEW = 10
"""Whole numbers with at most so many values are held for classes where no kind says otherwise."""
NUMBERS = ("regression", "count", "distribution")
CLASSES = ("binary", "multiclass", "ordinal", "multilabel")


@dataclass(frozen=True)
class Part:
    """Answers with one plain cell per row: a target, or one label of it.

    :param label: name of the label; empty where the target is one column.
    :param cells: [B] numbers or classes, NaN or None where unknown.
    :param numeric: numbers to be held against each other by size, not classes.
    """

    label: str
    cells: pd.Series
    numeric: bool


class TaskTable:
    """The tasks of a problem over the rows of a table; nothing of it is computed for rows not asked for.

    :param frame: the table, rows numbered from 0.
    :param problem: what is asked.
    :raises DataError: a column that is asked is not there.

    >>> table = TaskTable(pd.DataFrame({"y": [1.0, None, 2.0]}), Problem.of("y"))
    >>> table.names, table.known("y", np.arange(3)).tolist()
    (['y'], [True, False, True])
    """

    def __init__(self, frame: pd.DataFrame, problem: Problem) -> None:
        self.frame, self.problem = frame, problem
        self.targets = list(problem.targets)
        self.sources = {name: spec.columns or [name] for name, spec in problem.targets.items()}
        for sources in self.sources.values():
            for source in sources:
                take_column(frame, source, "target")
        self.groups: NDArray[np.int64] | None = None
        labels: list[str] = []
        if problem.by is not None:
            by = as_category(blank(take_column(frame, problem.by, "column of the groups"), problem.missing))
            codes, levels = pd.factorize(by, sort=True)
            self.groups, labels = codes.astype(np.int64), [str(level) for level in levels]
        self.labels = labels

    @property
    def names(self) -> list[str]:
        """Names of the P tasks: targets in order, and within each the groups in order."""
        if self.groups is None:
            return self.targets
        alone = len(self.targets) == 1
        return [g if alone else f"{t} | {g}" for t in self.targets for g in self.labels]

    def known(self, target: str, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether any answer to a target is known, for some rows."""
        found = np.zeros(len(rows), dtype=bool)
        for source in self.sources[target]:
            column = blank(self.frame[source].iloc[rows], self.problem.missing)
            here = column.notna().to_numpy()
            if not pd.api.types.is_numeric_dtype(column.dtype) and not is_listed(column):
                here = here & (column.astype(str).str.strip() != "").to_numpy()
            found |= here
        return found

    def tasks(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which task is known in which of some rows: places in ``rows`` and numbers of tasks, [N] each."""
        places, tasks = [], []
        for i, target in enumerate(self.targets):
            known = self.known(target, rows)
            if self.groups is not None:
                known = known & (self.groups[rows] >= 0)
            here = np.flatnonzero(known)
            places.append(here)
            each = np.full(len(here), i) if self.groups is None else self.groups[rows[here]]
            tasks.append(each + (0 if self.groups is None else i * len(self.labels)))
        return np.concatenate(places), np.concatenate(tasks).astype(np.int64)

    def parts(self, target: str, rows: NDArray[np.int64]) -> list[Part]:
        """The answers to a target as plain columns, for some rows; none where they are of free form."""
        sources, spec = self.sources[target], self.problem.targets[target]
        columns = [blank(self.frame[s].iloc[rows], self.problem.missing) for s in sources]
        columns = [c.reset_index(drop=True) for c in columns]
        if len(sources) > 1:
            return [_part(c, s, spec.kind, several=True) for c, s in zip(columns, sources, strict=True)]
        column, kind, separator = columns[0], spec.kind, spec.options.get("separator")
        if kind is None and column.notna().any() and not pd.api.types.is_datetime64_any_dtype(column.dtype):
            if is_listed(column):
                kind = "multilabel"
            elif not pd.api.types.is_numeric_dtype(column.dtype):
                try:
                    kind, options, _ = infer(column)
                    separator = separator or options.get("separator")
                except (
                    KindError
                ):  # free words: preparing the table tells of it, the audit says what it left out
                    return []
        if kind == "multilabel":
            return _labels(column, separator)
        return [] if kind == "tokens" else [_part(column, "", kind, several=False)]


def _part(column: pd.Series, label: str, kind: str | None, *, several: bool) -> Part:
    numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
    read = bool((numbers.notna() == column.notna()).all())
    numeric = kind in NUMBERS
    if kind is None and read:
        values = numbers.dropna().unique()
        numeric = len(values) > (2 if several else FEW) or bool((values != np.floor(values)).any())
    if numeric:
        return Part(label, numbers.replace([np.inf, -np.inf], np.nan), True)
    return Part(label, as_category(column), False)


def _labels(column: pd.Series, separator: str | None) -> list[Part]:
    """Each of the commonest labels as a column of yes and no."""
    known = column.notna().to_numpy()
    cells: Sequence[list[str]]
    cells = names_of(column, None if is_listed(column) else separator or ", ")
    counts = pd.Series([name for names in cells for name in set(names)], dtype=object).value_counts()
    sets = [set(names) for names in cells]
    return [
        Part(
            str(name),
            pd.Series(
                [("yes" if name in s else "no") if k else None for s, k in zip(sets, known, strict=True)]
            ),
            False,
        )
        for name in sorted(counts.index[:LABELS])
    ]
