"""The plain view of series: last steps counted from the end, mean and deviation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["plain_series"]

_BLOCK = 4096
"""Rows at a time: what is between input and output stays small."""

View = tuple[NDArray[np.float64], NDArray[np.bool_]]


def plain_series(
    steps: NDArray[np.float32], lengths: NDArray[np.int64], gaps: NDArray[np.bool_], lags: int
) -> View:
    """For each column and feature its last steps, their mean and deviation (of the known steps).

    :param steps: [B, K, T, C]: F features, then an indicator of missing values for each feature with gaps.
    :param lengths: [B, K].
    :param gaps: [F], features that have an indicator.
    :param lags: last steps, L.
    :returns: numbers and which of them are known, [B, K * F * (L + 2)] each; the last step comes first.

    >>> found, known = plain_series(np.array([[[[1.0], [5.0], [0.0]]]], "f"), np.array([[2]]), [False], 3)
    >>> found[known].tolist()
    [5.0, 1.0, 3.0, 2.0]
    """
    gaps = np.asarray(gaps, dtype=bool)
    width = steps.shape[1] * len(gaps) * (lags + 2)
    values = np.zeros((len(steps), width))
    there = np.zeros((len(steps), width), dtype=bool)
    for begin in range(0, len(steps), _BLOCK):
        span = slice(begin, begin + _BLOCK)
        values[span], there[span] = _block(steps[span], lengths[span], gaps, lags)
    return values, there


def _block(
    steps: NDArray[np.float32], lengths: NDArray[np.int64], gaps: NDArray[np.bool_], lags: int
) -> View:
    count = len(gaps)
    score = steps[..., :count].astype(np.float64)
    inside = np.arange(score.shape[2]) < lengths[:, :, None]  # [B, K, T]
    known = np.repeat(inside[..., None], count, axis=3)
    known[..., gaps] &= steps[..., count:] == 0
    place = lengths[:, :, None] - 1 - np.arange(lags)  # [B, K, L], counted from the end
    index = np.maximum(place, 0)[..., None]
    last = np.take_along_axis(score, index, axis=2)
    last_known = np.take_along_axis(known, index, axis=2) & (place >= 0)[..., None]
    total = known.sum(axis=2)  # [B, K, F]
    mean = np.where(known, score, 0.0).sum(axis=2) / np.maximum(total, 1)
    off = np.where(known, score - mean[:, :, None], 0.0)
    spread = np.sqrt(np.square(off).sum(axis=2) / np.maximum(total, 1))
    values = np.concatenate([last.transpose(0, 1, 3, 2), mean[..., None], spread[..., None]], axis=3)
    some = np.repeat((total > 0)[..., None], 2, axis=3)
    there = np.concatenate([last_known.transpose(0, 1, 3, 2), some], axis=3)
    return values.reshape(len(steps), -1), there.reshape(len(steps), -1)
