"""Periods: in order of time, whole entities, no label known too late; proven on rows, not on the method."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared_data import shared_data
from umbel.data.periods import check_periods, split_periods
from umbel.data.problem import SplitSpec
from umbel.data.proof import check_entities
from umbel.data.split import Split, split_by_time
from umbel.data.timeline import Timeline
from umbel.errors import ConfigError, DataError, ShapeError

rows = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 25), st.integers(0, 6)), min_size=8, max_size=60)


@given(rows, st.integers(0, 5), st.booleans(), st.sampled_from(["shares", "starts"]), st.booleans())
@settings(deadline=None, max_examples=150)
def test_no_label_is_known_too_late_and_no_entity_on_two_sides(
    cells: list[tuple[int, int, int]], gap: int, by_column: bool, how: str, dated: bool
) -> None:
    time, entity, wait = (np.array(part) for part in zip(*cells, strict=True))
    wait = wait if by_column else np.full(len(wait), 3)
    known = time + wait
    day = pd.Timestamp("2020-01-01")
    times = pd.Series([day + pd.Timedelta(days=int(t)) for t in time]) if dated else pd.Series(time)
    ends = pd.Series([day + pd.Timedelta(days=int(t)) for t in known]) if dated else pd.Series(known)
    fixed = "3d" if dated else 3
    starts = ("2020-01-16", "2020-01-26") if dated else (15, 25)
    asked = {"starts": starts} if how == "starts" else {"shares": (0.5, 0.2, 0.3)}
    try:
        found = split_periods(
            times, entity, gap=f"{gap}d" if dated else gap, horizon=ends if by_column else fixed, **asked
        )
    except DataError as error:
        if "keeps at least one row" not in error.rule:
            raise
        assume(False)
    split = Split.of(found.sides)
    check_entities(split, entity)
    check_periods(split, times, gap=f"{gap}d" if dated else gap, horizon=ends if by_column else fixed)
    sides = [split.train, split.valid, split.test]
    for i, early in enumerate(sides):
        for late in sides[i + 1 :]:
            if len(early) and len(late):
                assert known[early].max() < time[late].min() - gap
    assert sum(found.left_out.values()) == (found.sides < 0).sum()
    assert sum(split.sizes.values()) + sum(found.left_out.values()) == len(time)


@given(rows, st.booleans())
@settings(deadline=None, max_examples=60)
def test_without_options_it_is_the_split_by_time_less_the_earlier_rows_of_later_entities(
    cells: list[tuple[int, int, int]], by_shares: bool
) -> None:
    time, entity, _ = (np.array(part) for part in zip(*cells, strict=True))
    times, codes = pd.Series(time), pd.factorize(entity)[0]
    keys = {"shares": (0.5, 0.2, 0.3)} if by_shares else {"valid_from": 15, "test_from": 25}
    old = split_by_time(times, codes, SplitSpec(how="time", **keys))
    try:
        new = split_periods(times, entity, **(keys if by_shares else {"starts": (15, 25)}))
    except DataError:
        assume(False)
    for number, side in enumerate(("train", "valid", "test")):
        assert set(np.flatnonzero(new.sides == number)) <= set(getattr(old, side))
    out = np.flatnonzero(new.sides < 0)
    assert new.left_out == {"entity": len(out), "gap": 0, "horizon": 0, "embargo": 0}
    for row in out:  # each has a later row of its entity that was kept
        same = (entity == entity[row]) & (new.sides >= 0)
        assert time[same].min() > time[row]
    single = np.unique(entity, return_counts=True)
    lone = np.isin(entity, single[0][single[1] == 1])
    assert (new.sides[lone] >= 0).all()


def test_the_edges_by_hand() -> None:
    times = pd.Series(range(20))
    found = split_periods(times, np.arange(20), starts=(8, 14), gap=2, horizon=1)
    # training: 0..4 are known at 1..5 < 8 - 2; 5 is known at 6, 6 and 7 are in the gap
    assert found.sides.tolist() == [0] * 5 + [-1] * 3 + [1] * 3 + [-1] * 3 + [2] * 6
    assert found.left_out == {"entity": 0, "gap": 4, "horizon": 2, "embargo": 0}
    assert found.words == "The split in time leaves out 4 by gap, 2 by horizon."
    assert split_periods(times, np.arange(20), starts=(8, 14)).words.endswith("no row.")


def test_an_entity_is_where_its_latest_row_is_and_its_earlier_rows_are_left_out() -> None:
    times = pd.Series([2000, 2009, 2001, 2006, 2007, 2008])
    found = split_periods(times, np.array([0, 0, 1, 2, 2, 3]), starts=(2005, 2008))
    assert found.sides.tolist() == [-1, 2, 0, 1, 1, 2]
    assert found.left_out["entity"] == 1


def test_no_validation_and_ties() -> None:
    found = split_periods(pd.Series([1, 1, 1, 2, 2, 3, 3, 3]), np.arange(8), shares=(0.5, 0.0, 0.5))
    assert found.sides.tolist() == [0, 0, 0, 2, 2, 2, 2, 2]  # equal times stay together


def test_moments_are_exact_where_floats_are_not() -> None:
    base = 1_700_000_000_000_000_000  # nanoseconds; neighbours are one float
    times = pd.Series([base, base + 1, base + 2, base + 3, base + 4, base + 5])
    found = split_periods(times, np.arange(6), shares=(0.5, 0.0, 0.5), gap=1)
    assert found.sides.tolist() == [0, 0, -1, 2, 2, 2]
    small = pd.Series([0, 60, 120, 127], dtype=np.int8)  # would wrap in its own type
    found = split_periods(small, np.arange(4), shares=(0.5, 0.0, 0.5), horizon=30)
    assert found.sides.tolist() == [0, 0, 2, 2]
    unsigned = pd.Series([0, 1, 2, 3], dtype=np.uint8)
    assert split_periods(unsigned, np.arange(4), starts=(2, 2), gap=1).sides.tolist() == [0, -1, 2, 2]


def test_zones_and_texts_are_times_too() -> None:
    zoned = pd.Series(pd.date_range("2020-01-01", periods=10, tz="Europe/Berlin"))
    found = split_periods(zoned, np.arange(10), starts=("2020-01-05T23:00Z", "2020-01-08"), gap="12h")
    assert found.sides.tolist() == [0] * 5 + [1] * 2 + [-1] + [2] * 2
    text = pd.Series(pd.date_range("2020-01-01", periods=10).astype(str))
    found = split_periods(text, np.arange(10), starts=("2020-01-06", "2020-01-09"), gap="1d")
    assert found.sides.tolist() == [0] * 4 + [-1] + [1] * 2 + [-1] + [2] * 2


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"shares": (0.5, 0.2, 0.2)}, ConfigError, "sum to 1"),
        ({}, ConfigError, "neither"),
        ({"shares": (0.5, 0.2, 0.3), "starts": (3, 6)}, ConfigError, "both"),
        ({"starts": (3, 6, 9)}, ConfigError, "two starts"),
        ({"starts": (6, 3)}, DataError, "exchange"),
        ({"starts": (3, 6), "gap": -1}, ConfigError, "gap: -1"),
        ({"starts": (3, 6), "gap": "7d"}, ConfigError, "number >= 0"),
        ({"starts": (3, 6), "gap": pd.Timedelta("7D")}, ConfigError, "number >= 0"),
        ({"starts": (3, 6), "gap": True}, ConfigError, "gap: True"),
        ({"starts": (3, 6), "horizon": float("nan")}, ConfigError, "horizon: nan"),
        ({"starts": (3, 6), "embargo": "soon"}, ConfigError, "embargo: 'soon'"),
        ({"starts": (3, 6), "horizon": pd.Series(range(9))}, ShapeError, "horizon"),
        ({"starts": (3, 6), "horizon": pd.Series(range(-1, 9), name="e")}, DataError, r"'e', rows 0, 1"),
        ({"starts": (3, 6), "horizon": pd.Series(["2020-01-01"] * 10)}, ConfigError, "of the kind"),
        ({"starts": (3, 6), "gap": 3}, DataError, "none for train; left out: 0 by entity, 6 by gap"),
    ],
)
def test_bad_options_of_numbers(options: dict, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        split_periods(pd.Series(range(10), name="t"), np.arange(10), **options)


@pytest.mark.parametrize("gap", [3, 3.0, "3", "3 fortnights", "-2d", pd.NaT, True])
def test_a_duration_of_dates_has_a_unit(gap: object) -> None:
    with pytest.raises(ConfigError, match="with its unit"):
        Timeline.of(pd.Series(["2020-01-01"])).length(gap, "gap")


def test_durations_of_dates() -> None:
    line = Timeline.of(pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"])))
    week = np.timedelta64(7, "D")
    for given_ in (
        "7d",
        "7D",
        "168h",
        "7 days",
        pd.Timedelta("7D"),
        week,
        pd.Timedelta("7D").to_pytimedelta(),
    ):
        assert line.length(given_, "gap") == week
    assert line.length(None, "gap") == line.length(0, "gap") == np.timedelta64(0)
    with pytest.raises(ConfigError, match="longer than 0"):
        line.length("0d", "step", some=True)


def test_times_that_do_not_parse_are_named() -> None:
    times = pd.Series(["2020-01-01", "soon", "2020-01-03", "x"], name="day")
    with pytest.raises(DataError, match=r"column 'day', rows 1, 3 \(the first is 0\): 'soon'"):
        split_periods(times, np.arange(4), shares=(0.5, 0.2, 0.3))
    with pytest.raises(DataError, match="column 'known', row 1"):
        split_periods(
            pd.Series([1, 2, 3]),
            np.arange(3),
            starts=(2, 3),
            horizon=pd.Series([1, None, 3], name="known"),
        )


def test_the_check_finds_every_sabotage() -> None:
    times = pd.Series(range(30))
    found = split_periods(times, np.arange(30), starts=(12, 20), gap=2, horizon=3)
    check_periods(Split.of(found.sides), times, gap=2, horizon=3)
    for row in np.flatnonzero(found.sides < 0):
        spoiled = found.sides.copy()
        spoiled[row] = 0 if row < 12 else 1
        with pytest.raises(DataError, match=rf"row {row} \(the first is 0\)"):
            check_periods(Split.of(spoiled), times, gap=2, horizon=3)
    with pytest.raises(DataError, match="each label of train is known before test begins"):
        check_periods(Split(np.array([5]), np.array([], dtype=np.int64), np.array([3])), times)
    with pytest.raises(DataError, match="known before valid"):  # a longer horizon than it was made for
        check_periods(Split.of(found.sides), times, gap=2, horizon=4)


def test_stocknet_by_target_date() -> None:
    file = shared_data("markets/stocknet/prices.csv.gz")
    prices = pd.read_csv(file, usecols=["Ticker", "Date", "Adj Close"]).sort_values(["Ticker", "Date"])
    by_ticker = prices.groupby("Ticker")
    prices["made"] = by_ticker["Date"].shift(1)  # a forecast for a day is made at the close before
    move, lags = by_ticker["Adj Close"].pct_change(), by_ticker.cumcount()
    asked = prices["Date"].between("2014-01-01", "2015-12-31") & (lags > 5)
    prices = prices[asked & ((move <= -0.005) | (move > 0.0055))].reset_index(drop=True)
    made, known = prices["made"], prices["Date"]
    entities = pd.factorize(known)[0]  # all tickers of a day move together
    starts = ("2015-08-01", "2015-10-01")

    by_target = split_periods(known, entities, starts=starts)
    split = Split.of(by_target.sides)
    audit = check_entities(split, entities)
    check_periods(split, known)
    assert len(prices) == 26_615  # as the data's own notes count them
    assert (audit.rows["train"], audit.rows["test"]) == (20_340, 3_720)

    found = split_periods(made, entities, starts=starts, horizon=known)
    split = Split.of(found.sides)
    check_entities(split, entities)
    check_periods(split, made, horizon=known)
    assert known.iloc[split.train].max() < made.iloc[split.valid].min()
    assert known.iloc[split.valid].max() < made.iloc[split.test].min()
    unpurged = Split.of(split_periods(made, entities, starts=starts).sides)
    check_entities(unpurged, entities)
    lost = len(unpurged.train) + len(unpurged.valid) - len(split.train) - len(split.valid)
    assert 0 < lost == found.left_out["horizon"] <= 2 * prices["Ticker"].nunique()
    with pytest.raises(DataError, match="each label of train is known before valid begins"):
        check_periods(unpurged, made, horizon=known)
    torn = found.sides.copy()
    torn[split.test[0]] = -1
    torn[split.train[-1]] = 2
    with pytest.raises(DataError, match="in train and in test"):
        check_entities(Split.of(torn), entities)
