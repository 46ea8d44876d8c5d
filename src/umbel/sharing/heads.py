"""Heads: a task's representation to its raw outputs."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["GroupEmbedding", "Head"]


class Head(nn.Module):
    """One target's raw outputs: linear in its representation, with the kind's free scalars appended.

    In the rows layout each of G groups has a head of its own, w_0 + v_g (Evgeniou & Pontil 2004): the
    common part w_0 and a deviation that starts at 0. A row of a group never seen gets w_0 alone.

    :param width_in: representation and side inputs together, D.
    :param width: raw outputs that depend on the row.
    :param free: raw outputs that are learned scalars of the task.
    :param groups: G; 0 in the columns layout.
    :param hidden: units of a hidden layer of the head; 0 for none.
    """

    def __init__(self, width_in: int, width: int, free: int, *, groups: int = 0, hidden: int = 0) -> None:
        super().__init__()
        self.width, self.free_count, self.groups = width, free, groups
        self.hidden = nn.Linear(width_in, hidden) if hidden else None
        self.width_in = hidden or width_in
        self.weight = nn.Parameter(torch.empty(width, self.width_in))
        self.bias = nn.Parameter(torch.empty(width))
        self.free = nn.Parameter(torch.empty(free)) if free else None
        self.group_weight = nn.Parameter(torch.empty(groups, width * self.width_in)) if groups else None
        self.group_bias = nn.Parameter(torch.empty(groups, width + free)) if groups else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights small, all else 0."""
        nn.init.normal_(self.weight, std=0.01)
        for parameter in (self.bias, self.free, self.group_weight, self.group_bias):
            if parameter is not None:
                nn.init.zeros_(parameter)

    @torch.no_grad()
    def start(self, raw: Tensor) -> None:
        """Begin at a constant raw output [width + free]: the best prediction without inputs."""
        self.bias.copy_(raw[: self.width])
        if self.free is not None:
            self.free.copy_(raw[self.width :])

    def forward(self, x: Tensor, group: Tensor | None = None) -> Tensor:
        """Raw outputs [B, width + free].

        :param x: [B, D].
        :param group: group of each row [B] long, -1 where unknown (rows layout).
        """
        x = x.to(self.weight.dtype)
        if self.hidden is not None:
            x = functional.relu(self.hidden(x))
        raw = functional.linear(x, self.weight, self.bias)
        if self.free is not None:
            raw = torch.cat([raw, self.free.to(raw.dtype).expand(len(raw), -1)], dim=1)
        if self.group_weight is None or group is None:
            return raw
        known = (group >= 0).to(raw.dtype)[:, None]
        place = group.clamp(min=0)
        own = functional.embedding(place, self.group_weight).view(len(x), self.width, self.width_in)
        shift = functional.embedding(place, cast(Tensor, self.group_bias))
        slope = (own * x[:, None, :]).sum(dim=2)  # [B, width, D] * [B, 1, D]
        if self.free_count:
            slope = functional.pad(slope, (0, self.free_count))
        return raw + known * (slope + shift)


class GroupEmbedding(nn.Module):
    """An embedding of the groups that joins the features (rows layout); unknown groups get the mean.

    :param groups: G.
    :param width: numbers per group.
    """

    def __init__(self, groups: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(groups, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Small normal numbers."""
        nn.init.normal_(self.weight, std=0.1)

    def forward(self, group: Tensor) -> Tensor:
        """[B] long to [B, width]."""
        own = functional.embedding(group.clamp(min=0), self.weight)
        return torch.where((group >= 0)[:, None], own, self.weight.mean(dim=0))
