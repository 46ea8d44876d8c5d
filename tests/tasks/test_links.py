from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from umbel.tasks.links import (
    cumulative_logits,
    expit,
    from_cumulative_logits,
    log_shares,
    logit,
    softmax,
)


@given(st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_logit_and_expit_are_scipys(values: list[float]) -> None:
    p = np.array(values)
    np.testing.assert_allclose(logit(p), special.logit(p), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(expit(logit(p)), p)
    np.testing.assert_allclose(expit(50 * logit(p)), special.expit(50 * logit(p)))


@given(st.integers(2, 6), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_shares_and_grades_go_there_and_back(size: int, seed: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(size), 5)
    np.testing.assert_allclose(softmax(log_shares(p)), p, atol=1e-6)
    np.testing.assert_allclose(log_shares(p).sum(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(from_cumulative_logits(cumulative_logits(p)), p, atol=1e-6)


def test_cumulative_logits_tell_the_chance_of_more() -> None:
    p = np.array([[0.2, 0.3, 0.5]])
    np.testing.assert_allclose(cumulative_logits(p), special.logit([[0.8, 0.5]]))


def test_scores_out_of_order_give_probabilities_all_the_same() -> None:
    p = from_cumulative_logits(np.array([[-1.0, 2.0, 0.0]]))
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(), 1.0)


def test_certainty_stays_finite() -> None:
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    assert np.isfinite(log_shares(np.array([[0.0, 1.0]]))).all()
    assert np.isfinite(cumulative_logits(np.array([[0.0, 0.0, 1.0]]))).all()
