"""The example of patients runs and finds the task that gains."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "examples" / "health.py"


def test_a_task_with_few_labels_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(PATH)])
    names = runpy.run_path(str(PATH))
    scores = names["scores"].set_index(["task", "model"])
    assert scores.loc[("a1c_high", "joint"), "verdict"] == "gains"
    assert names["stays"]["glucose"].isna().mean() > 0.7
    assert "a1c_high" in names["found"].recommendation
