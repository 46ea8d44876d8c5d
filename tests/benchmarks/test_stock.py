"""The benchmark of stocks: its rows against the prices, its judging against scikit-learn."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, matthews_corrcoef, r2_score

from shared_data import shared_data
from umbel.data.periods import check_periods
from umbel.data.prepare import prepare
from umbel.judging.bootstrap import Resamples

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module(name)


def test_figures_are_those_of_the_rows_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = script("stock_judge", monkeypatch)
    chance = np.random.default_rng(0)
    days = np.repeat(np.arange(12), 5)
    truth = chance.normal(size=60)
    said = truth + chance.normal(size=(2, 60))
    sides = (truth > 0).astype(float)
    numbers = judge.judge_days(truth, {"a": said}, days, binary=False).values["a"]
    accuracy = judge.judge_days(sides, {"a": said}, days, binary=True).values["a"]
    counts = Resamples(days, judge.RESAMPLES, 0).counts
    for draw in (0, 1, 700):
        rows = np.repeat(np.arange(60), counts[draw][days])
        for seed in range(2):
            assert numbers[seed, draw] == pytest.approx(r2_score(truth[rows], said[seed, rows]))
            right = accuracy_score(sides[rows], said[seed, rows] > 0.5)
            assert accuracy[seed, draw] == pytest.approx(right)
    assert judge.correlation(sides, said[0]) == pytest.approx(matthews_corrcoef(sides, said[0] > 0.5))
    assert judge.correlation(sides, np.ones(60)) == 0.0


def test_rows_are_the_examples_of_the_paper_and_look_at_no_later_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = shared_data("markets/stocknet/prices.csv.gz")
    data = script("stock_data", monkeypatch)
    rows = data.stocks(file)
    assert len(rows) == 26_615
    assert (rows["Date"] < rows["target_Date"]).all()
    prices = pd.read_csv(file).sort_values(["Ticker", "Date"], ignore_index=True)
    for row in rows.sample(20, random_state=0).to_dict("records"):
        one = prices[prices["Ticker"] == row["Ticker"]]
        before = one[one["Date"] <= row["Date"]].tail(31)
        close = before["Adj Close"].to_numpy()
        np.testing.assert_allclose(row["series"][-len(close) + 1 :, 0], 100 * (close[1:] / close[:-1] - 1))
        np.testing.assert_allclose(row["series"][:, 1], np.abs(row["series"][:, 0]))
        span = np.log(before["High"] / before["Low"]).to_numpy()
        np.testing.assert_allclose(row["series"][-5:, 2], 100 * span[-5:])
        after = one[one["Date"] > row["Date"]].iloc[0]
        move = after["Adj Close"] / close[-1] - 1
        assert row["target_Date"] == after["Date"]
        assert row["absolute"] == pytest.approx(100 * abs(move))
        assert row["direction"] == (move > 0)
    found = prepare(rows, data.problem())
    check_periods(found.split, rows["Date"], horizon=rows["target_Date"])
    sizes = found.split.sizes
    assert sizes["train"] <= 20_340
    assert sizes["test"] <= 3_720
    assert len(rows) - 3 * 88 < sum(sizes.values()) < len(rows)
