"""The split a problem asks for: at random, balanced, in time, or by situation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.balance import split_balanced
from umbel.data.balance_codes import strata_of
from umbel.data.periods import split_periods
from umbel.data.problem import Problem
from umbel.data.read import take_column
from umbel.data.situations import split_situations
from umbel.data.split import SIDES, Split, split_by_time, split_randomly
from umbel.data.targets import choose_kind, target_column
from umbel.errors import DataError

__all__ = ["split_rows"]


def split_rows(
    frame: pd.DataFrame,
    problem: Problem,
    entities: NDArray[np.int64],
    groups: NDArray[np.int64] | None = None,
    *,
    seed: int = 0,
) -> Split:
    """The split a problem asks for.

    :param frame: the table.
    :param entities: [B], from :func:`~umbel.data.entities.find_entities`.
    :param groups: [B], task group of each row (rows layout).
    :param seed: the run's seed; the problem's own goes before.
    :raises DataError: a side that has a share gets no row, or a rule of the split's own is broken.
    """
    spec = problem.split
    drawn = seed if spec.seed is None else spec.seed
    if spec.how == "time":
        split = _in_time(frame, problem, entities)
    elif spec.how == "balanced":
        found = split_balanced(
            entities, _labels(frame, problem), spec.shares, seed=drawn, groups=groups, names=SIDES
        )
        worst = f"Labels, classes and quantiles are balanced within {found.largest:.3f} of the shares wished."
        split = Split.of(found.sides, worst)
    elif spec.how == "situation":
        column = take_column(frame, str(spec.situation), "column of situations")
        test = spec.test if spec.test is not None else spec.shares[2]
        if test == 0:
            raise DataError(
                "situations are held out for test",
                found=f"shares {', '.join(f'{share:g}' for share in spec.shares)}, and none is named",
                remedy="a share for test above 0, or test: [a name]",
            )
        valid = spec.valid if spec.valid is not None else spec.shares[1] or None
        held = split_situations(column, entities, test=test, valid=valid, seed=drawn)
        told = [
            f"Held out for {side}: {', '.join(map(str, names[:8]))}" + (" and others." if names[8:] else ".")
            for side, names in (("validation", held.valid), ("test", held.test))
            if len(names)
        ]
        split = Split.of(held.sides, *told)
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
    found = split_periods(times, entities, shares=shares, starts=starts, gap=spec.gap, horizon=known)
    return Split.of(found.sides, found.words)


def _labels(frame: pd.DataFrame, problem: Problem) -> Mapping[str, NDArray[Any]]:
    """What is balanced: classes, labels and quantiles of every target.

    Kinds are inferred from all rows: no answer leaves the table by it, only the number of its kind.
    """
    found = {}
    for name in problem.targets:
        column = target_column(frame, problem, name)
        kind, _ = choose_kind(problem, name, column)
        found[name] = strata_of(column, kind.name, separator=getattr(kind, "separator", None))[0]
    return found
