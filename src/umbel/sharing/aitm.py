"""Adaptive information transfer: along a chain of targets, each tower hears of the one before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.sharing.naming import module_name
from umbel.sharing.sharing import SHARINGS, Tensors
from umbel.sharing.towers import Towers

__all__ = ["AdaptiveTransfer", "Transfer", "behavioural_calibration"]


def behavioural_calibration(p_before: Tensor, p_after: Tensor) -> Tensor:
    """How far a later probability exceeds the earlier one, elementwise: max(p_after - p_before, 0).

    Who converts has clicked, so a conversion is at most as probable as a click. The mean over the rows,
    summed over the steps of a chain and times a weight (the paper takes 0.6), joins the loss.

    :param p_before: probabilities of the earlier target, any shape.
    :param p_after: probabilities of the later target, the same shape.

    Source: Xi et al. 2021, the behavioural expectation calibrator.

    >>> behavioural_calibration(torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75]))
    tensor([0.0000, 0.2500])
    """
    return functional.relu(p_after - p_before)


class Transfer(nn.Module):
    """Attention over two vectors: what the target before hands on, and what the own tower found.

    With p = g(z of the target before) and the own q: each u of them has the score
    <h2(u), h3(u)> / sqrt(D), and the answer is the softmax-weighted sum of h1(p) and h1(q).

    :param width: D.

    Source: Xi et al. 2021, the AIT module.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.handed = nn.Linear(width, width)  # g
        self.value, self.query, self.key = (nn.Linear(width, width) for _ in range(3))  # h1, h2, h3

    def forward(self, before: Tensor, own: Tensor) -> Tensor:
        """[B, D] and [B, D] to [B, D].

        :param before: z of the target before.
        :param own: q, the own tower's output.
        """
        u = torch.stack([self.handed(before), own.to(self.value.weight.dtype)], dim=1)  # [B, 2, D]
        score = (self.query(u) * self.key(u)).sum(dim=2) / math.sqrt(u.shape[2])  # [B, 2]
        weight = score.softmax(dim=1)[:, :, None]  # [B, 2, 1]
        z: Tensor = (weight * self.value(u)).sum(dim=1)
        return z


@SHARINGS.register("aitm", source="Xi et al. 2021, Adaptive information transfer multi-task framework")
class AdaptiveTransfer(Towers):
    """Towers over common stages; along a chain each attends to its own and to the target's before.

    For audiences that narrow step by step: shown, clicked, applied, approved. A target outside the chain
    has its tower alone.

    :param chain: targets, the earliest first. By default all of them, sorted by name: an arbitrary chain,
        but one that does not depend on the order in which the targets were given.
    :param common: see :class:`~umbel.sharing.towers.Towers`; 0, only the encoders shared, is the paper's.
    :raises ConfigError: the chain names no target, or one twice, or fewer than two.
    """

    name: ClassVar[str] = "aitm"

    def __init__(
        self,
        width_in: int | Sequence[int],
        targets: Sequence[str],
        *,
        chain: Sequence[str] | None = None,
        common: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(width_in, targets, chain=chain, common=common, **options)
        self.chain = self.chain or tuple(sorted(targets))
        self.transfers = nn.ModuleDict({module_name(t): Transfer(self.out) for t in self.chain[1:]})

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The target's tower, and with it what came down the chain.

        The towers before it run again for each target, so that its loss reaches the shared features by
        way of its own copy of them.
        """
        way = self.chain[: self.chain.index(target) + 1] if target in self.chain else (target,)
        z = self.tower(shared, way[0])
        for later in way[1:]:
            z = self.transfers[module_name(later)](z, self.tower(shared, later))
        return z
