"""Dates as features, inferred, read and refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from umbel import MultiTask
from umbel.data.cells import as_days
from umbel.data.infer import infer_column
from umbel.data.schema import Column
from umbel.encoders.dates import PARTS, Dates, calendar
from umbel.errors import DataError


def days(*texts: str | None) -> pd.DataFrame:
    return pd.DataFrame({"d": as_days(pd.Series(texts, name="d"))})


def fitted(table: pd.DataFrame) -> Dates:
    encoder = Dates([Column("d", "date")])
    encoder.fit(table)
    return encoder


class TestCalendar:
    def test_it_is_that_of_pandas(self) -> None:
        stamps = pd.to_datetime(pd.Series(["1969-12-31 06:00", "2000-02-29 00:00", "2024-12-31 23:30"]))
        found = calendar(as_days(stamps).to_numpy())
        np.testing.assert_allclose(found[:, 1], stamps.dt.day_of_year)
        np.testing.assert_array_equal(found[:, 2], stamps.dt.day_of_week)
        np.testing.assert_allclose(found[:, 3], [6, 0, 23.5], atol=1e-6)


class TestDates:
    def test_a_year_is_a_circle(self) -> None:
        table = days("2023-01-01", "2023-12-31", "2023-07-02")
        season = fitted(table).transform(table)[:, 1:3]
        assert (season[0] - season[1]).norm() < 0.03
        assert (season[0] - season[2]).norm() > 1.9

    def test_each_weekday_has_a_number(self) -> None:
        table = days(*(f"2024-01-{day:02d}" for day in range(1, 15)))
        weekday = fitted(table).transform(table)[:, 3:10]
        torch.testing.assert_close(weekday, torch.eye(7).repeat(2, 1))

    def test_the_hour_says_nothing_where_none_was_known(self) -> None:
        whole = days("2024-01-01", "2024-01-05")
        timed = days("2024-01-01 06:00", "2024-01-05 18:00")
        assert (fitted(whole).transform(timed)[:, 10:12] == 0).all()
        torch.testing.assert_close(
            fitted(timed).transform(timed)[:, 10], torch.tensor([1.0, -1.0]), atol=1e-5, rtol=0
        )

    def test_a_missing_date_is_told_of(self) -> None:
        table = days("2024-01-01", None, "2024-01-03", "")
        found = fitted(table).transform(table)
        assert found[:, PARTS.index("missing")].tolist() == [0, 1, 0, 1]
        assert (found[1, :-1] == 0).all()


class TestColumns:
    @pytest.mark.parametrize("text", ["2024-03-01", "2024-03-01 10:30", "2024-03-01T10:30:05Z"])
    def test_dates_are_inferred(self, text: str) -> None:
        column = pd.Series([text, "2023-11-30", None, "2022-01-02"], name="d")
        assert infer_column(column).type == "date"
        assert as_days(column).notna().sum() == 3

    def test_no_date_is_named(self) -> None:
        with pytest.raises(DataError, match=r"'d', row 1 .*'soon'"):
            as_days(pd.Series(["2024-01-01", "soon"], name="d"))
        with pytest.raises(DataError, match="rows 0, 1"):
            as_days(pd.Series([2024, 2023], name="d"))

    def test_zones_are_one_clock(self) -> None:
        found = as_days(pd.Series(["2024-01-01T12:00:00+02:00", "2024-01-01T10:00:00Z"]))
        assert found[0] == found[1]

    @pytest.mark.parametrize("model", ["linear", "boosted", "net"])
    def test_a_season_is_learned(self, model: str) -> None:
        chance = np.random.default_rng(0)
        day = pd.to_datetime("2020-01-01") + pd.to_timedelta(chance.integers(0, 1000, 500), unit="D")
        warm = 10 - 10 * np.cos(2 * np.pi * (day.day_of_year - 20) / 365.25) + chance.normal(size=500)
        table = pd.DataFrame({"day": day.strftime("%Y-%m-%d"), "warm": np.asarray(warm)})
        options = {"epochs": 30, "batch_size": 64} if model == "net" else {}
        fit = MultiTask(targets=["warm"], model=model, options=options, folds=0).fit(table.iloc[:400])
        found = fit.predict(table.iloc[400:])["warm"].to_numpy()
        assert np.corrcoef(found, table["warm"].iloc[400:])[0, 1] > 0.95
