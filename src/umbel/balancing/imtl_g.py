"""IMTL-G: the update has the same projection on each task's gradient."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Neutral
from umbel.balancing.cosines import cosines, equal_cosines
from umbel.balancing.gramian import GramBalancer, condition
from umbel.errors import BalancingError

__all__ = ["IMTLG", "solve_imtl_g"]


def solve_imtl_g(gram: Tensor) -> Tensor:
    """Weights, adding up to 1, whose update has equal projections on all unit gradients.

    A weight may be negative, and so may the common projection when lengths are very unequal: the paper's
    equation does not hold them. A task whose gradient is zero keeps the share 1/P, for no weight of it
    changes the update.

    :param gram: [P, P], see :func:`~umbel.balancing.gramian.check_gram`.
    :returns: weights [P], adding up to 1.
    :raises BalancingError: no weights with equal projections add up to 1.

    Source: Liu et al. 2021, sec. 3.1; by the pseudo-inverse where gradients depend on each other, as in
    Quinton & Rey 2024.

    >>> solve_imtl_g(torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
    tensor([0.6667, 0.3333])
    """
    weights = torch.full_like(gram[0], 1 / len(gram))
    place, lengths, angles = cosines(gram)
    if not len(place):
        return weights
    mixture = equal_cosines(angles)
    # unit gradients that add up to zero: their plain sum has the projection 0 on each
    raw = 1 / lengths if mixture is None else mixture / lengths
    total = raw.sum()
    if total.abs() <= 1e-12 * raw.abs().sum():
        raise BalancingError(
            "the weights of 'imtl_g' must add up to 1",
            found=f"they add up to zero for {condition(gram)}",
            remedy="another balancer, such as 'config', which has no such rule",
        )
    weights[place] = raw / total * (len(place) / len(gram))
    return weights


@BALANCERS.register("imtl_g", source="Liu et al. 2021, sec. 3.1 (IMTL-G)")
class IMTLG(GramBalancer):
    """Equal projections of the update on the unit gradients of all tasks."""

    name: ClassVar[str] = "imtl_g"
    neutral: ClassVar[Neutral] = "mean"

    def solve(self, gram: Tensor) -> Tensor:
        """See :func:`solve_imtl_g`."""
        return solve_imtl_g(gram)
