"""Spectra as one padded tensor, and as the few plain numbers that linear models and trees see of a sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.batch import Padded
from umbel.encoders.sound_net import evenly

__all__ = ["PARTS", "moments", "pad_rows", "summary", "summary_names"]

PARTS = 8
"""Even segments of time: order matters to words, and means over all of it have none."""


def summary(x: Tensor, lengths: Tensor) -> Tensor:
    """Mean and deviation over time, then the mean of each of eight even segments of it, [N, 10 * M].

    :param x: [N, T, M].
    :param lengths: [N] long; the numbers of a row of no steps are 0.

    >>> x = torch.tensor([[[1.0], [3.0]]])
    >>> summary(x, torch.tensor([2])).tolist()
    [[2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0]]
    """
    mean = evenly(x, lengths, 1)
    square = evenly(x.square(), lengths, 1)
    deviation = (square - mean.square()).clamp(min=0.0).sqrt()
    return torch.cat([mean, deviation, evenly(x, lengths, PARTS)], dim=1).flatten(1)


def summary_names(columns: Iterable[str], bands: Sequence[str]) -> list[str]:
    """What the numbers of :func:`summary` are called, column after column."""
    parts = ["mean", "deviation", *(f"part {k + 1}" for k in range(PARTS))]
    return [f"{column}: {band} {part}" for column in columns for part in parts for band in bands]


def moments(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each column [D]; 0 and 1 where there is no row, and 1 where it is constant.

    :param x: [B, D].
    """
    if not len(x):
        return np.zeros(x.shape[1]), np.ones(x.shape[1])
    spread = x.std(axis=0, dtype=np.float64)
    return x.mean(axis=0, dtype=np.float64), np.where(spread > 1e-6, spread, 1.0)


def pad_rows(
    spectra: Sequence[NDArray[np.float32] | None],
    loc: NDArray[np.float64],
    scale: NDArray[np.float64],
    rows: int,
    columns: int,
) -> Padded:
    """Standardised spectra, filled up to the longest with 0.

    :param spectra: [rows * columns], row after row, of [T, M] or None where a cell is missing.
    :param loc, scale: of each band, [M].
    :returns: values [rows, columns, T, M] and lengths [rows, columns].
    """
    lengths = [0 if cell is None else len(cell) for cell in spectra]
    values = torch.zeros(rows, columns, max([*lengths, 1]), len(loc))
    less, by = loc.astype(np.float32), scale.astype(np.float32)
    for place, cell in enumerate(spectra):
        if cell is not None:
            values[place // columns, place % columns, : len(cell)] = torch.from_numpy((cell - less) / by)
    return Padded(values, torch.tensor(lengths).long().view(rows, columns))
