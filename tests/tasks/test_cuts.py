"""Cut points against brute force and scikit-learn's kappa."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from umbel.tasks.cuts import (
    CUT_METRICS,
    choose_cuts,
    cut_score,
    decide_by_cuts,
    matched_cuts,
    tuned_cuts,
)


def test_kappa_is_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    y, d, w = generator.integers(0, 4, 50), generator.integers(0, 4, 50), generator.random(50)
    want = cohen_kappa_score(y, d, weights="quadratic", labels=range(4), sample_weight=w)
    assert cut_score(y, d, w, "quadratic_kappa") == pytest.approx(want)
    assert cut_score(y, d, w, "grade_mae") == pytest.approx(-np.average(np.abs(y - d), weights=w))
    assert cut_score(y * 0, y * 0, w, "quadratic_kappa") == 0.0


@given(st.integers(0, 10**6), st.sampled_from(CUT_METRICS), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_coordinate_ascent_ends_where_no_cut_can_move(seed: int, metric: str, size: int) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, size, 14)
    score = np.round(truth + generator.normal(size=14), 1)
    w = generator.integers(1, 3, 14).astype(float)
    start = np.arange(size - 1) + 0.5
    found = tuned_cuts(score, truth, w, start, metric=metric)
    assert (np.diff(found) >= 0).all()

    def value(cuts: np.ndarray) -> float:
        return cut_score(truth, decide_by_cuts(score, cuts), w, metric)

    assert value(found) >= value(start) - 1e-12
    distinct = np.unique(score)
    places = np.concatenate([[distinct[0] - 1], 0.5 * (distinct[1:] + distinct[:-1]), [distinct[-1] + 1]])
    for j in range(size - 1):
        low = found[j - 1] if j else -np.inf
        high = found[j + 1] if j + 2 < size else np.inf
        for place in places[(places >= low) & (places <= high)]:
            other = found.copy()
            other[j] = place
            assert value(other) <= value(found) + 1e-9
    if size == 2:
        best = max(value(np.array(c)) for c in combinations_with_replacement(places, size - 1))
        assert value(found) == pytest.approx(best, abs=1e-9)


def test_matched_cuts_round_a_score_with_the_grades_own_moments() -> None:
    score = np.random.default_rng(0).normal(size=500)
    found = matched_cuts(score, np.ones(500), mean=1.5, sd=0.8, size=4)
    matched = (score - score.mean()) / score.std() * 0.8 + 1.5
    np.testing.assert_array_equal(
        decide_by_cuts(score, found), np.clip(np.floor(matched + 0.5), 0, 3).astype(int)
    )


def shrunk(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Expected grades drawn towards their mean, as a model's are, and the grades."""
    generator = np.random.default_rng(seed)
    hidden = generator.normal(size=rows)
    truth = np.clip(np.floor(1.2 * hidden + 2.5), 0, 4).astype(int)
    return 2 + 0.35 * (hidden + 0.8 * generator.normal(size=rows)), truth


def test_cuts_that_do_not_round_win_where_the_score_is_drawn_to_its_mean() -> None:
    score, truth = shrunk(400)
    cuts, way, scores = choose_cuts(score, truth, np.ones(400), mean=truth.mean(), sd=truth.std(), size=5)
    assert way != "rounding"
    assert scores[way] == max(scores.values())
    fresh_score, fresh = shrunk(4000, seed=1)
    w = np.ones(4000)
    tuned = cut_score(fresh, decide_by_cuts(fresh_score, cuts), w, "quadratic_kappa")
    plain = cut_score(fresh, decide_by_cuts(fresh_score, np.arange(4) + 0.5), w, "quadratic_kappa")
    assert tuned > plain + 0.1
    assert scores[way] == pytest.approx(tuned, abs=0.06)


def test_rounding_stands_where_it_is_right_or_labels_are_few() -> None:
    truth = np.arange(100) % 5
    cuts, way, _ = choose_cuts(truth.astype(float), truth, np.ones(100), mean=2.0, sd=2**0.5, size=5)
    assert way == "rounding"
    np.testing.assert_array_equal(cuts, np.arange(4) + 0.5)
    score, few = shrunk(12)
    assert choose_cuts(score, few, np.ones(12), mean=2.0, sd=1.0, size=5)[1] == "rounding"
    assert choose_cuts(0 * score, few, np.ones(12), mean=2.0, sd=1.0, size=5)[1] == "rounding"
    assert choose_cuts(score[:0], few[:0], np.ones(0), mean=2.0, sd=1.0, size=5)[1] == "rounding"


def test_the_choice_is_the_same_each_time() -> None:
    score, truth = shrunk(120)
    runs = [choose_cuts(score, truth, np.ones(120), mean=2.0, sd=1.1, size=5) for _ in range(2)]
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    assert runs[0][1:] == runs[1][1:]
