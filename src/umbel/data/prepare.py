"""From a table and a problem to a dataset: typed columns, fitted kinds, an audited split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import as_category, blank, clean, rows_named
from umbel.data.dataset import Dataset
from umbel.data.entities import find_entities
from umbel.data.inputs import choose_inputs
from umbel.data.problem import Problem
from umbel.data.proof import Audit, check_entities
from umbel.data.read import check_table, take_column
from umbel.data.schema import Schema
from umbel.data.split import Split
from umbel.data.splitting import split_rows
from umbel.data.targets import choose_kind, target_column
from umbel.errors import DataError, near
from umbel.tasks import Target, TaskSet

__all__ = ["Prepared", "attach", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """A table made ready for learning.

    :param dataset: all rows.
    :param split: positions of training, validation and test rows.
    :param problem: what was asked.
    :param audit: the check that no entity is on two sides.
    :param reasons: by input column and ``targets.name``, why it has its type or kind.
    :param left_out: by column, why it is no input.
    :param notes: sentences for the report.
    """

    dataset: Dataset
    split: Split
    problem: Problem
    audit: Audit
    reasons: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @cached_property
    def train(self) -> Dataset:
        """The training rows, always the same object, so that encoded inputs are kept."""
        return self.dataset.take(self.split.train)

    @cached_property
    def valid(self) -> Dataset:
        """The validation rows: they choose."""
        return self.dataset.take(self.split.valid)

    @cached_property
    def test(self) -> Dataset:
        """The test rows: read once."""
        return self.dataset.take(self.split.test)


def _sources(frame: pd.DataFrame, schema: Schema, missing: Sequence[str]) -> pd.DataFrame:
    """The input columns in plain form; what needs no change is not copied.

    Of several tables those at hand may be some: a column of the others is missing throughout.
    """
    if schema.table is not None and schema.table.name in frame.columns:
        frame = frame.assign(**{c.name: None for c in schema.columns if c.name not in frame.columns})
    absent = [c.name for c in schema.columns if c.name not in frame.columns]
    if absent:
        raise DataError(
            "each input column of the model must be in the table",
            found=f"no column '{absent[0]}'"
            + (f" (and {len(absent) - 1} more are missing)" if absent[1:] else ""),
            remedy=near(absent[0], frame.columns),
        )
    folder = Path(frame.attrs["folder"]) if "folder" in frame.attrs else None
    cleaned = {c.name: clean(frame[c.name], c, missing, folder) for c in schema.columns}
    return pd.DataFrame(cleaned, index=frame.index, copy=False)


def _group_names(frame: pd.DataFrame, by: str, missing: Sequence[str]) -> pd.Series:
    """The group of each row as text, missing where unknown."""
    return as_category(blank(take_column(frame, by, "column of the groups"), missing))


def _group_codes(names: pd.Series, groups: Sequence[str]) -> NDArray[np.int64]:
    """Index of each row's group, -1 where it is missing or was never seen."""
    places = {group: place for place, group in enumerate(groups)}
    codes: NDArray[np.int64] = names.map(places).fillna(-1).to_numpy().astype(np.int64)
    return codes


def prepare(
    frame: pd.DataFrame,
    problem: Problem,
    *,
    seed: int = 0,
    split: Split | None = None,
    difficulty: NDArray[np.float64] | None = None,
) -> Prepared:
    """Make a table ready for learning; everything that is fitted is fitted on its training rows.

    :param frame: the table.
    :param problem: what is asked and what is given.
    :param seed: the run's seed (the split's, unless the problem has its own).
    :param split: a split of your own; it is audited like ours.
    :param difficulty: [B], for a split by difficulty that follows no column; who computes it stands above.
    :returns: dataset, split and the reasons for every choice.
    :raises DataError: a column is missing, a cell does not fit, an entity is on two sides.
    :raises KindError: a target does not fit its kind, or is constant or wholly missing in training.

    >>> table = pd.DataFrame({"x": range(40), "y": [i % 3 / 2 for i in range(40)]})
    >>> prepared = prepare(table, Problem.of("y", types={"x": "number"}))
    >>> len(prepared.train), len(prepared.valid), len(prepared.test)
    (28, 4, 8)
    """
    frame = check_table(frame)
    if problem.tables is None and frame.attrs.get("tables") in frame.columns:
        problem = problem.model_copy(update={"tables": frame.attrs["tables"]})
    for name in problem.targets:
        target_column(frame.iloc[:0], problem, name)  # a missing column is told of before any work
    entities = find_entities(frame, problem)
    names = None if problem.by is None else _group_names(frame, problem.by, problem.missing)
    everyone = None if names is None else _group_codes(names, sorted(names.dropna().unique()))
    if split is None:
        split = split_rows(frame, problem, entities, everyone, seed=seed, difficulty=difficulty)
    audit = check_entities(split, entities)

    groups: tuple[str, ...] = ()
    codes: NDArray[np.int64] | None = None
    if names is not None:
        taught = names.iloc[split.train]
        unknown = np.flatnonzero(taught.isna().to_numpy())
        if len(unknown):
            raise DataError(
                "each training row belongs to a group",
                found=f"column '{problem.by}' is missing in {rows_named(split.train[unknown])}",
                remedy="fill it in, or leave these rows out",
            )
        groups = tuple(sorted(taught.unique()))
        codes = _group_codes(names, groups)

    schema, reasons, left_out = choose_inputs(frame, problem, split.train)
    targets, answers = [], {}
    for name, spec in problem.targets.items():
        column = target_column(frame, problem, name)
        taught = column.iloc[split.train]
        kind, reasons[f"targets.{name}"] = choose_kind(problem, name, taught)
        kind.fit(taught)
        answers[name] = kind.encode(column)
        targets.append(Target(name, kind, spec.weight, spec.decide_by, spec.costs))
    dataset = Dataset(
        source=_sources(frame, schema, problem.missing),
        schema=schema,
        tasks=TaskSet(tuple(targets), problem.by, groups),
        rows=np.arange(len(frame), dtype=np.int64),
        answers=answers,
        entities=entities,
        groups=codes,
    )
    notes = [*problem.notes, audit.words, *split.notes]
    if codes is not None and (codes < 0).any():
        notes.append(f"{int((codes < 0).sum())} rows belong to groups that training never saw.")
    return Prepared(dataset, split, problem, audit, reasons, left_out, notes)


def attach(frame: pd.DataFrame, schema: Schema, tasks: TaskSet, *, problem: Problem | None = None) -> Dataset:
    """A table for a fitted model: to predict, or to evaluate where target columns are there.

    :param frame: the table; a target column that is not there is unknown in every row.
    :param schema: the model's input columns.
    :param tasks: the model's tasks.
    :param problem: the model's problem: tells joined target columns, entities and missing texts.
    :returns: all rows; a group that training never saw is -1.
    :raises DataError: an input column is missing (near names are given), or a cell does not fit.
    :raises KindError: an answer does not fit its kind, or is a class that training never saw.
    """
    frame = check_table(frame)
    if problem is None:
        problem = Problem.of([t.name for t in tasks.targets], by=tasks.by)
    source = _sources(frame, schema, problem.missing)
    codes = None
    if tasks.by is not None:
        codes = _group_codes(_group_names(frame, tasks.by, problem.missing), tasks.groups)
    answers = {
        t.name: t.kind.encode(target_column(frame, problem, t.name, required=False)) for t in tasks.targets
    }
    here = all(c in frame.columns for c in [*problem.entity, *problem.group])
    entities = find_entities(frame, problem) if here else np.arange(len(frame), dtype=np.int64)
    return Dataset(source, schema, tasks, np.arange(len(frame), dtype=np.int64), answers, entities, codes)
