"""Spaces in which predictions of several models may be averaged, and the way back. Pure numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cumulative_logits", "expit", "from_cumulative_logits", "log_shares", "logit", "softmax"]

TINY = 1e-7
"""No probability is taken to be nearer to 0 or 1: one member's certainty must not silence the others."""

Array = NDArray[np.float64]


def logit(p: NDArray[Any]) -> Array:
    """log(p / (1 - p)), p held within [1e-7, 1 - 1e-7]."""
    held = np.clip(np.asarray(p, dtype=np.float64), TINY, 1 - TINY)
    result: Array = np.log(held) - np.log1p(-held)
    return result


def expit(x: NDArray[Any]) -> Array:
    """1 / (1 + e^-x), without overflow.

    >>> expit(np.array([-1000.0, 0.0]))
    array([0. , 0.5])
    """
    small = np.exp(-np.abs(np.asarray(x, dtype=np.float64)))
    result: Array = np.where(np.asarray(x) >= 0, 1 / (1 + small), small / (1 + small))
    return result


def log_shares(p: NDArray[Any]) -> Array:
    """Logarithms of probabilities [B, C], held at 1e-7 and above and centred in each row."""
    logs = np.log(np.maximum(np.asarray(p, dtype=np.float64), TINY))
    result: Array = logs - logs.mean(axis=1, keepdims=True)
    return result


def softmax(x: NDArray[Any]) -> Array:
    """Scores [B, C] to probabilities."""
    raised = np.exp(x - np.max(x, axis=1, keepdims=True))
    result: Array = raised / raised.sum(axis=1, keepdims=True)
    return result


def cumulative_logits(p: NDArray[Any]) -> Array:
    """Grade probabilities [B, C] to logits of P(y > k), [B, C - 1]; averages of such rows stay ordered."""
    above = np.cumsum(np.asarray(p, dtype=np.float64)[:, :0:-1], axis=1)[:, ::-1]
    return logit(above)


def from_cumulative_logits(x: NDArray[Any]) -> Array:
    """The inverse of :func:`cumulative_logits`; rows out of order are made to fall."""
    above = np.minimum.accumulate(expit(x), axis=1)
    edge = np.ones((len(above), 1))
    result: Array = -np.diff(np.hstack([edge, above, 0 * edge]), axis=1)
    return result
