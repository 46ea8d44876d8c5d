"""Likelihoods against scipy's distributions and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from umbel.tasks.losses import (
    binary_nll,
    categorical_nll,
    gaussian_nll,
    negative_binomial_nll,
    ordered_log_probabilities,
    poisson_nll,
    safe_log_mean,
    soft_clamp,
    soft_nll,
    widen,
)

FLOATS = st.floats(-30, 30)


def tensor(values: object) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values, dtype=np.float64))


def test_binary_is_bernoulli() -> None:
    logit, y = np.linspace(-5, 5, 11), np.arange(11) % 2
    p = 1 / (1 + np.exp(-logit))
    np.testing.assert_allclose(binary_nll(tensor(logit), tensor(y)), -stats.bernoulli.logpmf(y, p))
    soft = 0.9 * y + 0.05
    np.testing.assert_allclose(
        binary_nll(tensor(logit), tensor(y), 0.1), -(soft * np.log(p) + (1 - soft) * np.log(1 - p))
    )


def test_categorical_and_its_smoothing() -> None:
    logits = np.random.default_rng(0).normal(size=(6, 4))
    y = np.array([0, 1, 2, 3, 0, 1])
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(categorical_nll(tensor(logits), tensor(y)), -logs[np.arange(6), y])
    shares = 0.8 * np.eye(4)[y] + 0.2 / 4
    np.testing.assert_allclose(categorical_nll(tensor(logits), tensor(y), 0.2), -(shares * logs).sum(axis=1))
    np.testing.assert_allclose(soft_nll(tensor(logits), tensor(shares)), -(shares * logs).sum(axis=1))


@given(st.lists(st.tuples(FLOATS, FLOATS, st.floats(-6, 6)), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_gaussian_is_scipys(rows: list[tuple[float, float, float]]) -> None:
    y, mean, log_sd = np.array(rows).T
    np.testing.assert_allclose(
        gaussian_nll(tensor(y), tensor(mean), tensor(log_sd)),
        -stats.norm.logpdf(y, mean, np.exp(log_sd)),
        rtol=1e-9,
    )


@given(st.floats(-6, 6), st.integers(0, 500))
@settings(max_examples=50, deadline=None)
def test_poisson_is_scipys(log_mean: float, y: int) -> None:
    found = poisson_nll(tensor([log_mean]), tensor([y]))
    np.testing.assert_allclose(found, -stats.poisson.logpmf([y], np.exp(log_mean)), rtol=1e-8, atol=1e-10)


@given(st.floats(-4, 6), st.floats(-6, 5), st.integers(0, 300))
@settings(max_examples=50, deadline=None)
def test_negative_binomial_is_scipys(log_mean: float, log_dispersion: float, y: int) -> None:
    mean, size = np.exp(log_mean), np.exp(-log_dispersion)
    found = negative_binomial_nll(tensor([log_mean]), tensor([log_dispersion]), tensor([y]))
    want = -stats.nbinom.logpmf([y], size, size / (size + mean))
    np.testing.assert_allclose(found, want, rtol=1e-7, atol=1e-8)


def test_negative_binomial_without_dispersion_is_poisson_even_from_float32() -> None:
    log_mean, y = torch.tensor([0.5, 3.0]), torch.tensor([2.0, 18.0])
    found = negative_binomial_nll(log_mean, torch.full((2,), -14.0), y)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, poisson_nll(log_mean, y), rtol=1e-3, atol=1e-4)


@given(st.floats(-20, 20), st.lists(st.floats(1e-3, 5), min_size=0, max_size=5))
@settings(max_examples=50, deadline=None)
def test_grades_are_differences_of_sigmoids_and_sum_to_one(score: float, steps: list[float]) -> None:
    found = ordered_log_probabilities(
        tensor([score]), tensor([-1.0]), tensor([steps]).reshape(1, len(steps))
    ).exp()
    cuts = -1.0 + np.concatenate([[0.0], np.cumsum(steps)])
    below = np.concatenate([[0.0], stats.logistic.cdf(cuts - score), [1.0]])
    np.testing.assert_allclose(found[0], np.diff(below), atol=1e-12)
    np.testing.assert_allclose(found.sum(), 1.0)


def test_grades_keep_their_logarithm_in_the_tails() -> None:
    # far from all cuts a difference of sigmoids is 0; its logarithm is not
    found = ordered_log_probabilities(torch.tensor([60.0]), torch.tensor([0.0]), torch.tensor([[1.0]]))
    want = [-60.0, -59.0 + np.log(1 - np.exp(-1)), 0.0]
    np.testing.assert_allclose(found[0], want, atol=1e-5)


def test_soft_clamp_and_safe_log_mean() -> None:
    x = tensor([-1e6, 0.0, 1e-3, 1e6])
    np.testing.assert_allclose(soft_clamp(x, 7.0), [-7, 0, 1e-3, 7], atol=1e-8)
    y = tensor([-50.0, 3.0, 15.0, 1e30]).requires_grad_(True)
    held = safe_log_mean(y)
    np.testing.assert_allclose(held.detach()[:3], [-50, 3, 15])
    assert torch.isfinite(held.exp()).all()
    (slope,) = torch.autograd.grad(held.exp().sum(), y)
    assert (slope > 0).all()
    np.testing.assert_allclose(slope[3], np.exp(15.0))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_widen(dtype: torch.dtype) -> None:
    assert widen(torch.zeros(1, dtype=dtype)).dtype == torch.float32
    assert widen(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64
