"""Likely leaks are found; honest columns, however many levels they have, are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from umbel.data.leaks import area, find_leaks, levels_r2, levels_skill

chance = np.random.default_rng(0)
N = 2000
NUMBER = pd.Series(chance.normal(size=N))
CLASSES = pd.Series(chance.choice(["a", "b", "c"], N))
BINARY = pd.Series(chance.random(N) < 0.2)


def test_area_is_scikit_learns() -> None:
    scores = chance.integers(0, 9, 300).astype(float)
    truth = chance.random(300) < scores / 12
    assert area(scores, truth) == pytest.approx(roc_auc_score(truth, scores))
    assert area(-scores, truth) == pytest.approx(roc_auc_score(truth, scores))
    assert area(scores, truth | True) == 0.5


def test_many_levels_are_not_skill() -> None:
    levels = np.arange(N) // 2
    assert levels_r2(levels, NUMBER.to_numpy()) < 0.1
    assert levels_skill(levels, pd.factorize(CLASSES)[0].astype(np.int64)) < 0.2


@pytest.mark.parametrize(
    ("column", "target", "measure", "twin"),
    [
        (np.exp(NUMBER), NUMBER, "rank correlation", True),
        (NUMBER + 0.05 * chance.normal(size=N), NUMBER, "rank correlation", False),
        (BINARY * 2.0 + chance.random(N), BINARY, "AUC", False),
        (BINARY.map({True: "yes", False: "no"}), BINARY, "skill", True),
        (CLASSES.map({"a": 3, "b": 1, "c": 2}), CLASSES, "skill", True),
        (CLASSES + chance.choice(["1", "2"], N), CLASSES, "skill", False),
        (pd.Series(chance.random(N)).where(BINARY), BINARY, "whether it is filled", False),
    ],
)
def test_leaks_are_found(column: pd.Series, target: pd.Series, measure: str, twin: bool) -> None:
    frame = pd.DataFrame({"x": column, "honest": chance.normal(size=N), "levels": np.arange(N) // 3})
    leaks = find_leaks(frame, ["x", "honest", "levels"], {"y": target})
    assert [leak.column for leak in leaks] == ["x"]
    assert measure in leaks[0].measure
    assert leaks[0].twin is twin
    assert "'y'" in leaks[0].words


def test_lists_missing_cells_and_infinite_numbers_do_no_harm() -> None:
    frame = pd.DataFrame(
        {
            "tags": [["a"], ["b", "a"]] * (N // 2),
            "gaps": NUMBER.where(chance.random(N) < 0.5),
            "wild": NUMBER.where(chance.random(N) < 0.9, np.inf),
            "few": [1.0] * 5 + [None] * (N - 5),
        }
    )
    leaks = find_leaks(frame, list(frame), {"y": NUMBER, "z": BINARY, "none": pd.Series([None] * N)})
    assert sorted(leak.column for leak in leaks) == ["gaps", "wild"]
