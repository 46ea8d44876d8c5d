"""Decisions against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from umbel.tasks.rules import (
    best_multipliers,
    best_threshold,
    confusion,
    label_thresholds,
    least_cost,
)

SCORES = {"f1": f1_score, "accuracy": accuracy_score, "balanced_accuracy": balanced_accuracy_score}


@given(st.integers(0, 10**6), st.sampled_from(sorted(SCORES)), st.integers(4, 25))
@settings(max_examples=30, deadline=None)
def test_no_threshold_decides_better(seed: int, metric: str, size: int) -> None:
    generator = np.random.default_rng(seed)
    p = np.round(generator.random(size), 1)  # ties
    y = generator.integers(0, 2, size)
    y[:2] = 0, 1
    w = generator.integers(1, 4, size).astype(float)
    found = best_threshold(p, y, w, metric=metric)
    assert 0 <= found <= np.nextafter(1.0, 2.0)

    def score(threshold: float) -> float:
        return float(SCORES[metric](y, p >= threshold, sample_weight=w))

    best = max(score(t) for t in np.linspace(-0.05, 1.05, 12))
    assert score(found) == pytest.approx(best, abs=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_no_threshold_costs_less(seed: int) -> None:
    generator = np.random.default_rng(seed)
    p, y = np.round(generator.random(20), 1), generator.integers(0, 2, 20)
    costs = generator.random((2, 2)) * 5

    def cost(threshold: float) -> float:
        return float(costs[y, (p >= threshold).astype(int)].sum())

    found = best_threshold(p, y, np.ones(20), costs=costs)
    assert cost(found) == pytest.approx(min(cost(t) for t in np.linspace(-0.05, 1.05, 12)), abs=1e-9)


def test_equal_thresholds_give_the_one_nearest_to_a_half() -> None:
    assert best_threshold(np.array([0.0, 1.0]), np.array([0, 1]), np.ones(2), metric="accuracy") == 0.5
    # with costs of a calibrated forecast the threshold is near cost / (cost + cost), Elkan 2001
    p = np.linspace(0.001, 0.999, 2001)
    y = (np.random.default_rng(0).random(2001) < p).astype(int)
    found = best_threshold(p, y, np.ones(2001), costs=np.array([[0.0, 1.0], [4.0, 0.0]]))
    assert found == pytest.approx(0.2, abs=0.06)


def test_label_thresholds_share_where_labels_are_few() -> None:
    generator = np.random.default_rng(0)
    p = generator.random((60, 3))
    y = (generator.random((60, 3)) < p).astype(int)
    y[:, 2] = 0
    y[:2, 2] = 1
    w = np.ones((60, 3))
    w[50:, 0] = 0
    found = label_thresholds(p, y, w)
    together = label_thresholds(p, y, w, together=True)
    assert len(set(together)) == 1
    assert found[2] == together[0]
    assert found[0] == best_threshold(p[:50, 0], y[:50, 0], np.ones(50))
    np.testing.assert_array_equal(label_thresholds(p, y, 0 * w), 0.5)


def test_confusion_counts() -> None:
    found = confusion(np.array([0, 1, 1]), np.array([1, 1, 0]), np.array([1.0, 2.0, 3.0]), 2)
    np.testing.assert_array_equal(found, [[0, 1], [3, 2]])


def test_multipliers_gain_where_a_class_is_rare_and_are_one_where_nothing_is_gained() -> None:
    generator = np.random.default_rng(1)
    y = generator.choice(3, 600, p=[0.8, 0.15, 0.05])
    logits = np.log([0.8, 0.15, 0.05]) + 1.2 * np.eye(3)[y] + generator.normal(size=(600, 3)) * 0.7
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for metric in ("macro_f1", "balanced_accuracy"):
        found = best_multipliers(p, y, np.ones(600), metric=metric)

        def score(d: np.ndarray, metric: str = metric) -> float:
            if metric == "macro_f1":
                return float(f1_score(y, d, average="macro"))
            return float(balanced_accuracy_score(y, d))

        assert score((p * found).argmax(axis=1)) > score(p.argmax(axis=1)) + 0.02
    np.testing.assert_array_equal(best_multipliers(np.eye(3)[y], y, np.ones(600), metric="macro_f1"), 1.0)


def test_least_cost_is_the_least_of_all() -> None:
    generator = np.random.default_rng(2)
    p, costs = generator.dirichlet(np.ones(3), 10), generator.random((3, 3))
    expected = [[sum(row[i] * costs[i, j] for i in range(3)) for j in range(3)] for row in p]
    np.testing.assert_array_equal(least_cost(p, costs), np.argmin(expected, axis=1))
