from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from umbel.errors import ConfigError, KindError
from umbel.tasks.multilabel import Multilabel
from umbel.tasks.prediction import Prediction

GENRES = ["war, love", "love", None, "war", "crime, love", "rare"]


def fitted(cells: list[object], **options: object) -> Multilabel:
    kind = Multilabel(**options)
    kind.fit(pd.Series(cells, name="genres", dtype=object))
    return kind


def test_labels_seen_often_enough_sorted() -> None:
    assert fitted(list(GENRES)).labels == ["crime", "love", "rare", "war"]
    kind = fitted(list(GENRES), min_count=2)
    assert kind.labels == ["love", "war"]
    assert kind.fitted["dropped"] == 2
    np.testing.assert_allclose(kind.fitted["rates"], [3 / 5, 2 / 5])
    # a row whose labels were all dropped is known to have none of those asked for
    encoded = kind.encode(pd.Series(["rare", "never seen, war"]))
    np.testing.assert_array_equal(encoded.values, [[0, 0], [0, 1]])
    assert encoded.weights.all()


def test_labels_asked_for_keep_their_order() -> None:
    kind = fitted(list(GENRES), labels=["war", "love"])
    assert kind.labels == ["war", "love"]
    np.testing.assert_array_equal(kind.encode(pd.Series(["love, crime"])).values, [[0, 1]])


def test_several_columns() -> None:
    cells: list[object] = [{"a": 1, "b": 0}, {"a": 0, "b": None}, {"a": None, "b": 1}, None]
    encoded = fitted(cells).encode(pd.Series(cells))
    np.testing.assert_array_equal(encoded.values, [[1, 0], [0, 0], [0, 1], [0, 0]])
    np.testing.assert_array_equal(encoded.weights, [[1, 1], [1, 0], [0, 1], [0, 0]])
    np.testing.assert_allclose(fitted(cells).fitted["rates"], [0.5, 0.5])


def test_what_cannot_be_learned_is_refused() -> None:
    with pytest.raises(KindError, match="among those asked for"):
        fitted(list(GENRES), labels=["horror"])
    with pytest.raises(KindError, match="seen min_count times"):
        fitted(list(GENRES), min_count=9)
    with pytest.raises(KindError, match="constant"):
        fitted(["war, love", "love, war"])
    with pytest.raises(ConfigError, match="different names"):
        Multilabel(labels=["a", "a"])
    with pytest.raises(ConfigError, match="separator"):
        Multilabel(separator="")
    with pytest.raises(ConfigError, match="empty must be one of"):
        Multilabel(empty="zero")


def test_class_weights_are_for_positives() -> None:
    raw = torch.randn(2, 2, dtype=torch.float64)
    y = torch.tensor([[0, 1], [1, 1]])
    plain = fitted(list(GENRES), min_count=2).nll(raw, y)
    weighted = fitted(list(GENRES), min_count=2, class_weights={"war": 4}).nll(raw, y)
    torch.testing.assert_close(weighted, plain * torch.tensor([[1, 4], [1, 4]]))
    balanced = fitted(list(GENRES), min_count=2, class_weights="balanced").nll(raw, y)
    torch.testing.assert_close(balanced, plain * torch.tensor([[1, 1.5], [2 / 3, 1.5]], dtype=torch.float64))


def test_smoothing() -> None:
    raw, y = torch.randn(1, 2, dtype=torch.float64), torch.tensor([[0, 1]])
    p = torch.sigmoid(raw)
    soft = 0.8 * y + 0.1
    want = -(soft * p.log() + (1 - soft) * (1 - p).log())
    found = fitted(list(GENRES), min_count=2, label_smoothing=0.2).nll(raw, y)
    torch.testing.assert_close(found, want)


def test_rules() -> None:
    kind = fitted(list(GENRES), min_count=2)
    generator = np.random.default_rng(0)
    p = generator.random((200, 2))
    y = (generator.random((200, 2)) < p).astype(int)
    w = np.ones((200, 2))
    assert len(kind.fit_rule(Prediction(p), y, w)["thresholds"]) == 2
    rule = kind.fit_rule(Prediction(p), y, w, metric="micro_f1")
    assert rule["thresholds"][0] == rule["thresholds"][1] < 0.5
    dear = kind.fit_rule(Prediction(p), y, w, costs=[[0, 9], [1, 0]])
    assert min(dear["thresholds"]) > 0.7
    with pytest.raises(ConfigError, match="chosen for"):
        kind.fit_rule(Prediction(p), y, w, metric="r2")


def test_columns() -> None:
    kind = fitted(list(GENRES), separator=", ", top_k=2)
    columns = kind.to_columns("g", Prediction(np.array([[0.6, 0.9, 0.1, 0.2], [0.1, 0.2, 0.3, 0.4]])))
    assert columns["g"].tolist() == ["crime, love", ""]
    assert columns["g_top"].tolist() == ["love, crime", "war, rare"]
    assert columns["g_probability_war"].tolist() == [0.2, 0.4]


def test_constant_label_by_label() -> None:
    kind = fitted(list(GENRES), min_count=2)
    found = kind.constant(np.array([[1, 0], [0, 1]]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_allclose(found.value, [[0.5, 0.4]])
