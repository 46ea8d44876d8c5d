"""When rows are and when their labels are known; durations between them."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.cells import rows_named
from umbel.data.split import times_of
from umbel.errors import ConfigError, DataError
from umbel.shapes import check_shape

__all__ = ["Duration", "Horizon", "Timeline", "plain_times"]

Duration = float | str | datetime.timedelta | np.timedelta64
"""How long: a number where times are numbers; ``"7d"``, ``"12h"`` or a timedelta where they are dates."""

Horizon = Duration | pd.Series
"""When labels are known: so long after the time of their row, or a column of these times, [B]."""


@dataclass(frozen=True)
class Timeline:
    """When each row is, and when its label is known.

    :param times: [B], whole numbers, numbers or dates without a zone.
    :param ends: [B], not before ``times``: the label of the row is known then.
    """

    times: NDArray[Any]
    ends: NDArray[Any]

    def __len__(self) -> int:
        return len(self.times)

    @staticmethod
    def of(times: pd.Series, horizon: Horizon | None = None) -> Timeline:
        """From columns.

        :param times: [B], numbers or dates, or text of either.
        :param horizon: see :data:`Horizon`; a label is known at the time of its row where None.
        :raises DataError: a time does not parse or is missing, or a label ends before its row (rows are
            named).
        :raises ConfigError: a duration does not fit the column.
        """
        start = plain_times(times_of(times))
        line = Timeline(start, start)
        if horizon is None:
            return line
        if not isinstance(horizon, pd.Series):
            return Timeline(start, start + line.length(horizon, "horizon"))
        check_shape("horizon", horizon.shape, start.shape)
        ends = plain_times(times_of(horizon))
        if (ends.dtype.kind == "M") != (start.dtype.kind == "M"):
            raise ConfigError(
                "label ends are of the kind of the time column",
                found=f"column '{horizon.name}' has {horizon.iloc[0]!r}, '{times.name}' {times.iloc[0]!r}",
                remedy="give the moments at which labels are known, as the time column writes them",
            )
        early = np.flatnonzero(ends < start)
        if len(early):
            raise DataError(
                "a label is not known before its row",
                found=f"column '{horizon.name}', {rows_named(early)}: {horizon.iloc[early[0]]!r}, "
                f"but '{times.name}' is {times.iloc[early[0]]!r}",
                remedy="mend the cells, or exchange the two columns",
            )
        return Timeline(start, ends)

    def length(self, value: Duration | None, option: str, *, some: bool = False) -> Any:
        """A duration in the terms of the times; None is no time at all.

        :param value: see :data:`Duration`.
        :param option: what the error calls it.
        :param some: whether 0 is refused.
        :raises ConfigError: it is no duration of these times, or below 0.

        >>> Timeline.of(pd.Series(["2020-01-01"])).length("2d", "gap").astype("m8[h]")
        np.timedelta64(48,'h')
        """
        if self.times.dtype.kind == "M":
            length = _span(pd.Timedelta(0) if value is None else value, option)
            exact = length.astype(f"m8[{np.datetime_data(self.times.dtype)[0]}]")
            length = exact if exact == length else length  # in the column's own unit, where it can be
            none = length == np.timedelta64(0)
        else:
            length = _number(0 if value is None else value, option)
            none = length == 0
        if some and none:
            raise ConfigError(
                f"{option} is longer than 0", found=f"{option}: {value!r}", remedy="give its length"
            )
        return length

    def folds(self, count: int) -> NDArray[np.int64]:
        """Stretches of time of near even numbers of rows, equal times together.

        :param count: how many, at least 1.
        :returns: the stretch of each row, [B], from 0; none is empty.
        :raises DataError: there are fewer times than stretches.

        >>> Timeline.of(pd.Series([3, 1, 1, 1, 2])).folds(2)
        array([1, 0, 0, 0, 1])
        """
        moments, place, rows = np.unique(self.times, return_inverse=True, return_counts=True)
        if len(moments) < count:
            raise DataError(
                "there are at least as many times as folds",
                found=f"{len(moments)} times in {len(self)} rows, {count} folds",
                remedy=f"ask for at most {len(moments)} folds",
            )
        k = np.arange(1, count)
        wish = k * (len(self) // count) + np.minimum(k, len(self) % count)  # the larger ones come first
        cuts = np.searchsorted(np.cumsum(rows) - rows, wish)  # first time of each stretch but the first
        cuts = np.maximum.accumulate(cuts - k) + k  # at least one time after the one before
        cuts = np.minimum(cuts, len(moments) - count + k)
        return np.searchsorted(cuts, place, side="right").astype(np.int64)


def plain_times(times: pd.Series) -> NDArray[Any]:
    """Times as an array in which differences neither wrap nor overflow."""
    if pd.api.types.is_datetime64_any_dtype(times.dtype):
        return times.to_numpy()
    whole = pd.api.types.is_integer_dtype(times.dtype) and (times <= np.iinfo(np.int64).max).all()
    return times.to_numpy(np.int64 if whole else np.float64)


def _number(value: Any, option: str) -> float:
    """A duration of times that are numbers."""
    odd = isinstance(value, bool | datetime.timedelta | np.timedelta64)
    try:
        number = float("nan") if odd else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 <= number < float("inf"):
        raise ConfigError(
            f"{option} is a number >= 0 where times are numbers",
            found=f"{option}: {value!r}",
            remedy="give it in the units of the time column",
        )
    return int(number) if number.is_integer() and number < 2**53 else number  # whole numbers stay exact


def _span(value: Any, option: str) -> Any:
    """A duration of times that are dates."""
    try:
        # pandas wants days in capitals
        read = re.sub(r"(?<=[\d ])d\b", "D", value) if isinstance(value, str) else value
        span = pd.Timedelta("nat" if _is_bare(value) else read)
    except (TypeError, ValueError):
        span = pd.Timedelta("nat")
    if pd.isna(span) or span < pd.Timedelta(0):
        raise ConfigError(
            f"{option} is a duration >= 0 with its unit where times are dates",
            found=f"{option}: {value!r}",
            remedy='write "7d", "12h" or "30min"',
        )
    return span.to_timedelta64()


def _is_bare(value: Any) -> bool:
    """True for a number without a unit, other than 0."""
    if isinstance(value, datetime.timedelta | np.timedelta64):
        return False
    try:
        return float(value) != 0
    except (TypeError, ValueError):
        return False
