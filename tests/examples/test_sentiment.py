"""The example of reviews runs without data, and what it prints is worth reading."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "examples" / "sentiment.py"


def test_the_example_of_reviews_runs_and_learns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(PATH)])
    names = runpy.run_path(str(PATH))
    assert len(PATH.read_text(encoding="utf-8").splitlines()) <= 60
    assert "quadratic_kappa" in capsys.readouterr().out
    scores = names["scores"].set_index(["task", "model"])["value"]
    assert scores["liked", "joint"] > 0.95
    assert scores["stars", "joint"] > scores["stars", "constant"] + 0.5
    chinese = names["reviews"]["text"].map(lambda text: not text.isascii())
    assert not names["reviews"].loc[chinese, "text"].str.contains(" ").any()
