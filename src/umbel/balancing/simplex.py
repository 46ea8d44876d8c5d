"""The simplex: the nearest point of it, and weights on it that are remembered."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Shares", "descend", "project_simplex"]


def project_simplex(point: Tensor) -> Tensor:
    """The point of the probability simplex that is nearest to this one.

    :param point: [P], P >= 1, finite.
    :returns: [P], not negative, adding up to 1.

    Source: Duchi et al. 2008, fig. 1 (by sorting).

    >>> project_simplex(torch.tensor([0.5, 1.0, -3.0]))
    tensor([0.2500, 0.7500, 0.0000])
    """
    point = point - point.max()  # a shift of all changes nothing; now 1 is not lost beside large numbers
    ordered = point.sort(descending=True).values
    ranks = torch.arange(1, len(point) + 1, dtype=point.dtype, device=point.device)
    levels = (ordered.cumsum(dim=0) - 1) / ranks  # what is taken from each of the r largest
    last = int((ordered > levels).sum()) - 1
    return (point - levels[last]).clamp(min=0)


def descend(shares: Tensor, products: Tensor, *, rate: float, ridge: float) -> Tensor:
    """One projected gradient step of ``shares' (products + ridge I) shares / 2`` on the simplex.

    :param shares: [P] on the simplex.
    :param products: [P, P] products of task gradients; those of two halves need not be symmetric.
    :param rate: of the step, positive.
    :param ridge: pulls the shares to equality, at least 0.
    :returns: new shares [P], on the simplex.

    >>> descend(torch.tensor([0.5, 0.5]), torch.tensor([[1.0, 0.0], [0.0, 3.0]]), rate=0.1, ridge=0.0)
    tensor([0.5500, 0.4500])
    """
    return project_simplex(shares - rate * (products @ shares + ridge * shares))


class Shares(nn.Module):
    """Shares of P tasks that add up to 1 and are remembered from step to step; equal at first.

    Tasks that are present have among themselves what they have of the whole; absent tasks keep their own.

    :param count: how many tasks, P.

    >>> shares = Shares(3)
    >>> shares.keep(torch.tensor([0, 2]), torch.tensor([0.75, 0.25], dtype=torch.float64))
    >>> shares.values
    tensor([0.5000, 0.3333, 0.1667], dtype=torch.float64)
    >>> shares.among(torch.tensor([0, 2]))
    tensor([0.7500, 0.2500], dtype=torch.float64)
    """

    values: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.full((count,), 1 / count, dtype=torch.float64))

    def among(self, place: Tensor) -> Tensor:
        """Shares among the tasks at these places [K], adding up to 1; equal where none of them has any."""
        own = self.values.to("cpu", torch.float64)[place.cpu()]
        return own / own.sum() if own.sum() > 0 else torch.full_like(own, 1 / len(own))

    def keep(self, place: Tensor, shares: Tensor) -> None:
        """Remember new shares [K] among the tasks at these places; together they keep what they had."""
        at = place.to(self.values.device)
        self.values[at] = self.values[at].sum() * shares.to(self.values)
