"""Negative log likelihoods as pure functions of tensors: no column, no class, no state."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "binary_nll",
    "categorical_nll",
    "gaussian_nll",
    "negative_binomial_nll",
    "ordered_log_probabilities",
    "poisson_nll",
    "safe_log_mean",
    "soft_clamp",
    "soft_nll",
    "widen",
]

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


def widen(raw: Tensor) -> Tensor:
    """At least float32: a likelihood in bfloat16 has two digits."""
    return raw.float() if raw.dtype in (torch.bfloat16, torch.float16) else raw


def soft_clamp(x: Tensor, limit: float) -> Tensor:
    """Smoothly into (-limit, limit); slope 1 at 0, and a gradient everywhere."""
    return limit * torch.tanh(x / limit)


def binary_nll(logit: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Bernoulli: -log p(y) from logits, elementwise.

    :param logit: any shape.
    :param target: 0 or 1, the same shape.
    :param smoothing: in [0, 1): the target becomes (1 - s) y + s / 2.

    >>> binary_nll(torch.zeros(1), torch.ones(1))
    tensor([0.6931])
    """
    soft = target.to(logit.dtype)
    if smoothing:
        soft = soft * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logit, soft, reduction="none")


def categorical_nll(logits: Tensor, index: Tensor, smoothing: float = 0.0) -> Tensor:
    """Categorical: -log softmax(logits)[index].

    :param logits: [B, C].
    :param index: [B], class indices.
    :param smoothing: in [0, 1): share of the target spread evenly over the classes.
    :returns: [B].
    """
    return functional.cross_entropy(logits, index.long(), reduction="none", label_smoothing=smoothing)


def soft_nll(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross-entropy of shares that sum to 1.

    :param logits: [B, C].
    :param shares: [B, C], non-negative.
    :returns: [B].
    """
    return -(shares.to(logits.dtype) * functional.log_softmax(logits, dim=-1)).sum(-1)


def ordered_log_probabilities(score: Tensor, first: Tensor, steps: Tensor) -> Tensor:
    """Log probabilities of ordered grades: P(y <= k) = sigmoid(cut_k - score).

    A difference of two sigmoids is sigmoid(a) sigmoid(-b) (1 - e^(b - a)); its logarithm is taken
    term by term, so that nothing cancels in the tails.

    :param score: [B].
    :param first: [B], the first cut.
    :param steps: [B, C - 2], positive: from each cut to the next.
    :returns: [B, C].

    Source: McCullagh 1980, Regression models for ordinal data (proportional odds).

    >>> ordered_log_probabilities(torch.zeros(1), torch.zeros(1), torch.zeros(1, 0)).exp()
    tensor([[0.5000, 0.5000]])
    """
    start = (first - score).unsqueeze(-1)  # [B, 1]
    below = torch.cat([start, start + steps.cumsum(dim=-1)], dim=-1)  # [B, C - 1]
    upper, lower = functional.logsigmoid(below), functional.logsigmoid(-below)
    gaps = torch.log(-torch.expm1(-steps))  # [B, C - 2]; from the steps, not from differences of cuts
    middle = upper[..., 1:] + lower[..., :-1] + gaps
    return torch.cat([upper[..., :1], middle, lower[..., -1:]], dim=-1)


def gaussian_nll(target: Tensor, mean: Tensor, log_sd: Tensor) -> Tensor:
    """Gaussian: 0.5 log(2 pi) + log sd + ((y - mean) / sd)^2 / 2, elementwise.

    :param log_sd: logarithm of the standard deviation.
    """
    return HALF_LOG_TWO_PI + log_sd + 0.5 * ((target - mean) * torch.exp(-log_sd)) ** 2


def safe_log_mean(x: Tensor, limit: float = 15.0) -> Tensor:
    """A log mean whose exponential grows only linearly beyond ``limit``: no overflow, no dead gradient."""
    beyond = torch.clamp(x - limit, min=0.0)
    return torch.where(x > limit, limit + torch.log1p(beyond), x)


def poisson_nll(log_mean: Tensor, target: Tensor) -> Tensor:
    """Poisson: mean - y log mean + log y!, elementwise.

    :param target: non-negative whole numbers.
    """
    count = target.to(log_mean.dtype)
    return torch.exp(log_mean) - count * log_mean + torch.lgamma(count + 1)


def negative_binomial_nll(log_mean: Tensor, log_dispersion: Tensor, target: Tensor) -> Tensor:
    """Negative binomial with variance mean + dispersion * mean^2, elementwise.

    Computed in float64: the log-gammas of a small dispersion cancel to nothing in float32.

    :param target: non-negative whole numbers.

    Source: Cameron & Trivedi 2013, Regression Analysis of Count Data, eq. 3.26 (NB2).
    """
    wide, narrow = torch.float64, log_mean.dtype
    m, r = log_mean.to(wide), -log_dispersion.to(wide)  # r is the log of the size, 1 / dispersion
    size, count = torch.exp(r), target.to(wide)
    arrangements = torch.lgamma(count + size) - torch.lgamma(size) - torch.lgamma(count + 1)
    nll = size * functional.softplus(m - r) + count * functional.softplus(r - m) - arrangements
    return nll.to(narrow)
