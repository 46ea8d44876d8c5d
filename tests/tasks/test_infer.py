from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from umbel.errors import KindError
from umbel.tasks.infer import infer
from umbel.tasks.kind import KINDS

RNG = np.random.default_rng(0)
TITLES = [f"the {a} of {b}" for a in ("rise", "fall", "end") for b in ("rome", "troy", "york", "ur")]


@pytest.mark.parametrize(
    ("cells", "kind", "options"),
    [
        ([True, False, None], "binary", {}),
        ([0.0, 1.0, np.nan] * 3, "binary", {}),
        (["low", "high"] * 4, "binary", {}),
        (["oak", "ash", "elm"] * 4, "multiclass", {}),
        (RNG.normal(size=30).tolist(), "regression", {}),
        (RNG.integers(0, 90, 40).tolist(), "regression", {}),
        ([1, 2, 3, 4, 5, None] * 3, "regression", {}),
        (["1", "2", "3", ""] * 3, "regression", {}),
        (["a, b", "b", "c, a", "a, b, c"] * 5, "multilabel", {"separator": ", "}),
        (["a|b", "b", "c|a", "a|b|c"] * 5, "multilabel", {"separator": "|"}),
        ([["a"], ["b", "a"], None], "multilabel", {}),
        ([{"x": 1, "y": 0}, {"x": None, "y": 1}], "multilabel", {}),
        ([{"x": 1.5, "y": 0}, {"x": 2, "y": 1}], "distribution", {}),
    ],
)
def test_kinds_and_their_options(cells: list[Any], kind: str, options: dict[str, Any]) -> None:
    column = pd.Series(cells, name="target")
    found, given, reason = infer(column)
    assert (found, given) == (kind, options)
    assert reason
    assert "\n" not in reason
    KINDS.get(found)(**given).fit(column)


def test_grades_and_counts_are_hinted_at() -> None:
    assert "ordinal, count" in infer(pd.Series([1, 2, 3, 4, 5]))[2]
    assert "ordinal" not in infer(pd.Series([1, 20, 300]))[2]


@pytest.mark.parametrize(
    ("column", "rule"),
    [
        (pd.Series([None, np.nan, ""], name="gone", dtype=object), "known labels"),
        (pd.Series(TITLES * 2 + [f"{t}, {i}" for i, t in enumerate(TITLES)], name="title"), "come again"),
        (pd.Series(pd.to_datetime(["2020-01-01", "2020-02-01"]), name="day"), "must not be a time"),
    ],
)
def test_what_is_no_target(column: pd.Series, rule: str) -> None:
    with pytest.raises(KindError, match=rule) as caught:
        infer(column)
    assert f"'{column.name}'" in caught.value.found
