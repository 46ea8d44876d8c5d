"""ConFIG: one direction with equal cosines to all gradients, as long as their projections on it."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS
from umbel.balancing.cosines import cosines, equal_cosines
from umbel.balancing.gramian import GramBalancer

__all__ = ["ConFIG", "solve_config"]


def solve_config(gram: Tensor) -> Tensor:
    """Weights of the direction that has one positive cosine with all gradients.

    The direction is ``u = U^+ 1`` at the length 1, with U the unit gradients; the update is as long as
    the sum of all gradients' projections on u. Where unit gradients add up to zero there is no such u, and
    the update is 0: a task then has the mean length divided by its own. A task whose gradient is zero has
    the weight 1, for no weight of it changes the update.

    :param gram: [P, P], see :func:`~umbel.balancing.gramian.check_gram`.
    :returns: weights [P]; a weight may be negative.

    Source: Liu, Chu & Thuerey 2024, eq. 2, written in products of gradients.

    >>> solve_config(torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
    tensor([1.5000, 0.7500])
    """
    weights = torch.ones_like(gram[0])
    place, lengths, angles = cosines(gram)
    if not len(place):
        return weights
    mixture = equal_cosines(angles)
    if mixture is None:
        weights[place] = lengths.mean() / lengths
    else:
        # u is the mixture of unit gradients over its norm, whose square is mixture @ reached
        reached = angles @ mixture
        weights[place] = (lengths @ reached) / (mixture @ reached) * mixture / lengths
    return weights


@BALANCERS.register("config", source="Liu, Chu & Thuerey 2024, eq. 2")
class ConFIG(GramBalancer):
    """A direction with the same positive cosine to each task's gradient."""

    name: ClassVar[str] = "config"

    def solve(self, gram: Tensor) -> Tensor:
        """See :func:`solve_config`."""
        return solve_config(gram)
