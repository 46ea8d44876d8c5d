from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from umbel.errors import ConfigError, KindError
from umbel.tasks.binary import Binary
from umbel.tasks.prediction import Prediction


def fitted(cells: list[object], **options: object) -> Binary:
    kind = Binary(**options)
    kind.fit(pd.Series(cells, name="bought"))
    return kind


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["yes", "no", None], ["no", "yes"]),
        (["TRUE", "FALSE"], ["FALSE", "TRUE"]),
        ([True, False], [False, True]),
        ([0.0, 1.0, np.nan], [0, 1]),
        ([1, 2], [2, 1]),
        (["b", "a"], ["a", "b"]),
        ([5, -1], [-1, 5]),
        (["No", "Ch"], ["No", "Ch"]),
        (["positive", "zero"], ["zero", "positive"]),
    ],
)
def test_which_value_is_one(cells: list[object], labels: list[object]) -> None:
    assert fitted(cells).fitted["labels"] == labels


def test_positive_says_which() -> None:
    kind = fitted(["yes", "no"], positive="no")
    assert kind.encode(pd.Series(["no", "yes"])).values.tolist() == [1, 0]
    with pytest.raises(KindError, match="'maybe'; column 'bought' has 'no' and 'yes'"):
        fitted(["yes", "no"], positive="maybe")


def test_a_column_read_as_text_is_the_same_column() -> None:
    kind = fitted([True, False, None])
    np.testing.assert_array_equal(kind.encode(pd.Series(["True", "False", None])).values, [1, 0, 0])
    kind = fitted([1, 0])
    np.testing.assert_array_equal(kind.encode(pd.Series(["1", "0", ""])).weights, [1, 1, 0])


def test_a_third_value_is_an_error_with_its_row() -> None:
    with pytest.raises(KindError, match=r"3 values; column 'bought': row 2 is 'perhaps'"):
        fitted(["yes", "no", "perhaps"])
    with pytest.raises(KindError, match=r"row 1 is 'perhaps'(.|\n)*'no', 'yes'"):
        fitted(["yes", "no"]).encode(pd.Series(["yes", "perhaps"], name="bought"))


def test_class_weights_multiply_the_loss() -> None:
    raw, y = torch.randn(2, 1, dtype=torch.float64), torch.tensor([0, 1])
    plain = fitted(["yes", "no"]).nll(raw, y)
    weighted = fitted(["yes", "no"], class_weights={"yes": 3}).nll(raw, y)
    torch.testing.assert_close(weighted, plain * torch.tensor([1.0, 3.0]))
    balanced = fitted(["yes", "no", "no", "no"], class_weights="balanced").nll(raw, y)
    torch.testing.assert_close(balanced, plain * torch.tensor([2 / 3, 2.0]))
    assert (fitted([True, False], class_weights={True: 2}).nll(raw, y) / plain)[1] == pytest.approx(2)


def test_options_are_held_against_their_rules() -> None:
    with pytest.raises(ConfigError, match="label_smoothing"):
        Binary(label_smoothing=1.0)
    with pytest.raises(ConfigError, match="'balanced'"):
        Binary(class_weights="equal")
    with pytest.raises(ConfigError, match="numbers"):
        Binary(class_weights={"yes": "much"})
    with pytest.raises(ConfigError, match="negative"):
        Binary(class_weights={"yes": -1})
    with pytest.raises(ConfigError, match=r"'yess'(.|\n)*did you mean 'yes'"):
        fitted(["yes", "no"], class_weights={"yess": 2})


def test_the_rule_says_its_aim_and_its_default() -> None:
    kind = fitted(["yes", "no"])
    found = Prediction(np.repeat([0.1, 0.3, 0.4], 5))
    y, w = np.repeat([0, 1, 1], 5), np.ones(15)
    rule = kind.fit_rule(found, y, w)
    assert rule == {"threshold": pytest.approx(0.2), "metric": "f1"}
    np.testing.assert_array_equal(kind.decide(found, rule), y)
    assert "fewer than two" in kind.fit_rule(found, y, np.repeat([0, 1, 1], 5))["default"]
    few = kind.fit_rule(found, y, np.where(np.arange(15) == 0, 0, 1))
    assert (few["threshold"], few["default"]) == (0.5, "only 4 of a class are known")
    rule = kind.fit_rule(found, y, w, costs=[[0, 100], [1, 0]])
    assert rule["costs"] == [[0, 100], [1, 0]]
    with pytest.raises(ConfigError, match="did you mean 'f1'"):
        kind.fit_rule(found, y, w, metric="f11")
    with pytest.raises(ConfigError, match="2 rows of 2"):
        kind.fit_rule(found, y, w, costs=[[0, 1, 2]])


def test_columns() -> None:
    columns = fitted([True, False]).to_columns("won", Prediction(np.array([0.2, 0.6])))
    assert columns["won"].tolist() == [False, True]
    np.testing.assert_array_equal(columns["won_probability"], [0.2, 0.6])


def test_constant_is_the_weighted_rate() -> None:
    found = fitted(["yes", "no"]).constant(np.array([1, 0, 1]), np.array([3.0, 1.0, 0.0]))
    assert found.value == pytest.approx([0.75])
