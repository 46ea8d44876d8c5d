from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from umbel.errors import ConfigError, KindError
from umbel.tasks.multiclass import Multiclass
from umbel.tasks.prediction import Prediction

TREES = ["oak", "ash", "elm", "oak", None]


def fitted(cells: list[object], **options: object) -> Multiclass:
    kind = Multiclass(**options)
    kind.fit(pd.Series(cells, name="tree"))
    return kind


def test_classes_are_sorted_and_read_back() -> None:
    kind = fitted(list(TREES))
    assert kind.classes == ["ash", "elm", "oak"]
    np.testing.assert_array_equal(kind.encode(pd.Series(TREES)).values, [2, 0, 1, 2, 0])
    assert fitted([10, 9, 1.0, None]).classes == [1, 9, 10]
    assert fitted([10, 9, 1]).to_columns("n", Prediction(np.eye(3)))["n"].dtype == np.int64


def test_unseen_classes_are_errors_or_missing() -> None:
    with pytest.raises(KindError, match=r"row 1 is 'fir'(.|\n)*others: missing"):
        fitted(list(TREES)).encode(pd.Series(["oak", "fir"], name="tree"))
    kept = fitted(list(TREES), others="missing").encode(pd.Series(["oak", "fir"]))
    np.testing.assert_array_equal(kept.weights, [1, 0])
    with pytest.raises(ConfigError, match="did you mean 'missing'"):
        Multiclass(others="mising")


def test_class_weights_multiply_the_loss() -> None:
    raw, y = torch.randn(3, 3, dtype=torch.float64), torch.tensor([0, 1, 2])
    plain = fitted(list(TREES)).nll(raw, y)
    weighted = fitted(list(TREES), class_weights={"elm": 0.5}).nll(raw, y)
    torch.testing.assert_close(weighted, plain * torch.tensor([1, 0.5, 1]))
    balanced = fitted(list(TREES), class_weights="balanced").nll(raw, y)
    torch.testing.assert_close(balanced, plain * torch.tensor([4 / 3, 4 / 3, 2 / 3], dtype=torch.float64))


def test_constant_counts() -> None:
    found = fitted(list(TREES)).constant(np.array([0, 2, 2, 0]), np.array([1.0, 1.0, 2.0, 0.0])).value
    np.testing.assert_allclose(found, [[0.25, 0.0, 0.75]], atol=0.01)
    assert (found > 0).all()


def test_rules() -> None:
    kind = fitted(list(TREES))
    p = Prediction(np.array([[0.5, 0.1, 0.4], [0.5, 0.4, 0.1], [0.9, 0.05, 0.05]]))
    y, w = np.array([2, 1, 0]), np.ones(3)
    assert kind.fit_rule(p, y, w) == {"metric": "accuracy"}
    rule = kind.fit_rule(p, y, w, metric="macro_f1")
    np.testing.assert_array_equal(kind.decide(p, rule), y)
    costs = [[0, 1, 1], [9, 0, 1], [1, 1, 0]]
    np.testing.assert_array_equal(
        kind.decide(p, kind.fit_rule(p, y, w, costs=costs)), (p.value @ np.array(costs)).argmin(axis=1)
    )
    with pytest.raises(ConfigError, match="3 rows of 3"):
        kind.fit_rule(p, y, w, costs=[[0, 1], [1, 0]])
    with pytest.raises(ConfigError, match="chosen for"):
        kind.fit_rule(p, y, w, metric="rmse")


def test_top_k_by_option_or_rule() -> None:
    p = Prediction(np.array([[0.5, 0.1, 0.4]]))
    assert fitted(list(TREES), top_k=2).to_columns("t", p)["t_top"].tolist() == ["ash, oak"]
    columns = fitted(list(TREES)).to_columns("t", p, {"top_k": 9})
    assert columns["t_top"].tolist() == ["ash, oak, elm"]
    assert columns["t_probability"].tolist() == [0.5]
    assert columns["t_probability_elm"].tolist() == [0.1]
    assert "t_top" not in fitted(list(TREES)).to_columns("t", p)
    with pytest.raises(ConfigError, match="top_k"):
        Multiclass(top_k=-1)
