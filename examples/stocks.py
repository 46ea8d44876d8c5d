"""Tomorrow's direction, size of move and volatility, from the last 20 days of prices.

    python examples/stocks.py [--data prices.csv]

Without data it makes prices: GARCH volatility (Bollerslev 1986) and a little momentum. A table of your own
has a row per Ticker and Date with High, Low and Close; that of StockNet (Xu & Cohen 2018) is one.
"""

import argparse

import numpy as np
import pandas as pd

import umbel
from umbel.data.window_rows import make_windows
from umbel.training.config import Config


def synthetic(tickers: int = 10, days: int = 400) -> pd.DataFrame:
    """Prices of some tickers, sixteen trades a day."""
    chance, parts = np.random.default_rng(0), []
    for ticker in range(tickers):
        move, variance, log_close, rows = 0.0, 1.0, np.log(100), []
        for date in pd.bdate_range("2022-01-03", periods=days):
            variance = 0.05 + 0.15 * move**2 + 0.8 * variance
            trades = np.cumsum(chance.normal(0.2 * move / 16, np.sqrt(variance) / 4, 16)) / 100
            low, high = min(0.0, trades.min()), max(0.0, trades.max())
            rows.append([f"T{ticker}", date, *np.exp(log_close + np.array([high, low, trades[-1]]))])
            move, log_close = 100 * trades[-1], log_close + trades[-1]
        parts.append(pd.DataFrame(rows, columns=["Ticker", "Date", "High", "Low", "Close"]))
    return pd.concat(parts)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="a CSV file of prices")
path = parser.parse_args().data
prices = synthetic() if path is None else pd.read_csv(path).sort_values(["Ticker", "Date"])

move = 100 * prices.groupby("Ticker")["Close"].pct_change()
prices = prices.assign(move=move, size=move.abs(), span=100 * np.log(prices["High"] / prices["Low"]))
prices["up"] = (move > 0).where(move.notna()).astype(float)
rows = make_windows(
    prices,
    time="Date",
    columns=["move", "size", "span"],
    by="Ticker",
    past=20,
    targets={"direction": "up", "absolute": "size", "volatility": "span"},
)
# the latest fifth of the days is the test; labels that are known only in the next period are left out
problem = {"targets": {"direction": "binary", "absolute": "regression", "volatility": "regression"}}
problem |= {"inputs": {"series": "series"}, "time": "Date", "entity": ["target_Date"]}
problem |= {"split": {"how": "time", "shares": [0.65, 0.15, 0.2], "horizon": "target_Date"}}
options = {"width": 64, "dropout": 0.2, "lr": 5e-3, "epochs": 15, "encoders": {"series": {"width": 16}}}
config = {"problem": problem, "model": {"name": "net", "options": options, "folds": 0}}
config["compare"] = {"baselines": ["constant", "linear"], "ensembles": [], "audit": False, "resamples": 200}
found = umbel.compare(rows, Config.read(config))
print(found.scores.frame()[["task", "model", "metric", "value", "gain_low", "gain_high", "verdict"]])
