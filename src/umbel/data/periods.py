"""Sides that follow one another in time: gaps between them, and no label known too late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import rows_named
from umbel.data.keys import read_keys
from umbel.data.problem import SplitSpec
from umbel.data.split import SIDES, Split, moment_of, split_by_time, times_of
from umbel.data.timeline import Duration, Horizon, Timeline, plain_times
from umbel.errors import ConfigError, DataError
from umbel.shapes import check_shape

__all__ = ["Periods", "check_periods", "split_periods"]

STARTS = ("valid_from", "test_from")


@dataclass(frozen=True)
class Periods:
    """A split into periods, and what it had to leave out.

    :param sides: [B]: 0 training, 1 validation, 2 test, -1 left out.
    :param left_out: rows by reason: ``entity`` (the entity is judged in a later period), ``gap``,
        ``horizon`` (the label is known too late), ``embargo``. A row is counted under the first of them.
    """

    sides: NDArray[np.int64]
    left_out: Mapping[str, int]

    @property
    def words(self) -> str:
        """One sentence."""
        told = ", ".join(f"{count:,} by {reason}" for reason, count in self.left_out.items() if count)
        return f"The split in time leaves out {told}." if told else "The split in time leaves out no row."


def split_periods(
    times: pd.Series,
    entities: NDArray[Any],
    *,
    shares: Sequence[float] | None = None,
    starts: tuple[Any, Any] | None = None,
    gap: Duration | None = None,
    horizon: Horizon | None = None,
    embargo: Duration | None = None,
) -> Periods:
    """Training, validation and test one after the other in time, so that no label tells of a later period.

    An entity is on the side of its **latest** row (as in :func:`~umbel.data.split.split_by_time`). Its rows
    in earlier periods are left out: no row is judged beside training rows that are later than it. A row
    stays if it is earlier than ``start - gap``, and its label is known earlier than that; ``start`` is
    the beginning of the next period. So no label of training or validation is known at or after it.

    :param times: [B], numbers or dates, or text of either.
    :param entities: [B], any integers.
    :param shares: of entities in order of their latest row; three that sum to 1.
    :param starts: or else the first time of validation and of test.
    :param gap: rows so long before the next period are left out.
    :param horizon: see :data:`~umbel.data.timeline.Horizon`.
    :param embargo: rows so long after a test period are not trained on. No side is trained on after test
        here, so it leaves out none; it is checked, so that windows and folds can have the same options.
    :raises DataError: a time does not parse or is missing (rows are named), or a side has no row left.
    :raises ConfigError: shares do not sum to 1, both or neither of ``shares`` and ``starts`` came, or a
        duration does not fit the times.

    Source: Lopez de Prado 2018, Advances in Financial Machine Learning, section 7.4.1 (purging).

    >>> days = pd.Series(range(12))
    >>> found = split_periods(days, np.arange(12), shares=(0.5, 0.25, 0.25), gap=1, horizon=1)
    >>> found.sides.tolist()
    [0, 0, 0, 0, -1, -1, 1, -1, -1, 2, 2, 2]
    >>> found.words
    'The split in time leaves out 2 by gap, 2 by horizon.'
    """
    spec = _spec(shares, starts)
    clock = times_of(times)
    check_shape("entities", np.shape(entities), (len(clock),))
    codes = pd.factorize(np.asarray(entities))[0].astype(np.int64)
    line = Timeline.of(clock, horizon)
    free = line.length(gap, "gap")
    line.length(embargo, "embargo")
    base = _numbers(split_by_time(clock, codes, spec), len(clock))
    latest = pd.Series(line.times).groupby(codes).transform("max").to_numpy()
    begin: list[Any] = []  # of validation and test: as given, or where the first entity of them begins
    for k, start in enumerate((spec.valid_from, spec.test_from), 1):
        later = latest[base >= k]
        begin.append(
            plain_times(pd.Series([moment_of(start, clock)]))[0]
            if start is not None
            else min(later, default=None)
        )
    period = np.zeros(len(line), dtype=np.int64)
    for start in begin:
        period += 0 if start is None else line.times >= start
    sides = np.where(period == base, base, -1)
    left_out = {"entity": int((sides < 0).sum()), "gap": 0, "horizon": 0, "embargo": 0}
    for side, start in enumerate(begin):
        if start is None:
            continue
        for reason, moments in (("gap", line.times), ("horizon", line.ends)):
            late = (sides == side) & (moments >= start - free)
            sides[late] = -1
            left_out[reason] += int(late.sum())
    for side, name in enumerate(SIDES):
        if (base == side).any() and not (sides == side).any():
            raise DataError(
                "each period keeps at least one row",
                found=f"none for {name}; left out: "
                + ", ".join(f"{count} by {reason}" for reason, count in left_out.items()),
                remedy="give other shares or starts, or a shorter gap or horizon",
            )
    return Periods(sides, left_out)


def _spec(shares: Sequence[float] | None, starts: tuple[Any, Any] | None) -> SplitSpec:
    """What was asked, checked as a problem's own split is."""
    if (shares is None) == (starts is None):
        raise ConfigError(
            "a split in time has either shares or starts",
            found="both" if shares is not None else "neither",
            remedy="give shares=(0.7, 0.1, 0.2), or the first times of validation and test",
        )
    if starts is not None and len(starts) != 2:
        raise ConfigError(
            "a split in time has two starts",
            found=f"{starts!r}",
            remedy="the first times of validation and test",
        )
    given = {"shares": list(shares)} if shares is not None else dict(zip(STARTS, starts or (), strict=True))
    return read_keys(SplitSpec, {"how": "time", **given}, "split")


def _numbers(split: Split, rows: int) -> NDArray[np.int64]:
    """The number of the side of each row, [B]."""
    sides = np.full(rows, -1, dtype=np.int64)
    for number, side in enumerate(SIDES):
        sides[getattr(split, side)] = number
    return sides


def check_periods(
    split: Split, times: pd.Series, *, gap: Duration | None = None, horizon: Horizon | None = None
) -> None:
    """The proof that a split in time leaks no label: it looks at the rows, not at how the split was made.

    :param split: positions of the rows on each side.
    :param times, horizon: as :func:`split_periods` has them.
    :param gap: between the latest label of a side and the first row of a later one.
    :raises DataError: a row of an earlier side is, or its label is known, after the start of a later side
        minus the gap (rows are named).
    """
    line = Timeline.of(times, horizon)
    free = line.length(gap, "gap")
    sides = [(side, np.asarray(getattr(split, side))) for side in SIDES]
    for i, (early, rows) in enumerate(sides):
        for late, others in sides[i + 1 :]:
            if not len(rows) or not len(others):
                continue
            start = line.times[others].min()
            bad = rows[line.ends[rows] >= start - free]
            if len(bad):
                raise DataError(
                    f"each label of {early} is known before {late} begins",
                    found=f"{len(bad)} of {early} are known at or after {start - free}: {rows_named(bad)}",
                    remedy="split with this gap and horizon (split_periods)",
                )
