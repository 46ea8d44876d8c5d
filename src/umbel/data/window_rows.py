"""A long table of series to rows of what was known and what came: past windows and their targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from umbel.data.cells import as_number, rows_named
from umbel.data.read import take_column
from umbel.data.split import times_of
from umbel.data.timeline import Duration, Timeline, plain_times
from umbel.errors import ConfigError, DataError, near

__all__ = ["make_windows"]

_WAYS: dict[str, Any] = {"sum": np.sum, "mean": np.mean, "std": np.std, "min": np.min, "max": np.max}
"""What may be made of all steps up to the horizon; ``last`` is the step at the horizon itself."""

Places = NDArray[np.int64]


def make_windows(
    frame: pd.DataFrame,
    *,
    time: str,
    columns: str | Sequence[str],
    by: str | Sequence[str] = (),
    past: int = 20,
    horizon: int = 1,
    targets: Mapping[str, str | tuple[str, str]] | None = None,
    least: int | None = None,
    gap: Duration | None = None,
    every: int = 1,
    keep: Sequence[str] = (),
    name: str = "series",
) -> pd.DataFrame:
    """Rows of a series of the past and of what came ``horizon`` steps later.

    The table has one row per series and time (a ticker and a day), in any order. A step is from one row of
    a series to its next, however far apart they are; with ``gap``, two rows further apart than that are
    not joined: no window and no horizon reaches over them. A missing number stays missing within the
    window; a missing target is a missing label.

    A window ends at its row, and holds nothing later; a target is made of later rows alone. The row says
    when it is made (``time``) and when its targets are known (``target_`` and the name of ``time``): split
    by the first, with the second as the split's ``horizon``, and no label tells of a later period.

    :param time: the column of times, numbers or dates.
    :param columns: numbers of a step, F of them: the cells are arrays [T] where one name is given as text,
        else [T, F]. They are read-only, as windows of one series share their memory.
    :param by: columns that name the series; one series where there are none.
    :param past: steps of a window, T at most.
    :param horizon: how many steps later the targets are.
    :param targets: by new column, the column it is taken from; or that and how the steps 1 to ``horizon``
        later become one number: ``sum``, ``mean``, ``std``, ``min``, ``max``, or ``last``, which is what the
        column alone means. With None no future is needed: each series' last row has a window, too.
    :param least: a window may be so short where the series begins (or goes on after a gap); ``past`` where
        None.
    :param gap: the longest time from one step to the next, e.g. ``"5d"``.
    :param every: a window at so many steps.
    :param keep: columns that are taken along as they are at the window's last step.
    :param name: of the column of windows.
    :returns: one row per window, by series and time: ``by``, ``keep``, ``time``, the time of the targets,
        the window, the targets.
    :raises DataError: a column is missing or holds no numbers, a time or a name of a series is missing, a
        series has a time twice, or no window fits.
    :raises ConfigError: an option is out of its range, or two columns would have the same name.

    Source: direct multi-step forecasting, Chevillon 2007.

    >>> days = pd.DataFrame({"day": range(6), "move": [1.0, 2, 3, 4, 5, 6]})
    >>> found = make_windows(days, time="day", columns="move", past=2, horizon=3, targets={"next": "move"})
    >>> found["series"].tolist()
    [array([1., 2.]), array([2., 3.])]
    >>> found[["day", "target_day", "next"]].values.tolist()
    [[1.0, 4.0, 5.0], [2.0, 5.0, 6.0]]
    """
    given = [columns] if isinstance(columns, str) else list(columns)
    groups = [by] if isinstance(by, str) else list(by)
    asked = {new: _way(new, way, horizon) for new, way in (targets or {}).items()}
    least = past if least is None else least
    _check(past=past, horizon=horizon, least=least, every=every)
    if least > past:
        raise ConfigError("a window is at most 'past' steps long", found=f"least: {least}, past: {past}")
    known = [f"target_{time}"] if asked else []
    _check_names([*groups, *keep, time, *known, name, *asked])
    if not given:
        raise ConfigError("a window has at least one column", remedy="name the numbers of a step")

    order, first, last = _runs(frame, time, groups, gap)
    place = np.arange(len(order))
    kept = place - first + 1 >= least
    if asked:
        kept &= last - place >= horizon
    kept &= (place - first + 1 - least) % every == 0
    ends = place[kept]
    if not len(ends):
        raise DataError(
            "at least one window fits into the table",
            found=f"{len(frame)} rows, none with {least} steps up to it and {horizon * bool(asked)} after it",
            remedy="ask for fewer steps (past, least, horizon), or a longer gap",
        )
    found = {c: take_column(frame, c, "column to keep").iloc[order[ends]] for c in [*groups, *keep, time]}
    made = pd.DataFrame({c: column.reset_index(drop=True) for c, column in found.items()})
    if asked:
        later = take_column(frame, time, "time").iloc[order[ends + horizon]]
        made[known[0]] = later.reset_index(drop=True)
    begins = np.maximum(first[ends], ends - past + 1)
    made[name] = _cells(frame, given, order, begins, ends, flat=isinstance(columns, str))
    for new, (source, way) in asked.items():
        made[new] = _target(take_column(frame, source, "target"), way, horizon, order, ends)
    return made


def _check(**counts: Any) -> None:
    """:raises ConfigError: one of them is no whole number above 0."""
    for option, value in counts.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise ConfigError(
                f"{option} is a whole number, at least 1", found=repr(value), remedy="give a count of steps"
            )


def _check_names(names: Sequence[str]) -> None:
    """:raises ConfigError: a column of the result would be there twice."""
    twice = sorted({column for column in names if list(names).count(column) > 1})
    if twice:
        raise ConfigError(
            "each column of the rows of windows has a name of its own",
            found=f"'{twice[0]}' twice",
            remedy="give the target or the series (name) another name",
        )


def _way(new: str, asked: str | tuple[str, str], horizon: Any) -> tuple[str, str]:
    """A target's column, and what becomes of its steps."""
    if isinstance(asked, str):
        return asked, "last"
    source, way = asked
    if way != "last" and way not in _WAYS:
        raise ConfigError(
            "the steps of a target become one number in a way that is known",
            found=f"'{way}' for '{new}'",
            remedy=near(way, ["last", *_WAYS]),
        )
    if way == "std" and horizon == 1:
        raise ConfigError(
            "a deviation needs more than one step",
            found=f"'{new}' with horizon: 1",
            remedy="a longer horizon",
        )
    return source, way


def _runs(
    frame: pd.DataFrame, time: str, groups: Sequence[str], gap: Duration | None
) -> tuple[Places, Places, Places]:
    """The rows by series and time, and for each of them where its run of steps begins and ends, [B] each."""
    codes = np.zeros(len(frame), dtype=np.int64)
    for column in groups:
        names = take_column(frame, column, "column of the series")
        unknown = np.flatnonzero(names.isna().to_numpy())
        if len(unknown):
            raise DataError(
                "each row belongs to a series",
                found=f"column '{column}' is missing in {rows_named(unknown)}",
                remedy="fill it in, or leave these rows out",
            )
        level = pd.factorize(names, sort=True)[0]
        codes = np.unique(codes * (int(level.max(initial=0)) + 1) + level, return_inverse=True)[1]
    clock = times_of(take_column(frame, time, "time"))
    times = plain_times(clock)
    order = np.lexsort((times, codes)).astype(np.int64)
    same = np.diff(codes[order]) == 0
    apart = np.diff(times[order])
    twice = np.flatnonzero(same & (apart == np.zeros((), apart.dtype)))
    if len(twice):
        raise DataError(
            "a series has one row for each time",
            found=f"'{time}' {frame[time].iloc[order[twice[0]]]!r} twice: "
            + rows_named(sorted(order[[twice[0], twice[0] + 1]])),
            remedy="name the columns that tell the series apart (by), or leave one of the rows out",
        )
    if gap is not None:
        same &= apart <= Timeline.of(clock).length(gap, "gap", some=True)
    place = np.arange(len(order))
    starts = np.concatenate([[True], ~same]) if len(order) else np.zeros(0, dtype=bool)
    first = np.maximum.accumulate(np.where(starts, place, 0)) if len(order) else place
    sizes = np.diff(np.append(np.flatnonzero(starts), len(order)))
    return order, first, first + np.repeat(sizes, sizes) - 1


def _cells(
    frame: pd.DataFrame, columns: Sequence[str], order: Places, begins: Places, ends: Places, *, flat: bool
) -> NDArray[Any]:
    """The windows, as an array of arrays."""
    read = [as_number(take_column(frame, c, "column of a window")) for c in columns]
    values = np.stack([x.to_numpy(np.float64, na_value=np.nan)[order] for x in read], axis=1)
    values = np.ascontiguousarray(values[:, 0] if flat else values)
    values.flags.writeable = False
    cells = np.empty(len(ends), dtype=object)
    for row, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        cells[row] = values[begin : end + 1]
    return cells


def _target(column: pd.Series, way: str, horizon: int, order: Places, ends: Places) -> pd.Series | Any:
    """What came after the ends of the windows."""
    if way == "last":
        return column.iloc[order[ends + horizon]].reset_index(drop=True)
    values = as_number(column).to_numpy(np.float64, na_value=np.nan)[order]
    return _WAYS[way](sliding_window_view(values, horizon)[ends + 1], axis=1)
