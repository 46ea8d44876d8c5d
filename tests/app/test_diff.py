"""Two runs side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from umbel.app.diff import compare_runs
from umbel.app.run import Run
from umbel.errors import DataError


def made(folder: Path, config: str, value: float, *, verdict: str = "gains", extra: bool = False) -> Run:
    run = Run(folder)
    run.start(config, "umbel compare t.csv")
    row = {"task": "a", "metric": "r2", "model": "joint", "value": value, "verdict": verdict}
    rows = [row | {"low": value - 0.1, "high": value + 0.1}]
    if extra:
        rows.append({"task": "b", "metric": "auc", "model": "joint", "value": None})
    run.write_scores(rows)
    return run


def test_what_differs(tmp_path: Path) -> None:
    one = made(tmp_path / "1", "seed: 0\nmodel: {name: auto}\n", 0.5)
    two = made(tmp_path / "2", "seed: 1\nmodel: {name: auto, folds: 5}\n", 0.75, verdict="loses", extra=True)
    found = compare_runs(one, two)
    assert found.config == {"seed": (0, 1), "model.folds": ("-", 5)}
    change, other = found.scores
    assert (change.task, change.first, change.second, change.change) == ("a", 0.5, 0.75, 0.25)
    assert change.overlap is False
    assert change.verdicts == ("gains", "loses")
    assert (other.task, other.change, other.overlap) == ("b", None, None)


def test_a_run_beside_itself(tmp_path: Path) -> None:
    run = made(tmp_path, "seed: 0\n", 0.5)
    found = compare_runs(run, run)
    assert found.config == {}
    assert [(c.change, c.overlap) for c in found.scores] == [(0.0, True)]


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    run = made(tmp_path / "1", "seed: 0\n", 0.5)
    with pytest.raises(DataError, match="must have scores"):
        compare_runs(run, Run(tmp_path / "none"))
