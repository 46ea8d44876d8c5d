"""88 stocks, day by day, as rows of a past window and the next day's three targets."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pandas as pd

from umbel.data.problem import Problem
from umbel.data.window_rows import make_windows

__all__ = ["DOWN", "FIRST", "LAST", "STARTS", "TARGETS", "UP", "problem", "stock_file", "stocks"]

FIRST, LAST = "2014-01-01", "2015-12-31"
STARTS = ("2015-08-01", "2015-10-01")
DOWN, UP = -0.005, 0.0055
"""A day counts as down up to the first and as up above the second; days between are not asked of."""
TARGETS = ("direction", "absolute", "volatility")
LEAST = 6


def stock_file() -> Path:
    """The prices: ``$UMBEL_SHARED`` or ``../shared/data``, then ``markets/stocknet``."""
    root = os.environ.get("UMBEL_SHARED")
    here = Path(__file__).resolve().parents[1]
    shared = Path(root) if root else here.parent / "shared" / "data"
    return shared / "markets" / "stocknet" / "prices.csv.gz"


def stocks(path: Path, past: int = 30) -> pd.DataFrame:
    """One row per ticker and target day of 2014 and 2015 that is up or down.

    A step of the series is a day: its return, the size of it and its range, in per cent. The targets are of
    the next day: up or down, the size of the return, and the volatility that the range tells (Parkinson
    1980).
    """
    prices = pd.read_csv(path).sort_values(["Ticker", "Date"], ignore_index=True)
    move = prices.groupby("Ticker")["Adj Close"].pct_change()
    span = np.log(prices["High"] / prices["Low"])
    days = prices[["Ticker", "Date"]].assign(
        move=100 * move,
        size=100 * move.abs(),
        span=100 * span,
        direction=np.select([move <= DOWN, move > UP], [0.0, 1.0], np.nan),
        volatility=100 * span / math.sqrt(4 * math.log(2)),
    )
    rows = make_windows(
        days,
        time="Date",
        columns=["move", "size", "span"],
        by="Ticker",
        past=past,
        least=LEAST,
        targets={"direction": "direction", "absolute": "size", "volatility": "volatility"},
    )
    asked = rows["target_Date"].between(FIRST, LAST) & rows["direction"].notna()
    return rows[asked].reset_index(drop=True)


def problem(starts: tuple[str, str] = STARTS) -> Problem:
    """Split by the day a forecast is made; none whose target day is in a later period is kept.

    All tickers of a target day are one entity: they move together.
    """
    return Problem.of(
        {"direction": "binary", "absolute": "regression", "volatility": "regression"},
        inputs={"series": "series"},
        entity=["target_Date"],
        time="Date",
        split={"how": "time", "valid_from": starts[0], "test_from": starts[1], "horizon": "target_Date"},
    )
