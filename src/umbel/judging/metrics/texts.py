"""Metrics of texts: how likely each true token was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from umbel.judging.metrics.metric import Answers, Counted, Floats, Undefined, metric, ratio, sums

__all__ = ["perplexity", "token_log_loss"]

_TINY = 1e-12


def _totals(answers: Answers) -> list[NDArray[np.float64]]:
    """Of each row the sum of -log probabilities of its true tokens, and their number, [B] each."""
    if not answers.by_label:
        raise Undefined("the answers are no texts")
    lost = -np.log(np.clip(answers.prediction.value, _TINY, 1.0)) * answers.weights
    return [lost.sum(axis=1), answers.weights.sum(axis=1)]


@metric(
    "token_log_loss",
    -1,
    source="Shannon 1951, Prediction and entropy of printed English",
    title="nats a token",
)
def token_log_loss(answers: Answers) -> Counted:
    """Mean of -log probability of each true token after the true ones before it, the end among them."""
    totals = _totals(answers)

    def of(counts: Floats) -> Floats:
        lost, tokens = sums(totals, counts)
        return ratio(lost, tokens)

    return of


@metric("perplexity", -1, source="Jelinek et al. 1977, Perplexity, a measure of difficulty")
def perplexity(answers: Answers) -> Counted:
    """e to the mean of -log probability of each true token: among how many tokens the model wavers."""
    totals = _totals(answers)

    def of(counts: Floats) -> Floats:
        lost, tokens = sums(totals, counts)
        return np.asarray(np.exp(ratio(lost, tokens)))

    return of
