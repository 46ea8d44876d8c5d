"""Small quadratic problems of a Gramian, solved exactly: over the simplex, and onto the dual cone.

Both become one of non-negative least squares. All gradients are first brought to unit length, so that no
scale of theirs matters. Where the weights are not unique, gradients that are alike get weights that are
alike, in whatever order the tasks come.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from umbel.balancing.gramian import check_gram, condition
from umbel.balancing.nnls import Array, nonnegative
from umbel.errors import BalancingError

__all__ = ["answer", "dual_cone", "simplex_minimum", "unit", "unsolved"]

_ZERO = 1e-18  # a gradient this much shorter than the longest is zero
_ROUNDING = 0.05  # what low precision may do to the eigenvalues of the products of unit gradients
_OTHER = "another balancer ('equal' always works)"


def unsolved(rule: str, gram: Tensor, remedy: str = _OTHER) -> BalancingError:
    """The error of a solver that has found no solution; it tells the Gramian's scale and condition."""
    return BalancingError(rule, found=condition(gram), remedy=remedy)


def answer(weights: Array, gram: Tensor) -> Tensor:
    """Weights as a tensor where the Gramian is, in its precision."""
    dtype = gram.dtype if gram.is_floating_point() else torch.float64
    return torch.from_numpy(weights).to(device=gram.device, dtype=dtype)


def unit(gram: Tensor) -> tuple[Array, Array]:
    """Products of the gradients at unit length [P, P], and their lengths [P].

    What rounding has made indefinite is replaced by the nearest positive semi-definite matrix.

    :param gram: [P, P] in float64 and symmetric, see :func:`~umbel.balancing.gramian.check_gram`.
    :returns: a length below 1e-18 of the longest is 0, and so are the products of that gradient.
    :raises BalancingError: no gradients have these products, however they were rounded.
    """
    G: Array = gram.numpy()
    squares = np.diagonal(G)
    lengths = np.sqrt(np.maximum(squares, 0.0))
    longest = float(lengths.max()) or 1.0
    most = np.maximum(lengths, 1e-6 * longest)
    wrong = squares.min() < 0 or np.abs(G / most[:, None] / most).max() > 1 + _ROUNDING
    lengths = np.where(lengths <= _ZERO * longest, 0.0, lengths)
    safe = np.where(lengths == 0, longest, lengths)
    C = G / safe[:, None] / safe
    if not lengths.all():
        C[lengths == 0] = C[:, lengths == 0] = 0.0
    try:
        np.linalg.cholesky(C + 1e-14 * len(C) * np.eye(len(C)))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(C)
        wrong = wrong or values[0] < -_ROUNDING
        C = (vectors * np.maximum(values, 0.0)) @ vectors.T
    if wrong:
        raise unsolved("a Gramian J J^T is positive semi-definite", gram, "the products of gradients")
    return C, lengths


def simplex_minimum(gram: Tensor) -> Tensor:
    """Weights of the shortest vector in the convex hull of the gradients: min v^T G v, v >= 0, sum v = 1.

    Where there are zero gradients they share the weight.

    :param gram: [P, P] products of the gradients, of any scale and rank.
    :returns: weights [P] in float64.
    :raises BalancingError: it is no Gramian, or no solution was found.

    Source: Wolfe 1976 for the problem and for the row of ones that makes it one of non-negative least
    squares: with t = 1 / length, v ~ t x with x >= 0 that minimises |J^T v|^2 + (sum v - 1)^2.

    >>> simplex_minimum(torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
    tensor([0.8000, 0.2000], dtype=torch.float64)
    """
    exact = check_gram(gram).cpu()
    C, lengths = unit(exact)
    zero = lengths == 0
    if zero.any():
        return torch.from_numpy(zero / zero.sum())
    t = lengths.min() / lengths
    v = t * nonnegative(C + t[:, None] * t, t[None], exact)[0]
    return torch.from_numpy(v / v.sum())


def dual_cone(gram: Tensor, floors: Tensor) -> Tensor:
    """Weights of the projections of J^T u onto the dual cone {d: J d >= 0}: min v^T G v, v >= u.

    Of several solutions a small one that treats like tasks alike; of a task without a gradient v = u.

    :param gram: [P, P] products of the gradients, of any scale and rank.
    :param floors: [N, P], each row a u >= 0.
    :returns: [N, P] in float64.
    :raises BalancingError: it is no Gramian, or no solution was found.

    Source: Quinton & Rey 2024, Proposition 1.

    >>> dual_cone(torch.tensor([[1.0, -1.0], [-1.0, 2.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([[1.0000, 0.5000]], dtype=torch.float64)
    """
    exact = check_gram(gram).cpu()
    C, lengths = unit(exact)
    V: Array = floors.detach().to("cpu", torch.float64).numpy().copy()
    some = lengths > 0
    if some.any():
        size = lengths[some] / lengths.max()
        C = C[some][:, some]
        U = V[:, some] * size
        B = -U @ C
        B[np.abs(B) <= 1e-15 * np.abs(U).sum(axis=1, keepdims=True)] = 0.0  # rounding
        V[:, some] += nonnegative(C, B, exact) / size
    return torch.from_numpy(V)
