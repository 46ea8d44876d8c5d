"""Experts, and the gates that say how much of each goes into a mix."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Experts", "Gate", "aside", "mean_over", "mix"]


def aside(h: Tensor) -> Tensor:
    """The same numbers at a place of their own in the graph, for a gate that looks at them.

    What an architecture hands out as shared must not depend on each other: a gradient at ``h`` itself
    would hold also what comes back through all else that was made of ``h``, and it would count twice.

    :param h: any tensor.
    """
    return h.view_as(h)


def mean_over(h: Tensor, *, keep: Collection[int]) -> Tensor:
    """Means over all axes but some.

    :param h: any tensor.
    :param keep: the axes that stay.

    >>> mean_over(torch.ones(2, 3, 4, 4), keep=(0, 1)).shape
    torch.Size([2, 3])
    """
    gone = [axis for axis in range(h.ndim) if axis not in keep]
    return h.mean(dim=gone) if gone else h


def mix(shares: Tensor, experts: Tensor) -> Tensor:
    """The experts' outputs, each counted by its share.

    :param shares: [B, E]; [1, E] when they are the same for all rows.
    :param experts: [B, E, ...].
    :returns: [B, ...].

    >>> mix(torch.tensor([[0.25, 0.75]]), torch.tensor([[[0.0], [4.0]]]))
    tensor([[3.]])
    """
    return torch.einsum("be,be...->b...", shares.expand(len(experts), -1), experts)


class Gate(nn.Linear):
    """softmax(W x + b): the shares of E experts in a row, [B, D] to [B, E].

    It starts with the same share for each expert. The papers have no b; with it a gate may prefer an
    expert whatever the row is, also where features are few or all 0.

    Source: Jacobs et al. 1991; one for each task, Ma et al. 2018.
    """

    def reset_parameters(self) -> None:
        """Zeros."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """[B, D] to [B, E], each row sums to 1."""
        return functional.softmax(super().forward(input.to(self.weight.dtype)), dim=1)


class Experts(nn.ModuleList):
    """E modules of one form over the same rows.

    :param experts: the modules; each maps [B, ...] to [B, ...].
    """

    def __init__(self, experts: Iterable[nn.Module]) -> None:
        super().__init__(experts)

    def forward(self, x: Tensor) -> Tensor:
        """[B, ...] to [B, E, ...]."""
        return torch.stack([expert(x) for expert in self], dim=1)
