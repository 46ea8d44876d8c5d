from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from umbel.errors import ConfigError, KindError
from umbel.tasks.distribution import Distribution
from umbel.tasks.prediction import Prediction

VOTES = [{"a": 1, "b": 3}, {"a": 2, "b": 2}, {"a": None, "b": 1}, None]


def fitted(cells: list[object], **options: object) -> Distribution:
    kind = Distribution(**options)
    kind.fit(pd.Series(cells, name="votes", dtype=object))
    return kind


def test_rows_are_divided_by_their_sum_and_a_missing_part_makes_them_unknown() -> None:
    encoded = fitted(list(VOTES)).encode(pd.Series(VOTES))
    np.testing.assert_allclose(encoded.values, [[0.25, 0.75], [0.5, 0.5], [0, 0], [0, 0]])
    np.testing.assert_array_equal(encoded.weights, [1, 1, 0, 0])


def test_lists_and_given_labels() -> None:
    kind = fitted([[1, 3], [1, 1]], labels=["x", "y"])
    assert kind.labels == ["x", "y"]
    columns = kind.to_columns("v", Prediction(np.array([[0.3, 0.7]])))
    assert columns["v"].tolist() == ["y"]
    assert columns["v_share_x"].tolist() == [0.3]
    assert fitted([[1, 3], [1, 1]]).labels == ["0", "1"]


def test_nll_is_the_cross_entropy_and_least_at_the_target() -> None:
    kind = fitted(list(VOTES))
    share = torch.tensor([[0.25, 0.75]], dtype=torch.float64)
    at = kind.nll(share.log(), share)
    np.testing.assert_allclose(at, -(0.25 * np.log(0.25) + 0.75 * np.log(0.75)))
    assert kind.nll(share.log() + torch.tensor([[0.1, 0.0]]), share) > at


def test_constant_is_the_weighted_mean() -> None:
    kind = fitted(list(VOTES))
    found = kind.constant(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([3.0, 1.0]))
    np.testing.assert_allclose(found.value, [[0.75, 0.25]])


def test_what_does_not_fit() -> None:
    with pytest.raises(KindError, match=r"negative(.|\n)*row 1 is"):
        fitted([{"a": 1, "b": 1}, {"a": -1, "b": 2}])
    with pytest.raises(KindError, match=r"all be 0(.|\n)*row 0 is"):
        fitted([{"a": 0, "b": 0}, {"a": 1, "b": 2}])
    with pytest.raises(KindError, match=r"constant"):
        fitted([{"a": 1, "b": 1}, {"a": 2, "b": 2}])
    with pytest.raises(KindError, match=r"a number for each of a, b"):
        fitted(list(VOTES)).encode(pd.Series([{"a": 1, "c": 2}], name="votes"))
    kind, found = fitted(list(VOTES)), Prediction(np.full((1, 2), 0.5))
    with pytest.raises(ConfigError, match="cost matrix"):
        kind.fit_rule(found, found.value, np.ones(1), costs=[[0]])
    with pytest.raises(ConfigError, match="chosen for"):
        kind.fit_rule(found, found.value, np.ones(1), metric="f1")
