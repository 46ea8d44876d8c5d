"""From a table and a problem to a dataset: typed columns, fitted kinds, an audited split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.audit import Audit, check_entities
from umbel.data.cells import as_category, blank, clean, rows_named
from umbel.data.dataset import Dataset
from umbel.data.infer import Inferred, find_separator, infer_column
from umbel.data.problem import Problem
from umbel.data.read import check_table, take_column
from umbel.data.schema import Column, Schema
from umbel.data.split import Split, find_entities, split_rows
from umbel.data.targets import choose_kind, target_column
from umbel.errors import DataError, near
from umbel.tasks import Target, TaskSet

__all__ = ["Prepared", "attach", "choose_inputs", "prepare"]


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


def _reserved(problem: Problem) -> dict[str, str]:
    """Columns that are no inputs unless the problem lists them, and why."""
    reasons = dict.fromkeys(problem.ignore, "ignored, as given")
    if len(problem.entity) == 1:
        reasons[problem.entity[0]] = "names the entity"
    if problem.group is not None:
        reasons[problem.group] = "names the group that stays together"
    if problem.by is not None:
        reasons[problem.by] = "says which task a row belongs to"
    reasons.update(dict.fromkeys(problem.sources, "is asked"))
    return reasons


def choose_inputs(
    frame: pd.DataFrame, problem: Problem, rows: NDArray[np.int64] | None = None
) -> tuple[Schema, dict[str, str], dict[str, str]]:
    """The input columns, their types, and why.

    :param frame: the table.
    :param problem: what is given by the user goes before what is inferred.
    :param rows: training rows, by which types are inferred; all where None.
    :returns: schema, reasons by column, reasons by column left out.
    :raises DataError: a column that the problem names is not there, or no input is left.
    """
    listed = problem.inputs
    for name in [*(listed or ()), *problem.types, *problem.separators]:
        take_column(frame, name, "input")
    for name in problem.ignore:
        take_column(frame, name, "ignored column")
    left_out = {} if listed is not None else _reserved(problem)
    columns, reasons = [], {}
    for name in frame.columns if listed is None else listed:
        if name in left_out:
            continue
        spec = listed[name] if listed is not None else None
        wanted = (spec.type if spec else None) or problem.types.get(name)
        separator = (spec.separator if spec else None) or problem.separators.get(name)
        column = blank(frame[name] if rows is None else frame[name].iloc[rows], problem.missing)
        if wanted is None and separator is not None:
            wanted = "set"
        if wanted is None:
            found = infer_column(column)
            if found.type is None and listed is None:
                left_out[name] = found.reason
                continue
            if found.type is None:  # the user wants it all the same
                found = _insist(column, found)
        else:
            found = Inferred(wanted, "as given", separator)
        if found.type == "set" and found.separator is None and separator is None:
            separator = _separator_of(column)
        columns.append(Column(str(name), found.type or "text", separator or found.separator))
        reasons[str(name)] = found.reason
    if not columns:
        raise DataError(
            "at least one column must be an input",
            found="; ".join(f"'{name}': {why}" for name, why in list(left_out.items())[:8]),
            remedy="list the input columns under 'inputs'",
        )
    return Schema(tuple(columns)), reasons, left_out


def _insist(column: pd.Series, found: Inferred) -> Inferred:
    """A type for a column that is listed though it looks useless."""
    numeric = pd.api.types.is_numeric_dtype(column.dtype) or bool(column.isna().all())
    return Inferred("number" if numeric else "category", f"listed as an input, though: {found.reason}")


def _separator_of(column: pd.Series) -> str | None:
    """The separator of a column given as ``set``: the one that is seen, else a comma; None for lists."""
    known = column.dropna()
    texts = known[known.map(lambda cell: isinstance(cell, str))]
    return None if len(texts) == 0 else find_separator(texts) or ", "


def _sources(frame: pd.DataFrame, schema: Schema, missing: Sequence[str]) -> pd.DataFrame:
    """The input columns in plain form; what needs no change is not copied."""
    absent = [c.name for c in schema.columns if c.name not in frame.columns]
    if absent:
        raise DataError(
            "each input column of the model must be in the table",
            found=f"no column '{absent[0]}'"
            + (f" (and {len(absent) - 1} more are missing)" if absent[1:] else ""),
            remedy=near(absent[0], frame.columns),
        )
    cleaned = {c.name: clean(frame[c.name], c, missing) for c in schema.columns}
    return pd.DataFrame(cleaned, index=frame.index, copy=False)


def _group_names(frame: pd.DataFrame, by: str, missing: Sequence[str]) -> pd.Series:
    """The group of each row as text, missing where unknown."""
    return as_category(blank(take_column(frame, by, "column of the groups"), missing))


def _group_codes(names: pd.Series, groups: Sequence[str]) -> NDArray[np.int64]:
    """Index of each row's group, -1 where it is missing or was never seen."""
    places = {group: place for place, group in enumerate(groups)}
    codes: NDArray[np.int64] = names.map(places).fillna(-1).to_numpy().astype(np.int64)
    return codes


def prepare(frame: pd.DataFrame, problem: Problem, *, seed: int = 0, split: Split | None = None) -> Prepared:
    """Make a table ready for learning; everything that is fitted is fitted on its training rows.

    :param frame: the table.
    :param problem: what is asked and what is given.
    :param seed: the run's seed (the split's, unless the problem has its own).
    :param split: a split of your own; it is audited like ours.
    :returns: dataset, split and the reasons for every choice.
    :raises DataError: a column is missing, a cell does not fit, an entity is on two sides.
    :raises KindError: a target does not fit its kind, or is constant or wholly missing in training.

    >>> table = pd.DataFrame({"x": range(40), "y": [i % 3 / 2 for i in range(40)]})
    >>> prepared = prepare(table, Problem.of("y", types={"x": "number"}))
    >>> len(prepared.train), len(prepared.valid), len(prepared.test)
    (28, 4, 8)
    """
    frame = check_table(frame)
    for name in problem.targets:
        target_column(frame.iloc[:0], problem, name)  # a missing column is told of before any work
    entities = find_entities(frame, problem)
    names = None if problem.by is None else _group_names(frame, problem.by, problem.missing)
    everyone = None if names is None else _group_codes(names, sorted(names.dropna().unique()))
    if split is None:
        split = split_rows(frame, problem, entities, everyone, seed=seed)
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
        targets.append(Target(name, kind, spec.weight))
    dataset = Dataset(
        source=_sources(frame, schema, problem.missing),
        schema=schema,
        tasks=TaskSet(tuple(targets), problem.by, groups),
        rows=np.arange(len(frame), dtype=np.int64),
        answers=answers,
        entities=entities,
        groups=codes,
    )
    notes = [audit.words]
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
    here = all(c in frame.columns for c in [*problem.entity, *([problem.group] if problem.group else [])])
    entities = find_entities(frame, problem) if here else np.arange(len(frame), dtype=np.int64)
    return Dataset(source, schema, tasks, np.arange(len(frame), dtype=np.int64), answers, entities, codes)
