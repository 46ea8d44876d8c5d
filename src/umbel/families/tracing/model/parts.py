"""Parts that several networks of sequences are made of."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SPAN", "Cell", "SetEmbedding", "read_through", "recurrent", "shifted"]

Cell = Literal["lstm", "gru"]

SPAN = 512
"""Steps through which gradients flow back; the state flows on without end."""


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


def read_through(layer: nn.Module, x: Tensor, *, span: int = SPAN) -> Tensor:
    """The outputs of a recurrent layer, [B, T, width]; gradients flow back through ``span`` steps at most.

    Source: Williams & Peng 1990; here each part begins with the state of the one before, held constant.

    :param x: [B, T, D].
    """
    if x.shape[1] <= span or not torch.is_grad_enabled():
        found: Tensor = layer(x)[0]
        return found
    parts, state = [], None
    for part in torch.split(x, span, dim=1):
        out, state = layer(part) if state is None else layer(part, state)
        state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        parts.append(out)
    return torch.cat(parts, dim=1)
