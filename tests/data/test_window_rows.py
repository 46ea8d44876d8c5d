"""Windows of a long table, against loops over each series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.data.periods import check_periods
from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.data.window_rows import make_windows
from umbel.errors import ConfigError, DataError

WAYS = {"last": lambda x: x[-1], "sum": sum, "mean": np.mean, "std": np.std, "min": min, "max": max}


def prices(rows: int, seed: int) -> pd.DataFrame:
    """Two tickers of days with holes, in no order; some numbers are missing."""
    chance = np.random.default_rng(seed)
    days = [sorted(chance.choice(60, size, replace=False)) for size in (rows, max(1, rows // 2))]
    frame = pd.DataFrame(
        {
            "ticker": np.repeat(["B", "A"], [len(d) for d in days]),
            "day": np.concatenate(days),
        }
    )
    frame["a"], frame["b"] = chance.normal(size=(2, len(frame)))
    frame.loc[chance.random(len(frame)) < 0.1, "a"] = np.nan
    frame["word"] = [f"w{i}" for i in range(len(frame))]
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def brute(
    frame: pd.DataFrame, past: int, horizon: int, least: int, gap: float | None, every: int, future: bool
) -> list[tuple[Any, ...]]:
    """Ticker, day, window and later rows of each window, by loops."""
    found = []
    for ticker in sorted(frame["ticker"].unique()):
        rows = frame[frame["ticker"] == ticker].sort_values("day").to_dict("records")
        runs: list[list[dict[str, Any]]] = [[]]
        for row in rows:
            if gap is not None and runs[-1] and row["day"] - runs[-1][-1]["day"] > gap:
                runs.append([])
            runs[-1].append(row)
        for run in runs:
            count = 0
            for i, row in enumerate(run):
                if i + 1 < least:
                    continue
                taken, count = count % every == 0, count + 1
                if taken and (not future or i + horizon < len(run)):
                    window = run[max(0, i - past + 1) : i + 1]
                    found.append((ticker, row["day"], window, run[i + 1 : i + 1 + horizon]))
    return found


@settings(deadline=None, max_examples=60)
@given(
    st.integers(4, 30),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(0, 5),
    st.sampled_from([None, 1, 3, 8]),
    st.integers(1, 3),
    st.booleans(),
    st.integers(0, 10_000),
)
def test_windows_are_those_of_loops(
    rows: int, past: int, horizon: int, less: int, gap: int | None, every: int, future: bool, seed: int
) -> None:
    frame = prices(rows, seed)
    least = max(1, past - less)
    ways = [way for way in WAYS if way != "std" or horizon > 1]
    asked: dict[str, Any] = {f"b {way}": ("b", way) for way in ways} | {"next": "word"}
    options: dict[str, Any] = {"time": "day", "columns": ["a", "b"], "by": "ticker", "keep": ["word"]}
    options |= {"past": past, "horizon": horizon, "least": least, "gap": gap, "every": every}
    want = brute(frame, past, horizon, least, gap, every, future)
    if not want:
        with pytest.raises(DataError, match="at least one window"):
            make_windows(frame, **options, targets=asked if future else None)
        return
    found = make_windows(frame, **options, targets=asked if future else None)
    assert list(found.columns[:3]) == ["ticker", "word", "day"]
    assert len(found) == len(want)
    for row, (ticker, day, window, later) in zip(found.to_dict("records"), want, strict=True):
        assert (row["ticker"], row["day"], row["word"]) == (ticker, day, window[-1]["word"])
        np.testing.assert_array_equal(row["series"], [[step["a"], step["b"]] for step in window])
        if future:
            assert row["target_day"] == later[-1]["day"]
            assert row["next"] == later[-1]["word"]
            for way in ways:
                np.testing.assert_allclose(row[f"b {way}"], WAYS[way]([step["b"] for step in later]))


def test_nothing_after_a_row_changes_its_window_and_nothing_before_its_targets() -> None:
    frame = prices(40, 3)
    options: dict[str, Any] = {"time": "day", "columns": "a", "by": "ticker", "past": 5, "horizon": 2}
    targets: dict[str, Any] = {"sum": ("b", "sum"), "then": "a"}
    found = make_windows(frame, **options, targets=targets)
    for moment in (20, 40):
        spoiled = frame.assign(
            a=frame["a"].where(frame["day"] <= moment, 1e6), b=frame["b"].where(frame["day"] <= moment, 1e6)
        )
        again = make_windows(spoiled, **options, targets=targets)
        made, known = found["day"] <= moment, found["target_day"] <= moment
        assert made.sum() > known.sum() > 0
        for one, other in zip(found.loc[made, "series"], again.loc[made, "series"], strict=True):
            np.testing.assert_array_equal(one, other)
        pd.testing.assert_frame_equal(found.loc[known, ["sum", "then"]], again.loc[known, ["sum", "then"]])
        early = frame.assign(b=frame["b"].where(frame["day"] > moment, 1e6))
        after = make_windows(early, **options, targets=targets)
        np.testing.assert_array_equal(found.loc[~made, "sum"], after.loc[~made, "sum"])


def test_a_split_by_the_time_it_is_made_with_the_time_it_is_known_is_purged() -> None:
    chance = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", periods=60)
    frame = pd.concat(
        [pd.DataFrame({"ticker": t, "date": days, "move": chance.normal(size=60)}) for t in ("x", "y", "z")]
    )
    found = make_windows(
        frame, time="date", columns="move", by="ticker", past=4, horizon=3, targets={"sum": ("move", "sum")}
    )
    split = {"how": "time", "valid_from": "2020-02-01", "test_from": "2020-02-12", "horizon": "target_date"}
    problem = Problem.of(
        {"sum": {"kind": "regression"}},
        inputs={"series": "series"},
        time="date",
        entity=["target_date"],
        split=split,
    )
    data = prepare(found, problem)
    check_periods(data.split, found["date"], horizon=found["target_date"])
    assert len(data.train) == 3 * (31 - 3 - 3)  # January, less the first windows and the purged days
    assert len(data.train) + len(data.valid) + len(data.test) == len(found) - 2 * 3 * 3
    assert found["target_date"].iloc[data.split.train].max() < found["date"].iloc[data.split.valid].min()


def test_a_column_named_by_text_gives_flat_windows_that_cannot_be_written_to() -> None:
    frame = prices(20, 0)
    flat = make_windows(frame, time="day", columns="b", by="ticker", past=3)["series"]
    deep = make_windows(frame, time="day", columns=["b"], by="ticker", past=3)["series"]
    assert flat[0].shape == (3,)
    assert deep[0].shape == (3, 1)
    with pytest.raises(ValueError, match="read-only"):
        flat[0][0] = 0.0


def test_without_targets_the_last_row_has_a_window() -> None:
    frame = prices(20, 0)
    found = make_windows(frame, time="day", columns="b", by="ticker", past=3)
    assert "target_day" not in found
    assert found.groupby("ticker")["day"].max().equals(frame.groupby("ticker")["day"].max())


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"past": 0}, ConfigError, "past is a whole number"),
        ({"horizon": 1.5}, ConfigError, "horizon is a whole number"),
        ({"every": 0}, ConfigError, "every is a whole number"),
        ({"least": 9}, ConfigError, "least: 9, past: 3"),
        ({"columns": []}, ConfigError, "at least one column"),
        ({"columns": ["c"]}, DataError, "no column 'c'"),
        ({"columns": ["word"]}, DataError, "column 'word'"),
        ({"time": "date"}, DataError, "no column 'date'"),
        ({"by": "tick"}, DataError, "no column 'tick'"),
        ({"by": ()}, DataError, "'day' .* twice: rows"),
        ({"gap": "5d"}, ConfigError, "gap is a number"),
        ({"targets": {"x": ("b", "avg")}}, ConfigError, "'avg' for 'x'"),
        ({"targets": {"x": ("b", "std")}}, ConfigError, "more than one step"),
        ({"targets": {"series": "b"}}, ConfigError, "'series' twice"),
        ({"targets": {"x": "c"}}, DataError, "no column 'c'"),
        ({"past": 99}, DataError, "none with 99 steps"),
    ],
)
def test_what_cannot_be_done_is_said(change: dict[str, Any], error: type[Exception], told: str) -> None:
    frame = prices(20, 0)
    frame = pd.concat([frame, frame[frame["ticker"] == "A"].assign(ticker="C")], ignore_index=True)
    options: dict[str, Any] = {"time": "day", "columns": ["a"], "by": "ticker", "past": 3} | change
    with pytest.raises(error, match=told):
        make_windows(frame, **options)


def test_a_row_of_no_series_is_named() -> None:
    frame = prices(20, 0)
    frame.loc[4, "ticker"] = None
    with pytest.raises(DataError, match="column 'ticker' is missing in row 4"):
        make_windows(frame, time="day", columns="a", by="ticker")
