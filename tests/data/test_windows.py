"""Windows: scikit-learn's TimeSeriesSplit where both say the same, and the rules of time everywhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from umbel.data.windows import windows
from umbel.errors import ConfigError, DataError


@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 3), st.integers(2, 5), st.booleans())
@settings(deadline=None, max_examples=60)
def test_it_is_the_time_series_split_of_evenly_spaced_rows(
    train: int, test: int, gap: int, count: int, expanding: bool
) -> None:
    rows = np.arange(train + gap + count * test)
    oracle = TimeSeriesSplit(
        n_splits=count, test_size=test, gap=gap, max_train_size=None if expanding else train
    )
    mine = list(windows(pd.Series(rows), train=train, test=test, gap=gap, expanding=expanding))
    theirs = list(oracle.split(rows))
    assert len(mine) == len(theirs)
    for (fit, held), (fit_too, held_too) in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(fit, fit_too)
        np.testing.assert_array_equal(held, held_too)


moments = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), min_size=5, max_size=60)


@given(moments, st.integers(2, 20), st.integers(1, 9), st.integers(1, 9), st.booleans(), st.integers(0, 4))
@settings(deadline=None, max_examples=150)
def test_the_rules_of_time_hold_in_any_order_of_rows(
    cells: list[tuple[int, int]], train: int, test: int, step: int, expanding: bool, gap: int
) -> None:
    time, wait = (np.array(part) for part in zip(*cells, strict=True))
    known = time + wait
    embargo = 3
    try:
        found = list(
            windows(
                pd.Series(time),
                train=train,
                test=test,
                step=step,
                expanding=expanding,
                gap=gap,
                horizon=pd.Series(known),
                embargo=embargo,
            )
        )
    except DataError as error:
        if "at least one window" not in error.rule:
            raise
        return
    first = time.min() + train + gap
    starts = range(first, time.max() + 1, step)
    seen = []
    for start in starts:  # the definition, row by row
        held = [i for i, t in enumerate(time) if start <= t < start + test]
        fit = [
            i
            for i, t in enumerate(time)
            if (expanding or t >= start - gap - train)
            and known[i] < start - gap
            and not any(s + test <= t < s + test + embargo for s in starts if s < start)
        ]
        if held and fit:
            seen.append((fit, held))
    assert [(fit.tolist(), held.tolist()) for fit, held in found] == seen
    for fit, held in found:
        assert known[fit].max() < time[held].min() - gap


def test_windows_of_dates() -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=28).astype(str))[::-1].reset_index(drop=True)
    found = list(windows(days, train="14d", test="7d", gap="1d", horizon="48h"))
    assert [len(fit) for fit, _ in found] == [12, 12]
    assert [sorted(days[held])[0] for _, held in found] == ["2024-01-16", "2024-01-23"]
    assert [len(held) for _, held in found] == [7, 6]  # the last one reaches beyond the data
    for fit, held in found:
        assert (np.diff(fit) > 0).all()
        assert pd.Timestamp(days[fit].max()) + pd.Timedelta("3D") < pd.Timestamp(days[held].min())


def test_the_embargo_leaves_out_what_follows_an_earlier_test_window() -> None:
    times = pd.Series(range(12))
    plain = list(windows(times, train=4, test=2, step=4, expanding=True))
    apart = list(windows(times, train=4, test=2, step=4, expanding=True, embargo=1))
    assert [fit.tolist() for fit, _ in plain] == [[0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7]]
    assert [fit.tolist() for fit, _ in apart] == [[0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 7]]


def test_a_window_without_rows_is_passed_over() -> None:
    times = pd.Series([0, 1, 2, 3, 20, 21, 22, 23])
    found = [(fit.tolist(), held.tolist()) for fit, held in windows(times, train=3, test=3, expanding=True)]
    assert found == [([0, 1, 2], [3]), ([0, 1, 2, 3], [4]), ([0, 1, 2, 3, 4], [5, 6, 7])]


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"train": 0}, ConfigError, "train is longer than 0"),
        ({"step": 0}, ConfigError, "step is longer than 0"),
        ({"test": "2d"}, ConfigError, "test is a number"),
        ({"gap": -1}, ConfigError, "gap: -1"),
        ({"train": 50}, DataError, "0 windows; 10 rows from 0 to 9"),
        ({"horizon": 30}, DataError, "windows; 10 rows"),
        ({"step": 1e-5}, ConfigError, "at most 100,000 windows"),
    ],
)
def test_bad_windows_are_told_at_once(options: dict, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        windows(pd.Series(range(10)), **{"train": 3, "test": 2, **options})


def test_times_that_do_not_parse_are_named() -> None:
    with pytest.raises(DataError, match=r"row 1 .*'x'"):
        windows(pd.Series(["2020-01-01", "x"]), train="1d", test="1d")
    with pytest.raises(DataError, match="no row"):
        windows(pd.Series([], dtype=float), train=1, test=1)
