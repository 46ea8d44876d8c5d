"""Bags of things with a place in a vocabulary: the input of sets of names and of text, and its embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from umbel.data.batch import Ragged
from umbel.encoders.bag_sum import bag_sum
from umbel.encoders.dropout import dropout

__all__ = ["BagTable", "Bags", "join_bags", "linear_bags"]


@dataclass(frozen=True)
class Bags(Ragged):
    """S bags per row: the places of all bags of a row in a line, how long each bag is, and side numbers.

    :param values: [total] long, places in one vocabulary of all bags.
    :param offsets: [B + 1] long, where each **row** starts.
    :param lengths: [B, S] long, places per bag.
    :param extra: [B, E] float, numbers about the bags that the features carry along (sizes, unknowns).
    """

    lengths: Tensor
    extra: Tensor

    def take(self, rows: Tensor) -> Bags:
        """Some of the rows, in the order given ([B'] long)."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        offsets = torch.zeros(len(rows) + 1, dtype=torch.long)
        torch.cumsum(lengths, 0, out=offsets[1:])
        places = torch.repeat_interleave(starts - offsets[:-1], lengths)
        places += torch.arange(len(places))
        return Bags(self.values[places], offsets, self.lengths[rows], self.extra[rows])

    def to(self, device: torch.device | str) -> Bags:
        """The same on a device."""
        return Bags(
            self.values.to(device), self.offsets.to(device), self.lengths.to(device), self.extra.to(device)
        )


def join_bags(
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], extra: NDArray[np.float32]
) -> Bags:
    """Several columns' bags as one ragged tensor.

    :param parts: for each column the places of all rows in a line (in one vocabulary) and the length of
        each row's bag [B].
    :param extra: [B, E].
    """
    lengths = np.stack([length for _, length in parts], axis=1)
    ends = np.cumsum(lengths.ravel())
    starts = (ends - lengths.ravel()).reshape(lengths.shape)
    values = np.empty(int(ends[-1]) if len(ends) else 0, dtype=np.int64)
    for s, (places, length) in enumerate(parts):
        # where a place goes: its bag's start in the joint line, plus its rank within its bag
        shift = starts[:, s] - (np.cumsum(length) - length)
        values[np.repeat(shift, length) + np.arange(len(places))] = places
    offsets = np.append(starts[:, 0], len(values))
    return Bags(*(torch.from_numpy(array) for array in (values, offsets, lengths, extra)))


def _sums(x: Bags, weight: Tensor, power: float) -> Tensor:
    """Sum of each bag's rows of the weight [V, K], times its length to the power -``power``: [B * S, K]."""
    lengths = x.lengths.reshape(-1)
    sums = bag_sum(weight, x.values, lengths)
    return sums * lengths.clamp(min=1).to(weight.dtype).pow(-power)[:, None]


def linear_bags(x: Bags, weight: Tensor) -> Tensor:
    """The linear view of bags and their side numbers, times a weight.

    A bag of n things has entries n ** -0.5 there, so that all bags are of the same length.

    :param weight: [V + E, K]: first the vocabulary, then the side numbers.
    :returns: [B, K].
    """
    size = weight.shape[0] - x.extra.shape[1]
    rows, columns = x.lengths.shape
    sums = _sums(x, weight[:size], 0.5).view(rows, columns, weight.shape[1]).sum(dim=1)
    return sums + x.extra.to(weight.dtype) @ weight[size:]


class BagTable(nn.Module):
    """One embedding of all bags' things: [B, S * width + E] from bags.

    :param size: things in the vocabulary, V.
    :param width: numbers per thing; 0 leaves the side numbers only.
    :param power: a bag of n things counts each n ** -power: 0 sums, 1 averages.
    :param dropout: share of the summed embedding dropped in training.
    """

    def __init__(self, size: int, width: int, *, power: float, dropout: float) -> None:
        super().__init__()
        self.width, self.power, self.dropout = width, power, dropout
        self.weight = nn.Parameter(torch.empty(size, width)) if width and size else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Small normal numbers."""
        if self.weight is not None:
            nn.init.normal_(self.weight, std=0.01)

    def forward(self, x: Bags) -> Tensor:
        """Embedded bags and side numbers [B, S * width + E]."""
        if self.weight is None:
            rows, bags = x.lengths.shape
            return torch.cat([x.extra.new_zeros(rows, bags * self.width), x.extra], dim=1)
        summed = _sums(x, self.weight, self.power).view(len(x), x.lengths.shape[1] * self.width)
        summed = dropout(summed, self.dropout, self.training)
        return torch.cat([summed, x.extra.to(summed.dtype)], dim=1)
