"""A Parquet file in pieces: read in order, predicted and scored without being held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from umbel.data.hashing import entity_hashes
from umbel.data.parquet import ParquetFile
from umbel.data.prepare import attach
from umbel.data.problem import Problem
from umbel.data.schema import Schema
from umbel.data.stream import RowGroups
from umbel.data.streamed import StreamedTable
from umbel.errors import ConfigError, DataError
from umbel.judging.scorecard import Candidate, Scorecard, judge
from umbel.judging.truth import Truth
from umbel.tasks import Prediction, Rule, TaskSet
from umbel.training.config import Config
from umbel.training.learner import Learner

__all__ = ["PIECE", "Taught", "is_parquet", "pieces", "score_streamed"]

PIECE = 65_536
"""Rows that are predicted together."""


@dataclass(frozen=True)
class Taught:
    """A fitted learner, and how its decisions are taken."""

    learner: Learner
    rules: Mapping[str, Rule]


def is_parquet(table: Any) -> bool:
    """Whether a table is the path of a Parquet file."""
    return isinstance(table, str | Path) and Path(table).suffix.lower() in (".parquet", ".pq")


def pieces(file: ParquetFile) -> Iterator[pd.DataFrame]:
    """The rows of a file in order, at most ``PIECE`` at a time; the index is their number."""
    for frame in RowGroups(file, batch_size=PIECE, seed=0, buffer=PIECE, shuffle=False):
        frame.attrs["folder"] = str(file.path.parent)
        yield frame


def score_streamed(
    path: str | Path,
    models: Mapping[str, Taught],
    config: Config,
    tasks: TaskSet,
    schema: Schema,
    *,
    test: bool,
    resamples: int,
    metrics: Literal["primary", "all"] = "all",
) -> Scorecard:
    """Score models on a file, read once. Answers and predictions are held, inputs are not.

    :param models: by name; gains are measured against the first.
    :param config: of the fit.
    :param test: only the rows that the fit left alone; else all.
    :param resamples: of the bootstrap; of many rows few will do, as each holds a byte per entity.
    :param metrics: see :func:`~umbel.judging.scorecard.judge`.
    :raises ConfigError: test rows are asked for, and the fit left none alone.
    :raises DataError: no answer is known.
    """
    problem = config.problem
    if test and (config.stream is None or not config.stream.test):
        raise ConfigError(
            "test rows are those that a streamed fit left alone",
            found="no stream" if config.stream is None else "test: 0",
            remedy="fit with stream: true, or evaluate on all rows of another file",
        )
    asked = [*problem.sources, *([problem.by] if problem.by else []), *problem.entity]
    file = ParquetFile(path)
    if test and config.stream is not None:
        table = StreamedTable(path, problem, valid=0.0, test=config.stream.test, seed=config.seed, most=1)
        file = table.only(2, schema.names)
    else:
        file = ParquetFile(path, [n for n in file.columns if n in asked or n in schema.names])
    parts = [_said(frame, models, problem, tasks, schema) for frame in pieces(file)]
    truth = _joined([part[0] for part in parts])
    if not any(truth.known(target.name).any() for target in tasks.targets):
        raise DataError(
            "an evaluation needs known answers",
            found="no label of " + ", ".join(f"'{t.name}'" for t in tasks.targets),
            remedy="give a table with the target columns, under the names they had in training",
        )
    candidates = {
        name: Candidate(
            {t.name: _line([part[1][name][t.name] for part in parts]) for t in tasks.targets},
            dict(taught.rules),
        )
        for name, taught in models.items()
    }
    return judge(truth, candidates, reference=next(iter(models)), resamples=resamples, metrics=metrics)


def _said(
    frame: pd.DataFrame, models: Mapping[str, Taught], problem: Problem, tasks: TaskSet, schema: Schema
) -> tuple[Truth, dict[str, dict[str, Prediction]]]:
    """What is known of some rows, and what each model says of them."""
    rows = attach(frame, schema, tasks, problem=problem.model_copy(update={"entity": []}))
    here = all(name in frame.columns for name in problem.entity)
    entity = entity_hashes(frame, problem.entity if here else (), frame.index.to_numpy())
    names = [t.name for t in tasks.targets]
    truth = Truth(
        tasks,
        {n: rows.values(n) for n in names},
        {n: rows.weights(n) for n in names},
        entity.view(np.int64),
        rows.group,
    )
    return truth, {name: taught.learner.predict(rows) for name, taught in models.items()}


def _joined(parts: Sequence[Truth]) -> Truth:
    names = list(parts[0].values)
    groups = [part.group for part in parts if part.group is not None]
    return Truth(
        parts[0].tasks,
        {n: np.concatenate([part.values[n] for part in parts]) for n in names},
        {n: np.concatenate([part.weights[n] for part in parts]) for n in names},
        np.concatenate([part.entity for part in parts]),
        np.concatenate(groups) if groups else None,
    )


def _line(parts: Sequence[Prediction]) -> Prediction:
    """Predictions of several parts, one after the other."""
    spreads = [part.spread for part in parts if part.spread is not None]
    return Prediction(
        np.concatenate([part.value for part in parts]), np.concatenate(spreads) if spreads else None
    )
