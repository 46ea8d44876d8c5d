"""Cosines between task gradients: which of them are told apart, and what leans on all of them alike."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["TOLERANCE", "cosines", "equal_cosines", "rank"]

TOLERANCE = 1e-6
"""Eigenvalues below this part of the largest are rounding: products of gradients in float32 hold no more."""


def cosines(gram: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The cosines between the gradients that are not zero.

    :param gram: [P, P], see :func:`~umbel.balancing.gramian.check_gram`.
    :returns: the places [R] of the tasks whose gradient is not zero, the lengths of these gradients [R],
        and their cosines [R, R].
    """
    place = torch.nonzero(gram.diagonal() > 0).flatten()
    lengths = gram.diagonal()[place].sqrt()
    angles = gram[place][:, place] / lengths[:, None] / lengths[None, :]
    return place, lengths, angles.clamp(-1, 1)  # beyond is rounding


def _directions(angles: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues [K] and vectors [R, K] of what is no rounding."""
    values, vectors = torch.linalg.eigh(angles)
    kept = values > TOLERANCE * values[-1]
    return values[kept], vectors[:, kept]


def rank(angles: Tensor) -> int:
    """How many directions the gradients span; a short gradient counts as much as a long one.

    :param angles: cosines [R, R].

    >>> rank(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
    1
    """
    return len(_directions(angles)[0])


def equal_cosines(angles: Tensor) -> Tensor | None:
    """The mixture of unit gradients that has the same cosine with each of them.

    It solves ``angles @ mixture = 1``. Where unit gradients depend on each other it is the least-squares
    solution of smallest norm, by the pseudo-inverse.

    :param angles: cosines [R, R], R >= 1.
    :returns: the mixture [R], up to a positive factor; None where the unit gradients add up to zero: then
        each direction that leans on one of them leans against another.

    >>> equal_cosines(torch.tensor([[1.0, 0.5], [0.5, 1.0]]))
    tensor([0.6667, 0.6667])
    >>> equal_cosines(torch.tensor([[1.0, -1.0], [-1.0, 1.0]])) is None
    True
    """
    values, vectors = _directions(angles)
    along = vectors.sum(dim=0)  # the vector of ones, in the directions that are kept
    if along.square().sum() <= 1e-10 * len(angles):
        return None
    return vectors @ (along / values)
