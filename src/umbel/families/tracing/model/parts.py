"""Parts that several networks of sequences are made of."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Cell", "SetEmbedding", "recurrent", "shifted"]

Cell = Literal["lstm", "gru"]


class SetEmbedding(nn.Module):
    """The mean embedding of a set of concepts; an empty set is the zero vector.

    :param count: C concepts, numbered from 1; 0 fills up.
    :param width: D.
    """

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count + 1, width))
        nn.init.normal_(self.weight, std=width**-0.5)
        with torch.no_grad():
            self.weight[0] = 0.0

    def forward(self, concepts: Tensor) -> Tensor:
        """[B, T, K] long, filled with 0, to [B, T, D]."""
        if concepts.shape[-1] == 1:
            found = functional.embedding(concepts[..., 0], self.weight)
            return found * (concepts > 0)
        found = functional.embedding_bag(concepts.flatten(0, -2), self.weight, mode="mean", padding_idx=0)
        return found.view(*concepts.shape[:-1], -1)


def shifted(x: Tensor) -> Tensor:
    """What stands before each step: the step's forerunner, zeros before the first, [B, T, D]."""
    return functional.pad(x[:, :-1], (0, 0, 1, 0))


def recurrent(cell: Cell, width_in: int, width: int) -> nn.Module:
    """A recurrent layer, [B, T, D] to [B, T, width]; a forget gate begins open (Jozefowicz et al. 2015)."""
    if cell == "gru":
        return nn.GRU(width_in, width, batch_first=True)
    layer = nn.LSTM(width_in, width, batch_first=True)
    with torch.no_grad():
        layer.get_parameter("bias_ih_l0")[width : 2 * width] = 1.0
    return layer
