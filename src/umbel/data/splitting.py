"""The split a problem asks for: at random, balanced, in time, by situation, or by difficulty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.balance import split_balanced
from umbel.data.balance_codes import strata_of
from umbel.data.balance_strata import GROUPS
from umbel.data.by_difficulty import split_by_difficulty
from umbel.data.cells import as_category, as_number, blank
from umbel.data.periods import split_periods
from umbel.data.problem import Problem
from umbel.data.read import take_column
from umbel.data.situations import split_situations
from umbel.data.split import SIDES, Split, split_by_time, split_randomly
from umbel.data.split_spec import CHEAP
from umbel.data.targets import choose_kind, target_column
from umbel.errors import ConfigError, DataError, near

__all__ = ["split_rows"]

_TESTED = {
    "hard": "the test rows are the hard ones, so scores are likely lower than on rows as they come",
    "easy": "the test rows are the easy ones, so scores are likely higher than on rows as they come",
    "stratified": "each side has easy and hard rows alike",
}


def split_rows(
    frame: pd.DataFrame,
    problem: Problem,
    entities: NDArray[np.int64],
    groups: NDArray[np.int64] | None = None,
    *,
    seed: int = 0,
    difficulty: NDArray[np.float64] | None = None,
) -> Split:
    """The split a problem asks for.

    :param frame: the table.
    :param entities: [B], from :func:`~umbel.data.entities.find_entities`.
    :param groups: [B], task group of each row, by the sorted names of the groups (rows layout).
    :param seed: the run's seed; the problem's own goes before.
    :param difficulty: [B], how hard each row is, NaN unknown; for a split by difficulty that follows no
        column.
    :raises DataError: a side that has a share gets no row, or a rule of the split's own is broken.
    :raises ConfigError: the split follows the loss of a model, and none came.
    """
    spec = problem.split
    drawn = seed if spec.seed is None else spec.seed
    if spec.how == "time":
        split = _in_time(frame, problem, entities)
    elif spec.how == "balanced":
        split = _balanced(frame, problem, entities, groups, drawn)
    elif spec.how == "situation":
        split = _by_situation(frame, problem, entities, drawn)
    elif spec.how == "difficulty":
        split = _by_difficulty(frame, problem, entities, drawn, difficulty)
    else:
        split = split_randomly(entities, spec, drawn, groups)
    for side, share in zip(SIDES, spec.shares, strict=True):
        if split.sizes[side] == 0 and (share > 0 or side == "train"):
            raise DataError(
                "each side of the split has at least one row",
                found=f"none for {side}; {len(frame)} rows, {int(entities.max()) + 1} entities",
                remedy="give more rows, other shares, or other times",
            )
    return split


def _balanced(
    frame: pd.DataFrame,
    problem: Problem,
    entities: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
    seed: int,
) -> Split:
    """Classes, labels and quantiles of every target, and the groups, have their shares.

    Kinds are inferred from all rows: no answer leaves the table by it, only the number of its kind.
    """
    labels: dict[str, NDArray[Any]] = {}
    classes: dict[str, list[str]] = {}
    for name in problem.targets:
        column = target_column(frame, problem, name)
        kind, _ = choose_kind(problem, name, column)
        labels[name], classes[name] = strata_of(column, kind.name, separator=getattr(kind, "separator", None))
    if groups is not None and problem.by is not None:
        found = as_category(blank(take_column(frame, problem.by, "column of the groups"), problem.missing))
        classes[GROUPS] = sorted(found.dropna().unique())
    made = split_balanced(
        entities, labels, problem.split.shares, seed=seed, groups=groups, names=SIDES, classes=classes
    )
    words = f"Labels, classes and quantiles are balanced within {made.largest:.3f} of the shares wished."
    return Split.of(made.sides, words, balance=made.deviations)


def _by_situation(frame: pd.DataFrame, problem: Problem, entities: NDArray[np.int64], seed: int) -> Split:
    spec = problem.split
    column = take_column(frame, str(spec.situation), "column of situations")
    test = spec.test if spec.test is not None else spec.shares[2]
    if test == 0:
        raise DataError(
            "situations are held out for test",
            found=f"shares {', '.join(f'{share:g}' for share in spec.shares)}, and none is named",
            remedy="a share for test above 0, or test: [a name]",
        )
    valid = spec.valid if spec.valid is not None else spec.shares[1] or None
    held = split_situations(column, entities, test=test, valid=valid, seed=seed)
    told = [
        f"Held out for {side}: {', '.join(map(str, names[:8]))}" + (" and others." if names[8:] else ".")
        for side, names in (("validation", held.valid), ("test", held.test))
        if len(names)
    ]
    return Split.of(held.sides, *told)


def _by_difficulty(
    frame: pd.DataFrame,
    problem: Problem,
    entities: NDArray[np.int64],
    seed: int,
    measured: NDArray[np.float64] | None,
) -> Split:
    spec = problem.split
    if spec.difficulty is not None:
        column = blank(take_column(frame, spec.difficulty, "column of difficulty"), problem.missing)
        hard, what = as_number(column).to_numpy(np.float64), f"by the column '{spec.difficulty}'"
    elif measured is not None:
        hard, what = measured, f"by the loss of '{spec.learner or CHEAP}' on entities it has not seen"
    else:
        raise ConfigError(
            "a split by difficulty follows a column, or difficulties that a model has measured",
            found="neither",
            remedy="the key 'difficulty' of the split, or umbel.training.difficulty.make_ready",
        )
    test = spec.test_rows or "hard"
    sides = split_by_difficulty(hard, entities, spec.shares, test=test, seed=seed)
    unknown = int(np.isnan(hard).sum())
    more = [f"The difficulty of {unknown:,} rows is unknown."] if unknown else []
    return Split.of(sides, f"Split by difficulty ({what}): {_TESTED[test]}.", *more)


def _in_time(frame: pd.DataFrame, problem: Problem, entities: NDArray[np.int64]) -> Split:
    spec = problem.split
    times = take_column(frame, str(problem.time), "time column")
    if spec.gap is None and spec.horizon is None:
        return split_by_time(times, entities, spec)
    known: Any = spec.horizon
    if isinstance(known, str) and known in frame.columns:
        known = take_column(frame, known, "column of label times")
    starts = None if spec.valid_from is None else (spec.valid_from, spec.test_from)
    shares = spec.shares if starts is None else None
    try:
        found = split_periods(times, entities, shares=shares, starts=starts, gap=spec.gap, horizon=known)
    except ConfigError as error:
        if isinstance(known, str) and error.found.startswith("horizon"):  # a column's name, mistyped
            more = f"{error.remedy}, or a column: {near(known, frame.columns)}"
            raise ConfigError(error.rule, found=error.found, remedy=more) from None
        raise
    return Split.of(found.sides, found.words)
