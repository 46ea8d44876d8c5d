"""Aligned-MTL: the principal components of the gradients are brought to one length."""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Neutral
from umbel.balancing.cosines import cosines, rank
from umbel.balancing.gramian import GramBalancer
from umbel.errors import ConfigError, near

__all__ = ["AlignedMTL", "Scale", "solve_aligned_mtl"]

Scale = Literal["min", "median", "rmse"]
"""The common length: the smallest singular value (the paper's), the median one (the lower of two), or the
root of their mean square."""


def solve_aligned_mtl(gram: Tensor, *, scale: Scale = "min") -> Tensor:
    """Weights of the mean of gradients after all their singular values were made equal.

    With ``gram = V diag(s^2) V'`` the weights are ``c V diag(1/s) V' 1/P``, c the common length. Directions
    that are rounding are left out. A task whose gradient is zero keeps the share 1/P, for no weight of it
    changes the update.

    :param gram: [P, P], see :func:`~umbel.balancing.gramian.check_gram`.
    :param scale: the common length, see ``Scale``.
    :returns: weights [P]; a weight may be negative.

    Source: Senushkin et al. 2023, algorithm 1, with equal preferences 1/P.

    >>> solve_aligned_mtl(torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
    tensor([0.5000, 0.2500])
    """
    weights = torch.full_like(gram[0], 1 / len(gram))
    place, _, angles = cosines(gram)
    if not len(place):
        return weights
    values, vectors = torch.linalg.eigh(gram[place][:, place])
    # how many are kept is seen in the cosines: a gradient may be short and yet a direction of its own
    kept = torch.arange(len(values)) >= len(values) - rank(angles)
    kept &= values > len(values) * torch.finfo(values.dtype).eps * values[-1]
    values, vectors = values[kept], vectors[:, kept]
    common = {"min": values[0], "median": values.median(), "rmse": values.mean()}[scale]
    weights[place] = vectors @ ((common / values).sqrt() * (vectors.T @ weights[place]))
    return weights


@BALANCERS.register("aligned_mtl", source="Senushkin et al. 2023, algorithm 1")
class AlignedMTL(GramBalancer):
    """The gradients' principal components, all brought to one length.

    :param scale: the common length: ``min``, ``median`` or ``rmse`` of the singular values.
    """

    name: ClassVar[str] = "aligned_mtl"
    neutral: ClassVar[Neutral] = "mean"

    def __init__(self, count: int, *, scale: Scale = "min") -> None:
        super().__init__(count)
        if scale not in get_args(Scale):
            raise ConfigError(
                "the scale of 'aligned_mtl' must be one there is",
                found=f"{scale!r}",
                remedy=near(scale, get_args(Scale)),
            )
        self.scale: Scale = scale

    def solve(self, gram: Tensor) -> Tensor:
        """See :func:`solve_aligned_mtl`."""
        return solve_aligned_mtl(gram, scale=self.scale)
