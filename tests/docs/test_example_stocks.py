"""The example of stocks runs on a table of one's own, and says how models compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "stocks.py"


def test_it_runs_on_a_table_of_prices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    chance = np.random.default_rng(0)
    days = pd.bdate_range("2020-01-01", periods=130)
    parts = []
    for ticker in ("X", "Y", "Z"):
        close = 50 * np.exp(np.cumsum(chance.normal(0, 0.01, len(days))))
        span = 1 + np.abs(chance.normal(0, 0.01, len(days)))
        parts.append(
            pd.DataFrame(
                {"Ticker": ticker, "Date": days, "High": close * span, "Low": close / span, "Close": close}
            )
        )
    path = tmp_path / "prices.csv"
    pd.concat(parts).to_csv(path, index=False)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--data", str(path)])
    names: dict[str, Any] = {}
    exec(compile(text, str(EXAMPLE), "exec"), names)
    told = capsys.readouterr().out
    for name in ("direction", "absolute", "volatility", "linear", "joint"):
        assert name in told
    assert len(names["rows"]) == 3 * (130 - 20)
    assert len(names["synthetic"](2, 30)) == 60
