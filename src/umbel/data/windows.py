"""Windows that walk forward in time: learn from what was known, be judged by what came next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.timeline import Duration, Horizon, Timeline
from umbel.errors import ConfigError, DataError

__all__ = ["Fold", "windows"]

Fold = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Positions of training rows and of test rows, ascending."""

MOST = 100_000
"""Windows; more of them are a duration in a wrong unit."""


def windows(
    times: pd.Series,
    *,
    train: Duration,
    test: Duration,
    step: Duration | None = None,
    expanding: bool = False,
    gap: Duration | None = None,
    horizon: Horizon | None = None,
    embargo: Duration | None = None,
) -> Iterator[Fold]:
    """Rolling or expanding windows: train, gap, test; then a step further.

    The first test window begins ``train + gap`` after the first time, the next ones a step later each,
    as long as one begins within the data (the last may reach beyond it). For a test window that begins
    at s, rows of [s - gap - train, s - gap) are trained on whose labels are known before s - gap. A
    window that leaves either side without a row is passed over.

    :param times: [B] in any order, numbers or dates, or text of either.
    :param train: length of training; of the first one where it expands.
    :param test: length of a test window.
    :param step: from one test window to the next; ``test`` where None, so that they do not overlap.
    :param expanding: training begins at the first time, always.
    :param gap: between training and test.
    :param horizon: see :data:`~umbel.data.timeline.Horizon`.
    :param embargo: rows so long after the end of an earlier test window are never trained on: what was
        forecast may have been acted on.
    :returns: positions of training and of test rows, window by window.
    :raises DataError: a time does not parse or is missing (rows are named), or no window has rows.
    :raises ConfigError: a duration does not fit the times, or there would be over 100,000 windows.

    Source: Tashman 2000, Out-of-sample tests of forecasting accuracy (rolling windows); Lopez de Prado
    2018, chapter 7 (purge, embargo).

    >>> for fit, held in windows(pd.Series(range(8)), train=3, test=2, gap=1):
    ...     print(fit, held)
    [0 1 2] [4 5]
    [2 3 4] [6 7]
    """
    line = Timeline.of(times, horizon)
    size, ahead = line.length(train, "train", some=True), line.length(test, "test", some=True)
    move = ahead if step is None else line.length(step, "step", some=True)
    free, rest = line.length(gap, "gap"), line.length(embargo, "embargo")
    if not len(line):
        raise DataError("windows need rows", found="no row", remedy="check the filter that made the table")
    first = line.times.min() + size + free
    steps = (line.times.max() - first) // move
    if steps >= MOST:
        raise ConfigError(
            f"there are at most {MOST:,} windows",
            found=f"{steps:,}; times from {line.times.min()} to {line.times.max()}, a step of {move}",
            remedy="give durations in the units of the time column",
        )
    count = max(0, int(steps) + 1)
    starts = [first + k * move for k in range(count)]
    found = _walk(line, starts, None if expanding else size, ahead, free, rest)
    head = next(found, None)
    if head is None:
        raise DataError(
            "at least one window has rows of training and of test",
            found=f"{count} windows; {len(line)} rows from {line.times.min()} to {line.times.max()}",
            remedy="shorten train, gap or horizon",
        )
    return _chained(head, found)


def _chained(head: Fold, rest: Iterator[Fold]) -> Iterator[Fold]:
    yield head
    yield from rest


def _walk(line: Timeline, starts: list[Any], size: Any, ahead: Any, free: Any, rest: Any) -> Iterator[Fold]:
    """The windows that have rows; ``size`` None expands."""
    order = np.argsort(line.times, kind="stable")
    times, ends = line.times[order], line.ends[order]
    open_to = np.ones(len(line), dtype=bool)  # rows in order of time that no embargo forbids
    for start in starts:
        stop = start - free
        low = 0 if size is None else int(np.searchsorted(times, stop - size))
        high = int(np.searchsorted(times, stop))
        begin, end = np.searchsorted(times, [start, start + ahead])
        fit = order[low:high][open_to[low:high] & (ends[low:high] < stop)]
        if len(fit) and end > begin:
            yield np.sort(fit), np.sort(order[begin:end])
        open_to[end : int(np.searchsorted(times, start + ahead + rest))] = False
