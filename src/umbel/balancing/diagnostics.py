"""How task gradients agree: their cosines, how many pairs conflict, their lengths. Of a Gramian alone."""

from __future__ import annotations

import torch
from torch import Tensor

from umbel.errors import BalancingError

__all__ = ["conflict_share", "cosine_matrix", "gradient_norms"]


def _squares(gram: Tensor) -> Tensor:
    """The diagonal in float64, NaN where it is no length.

    :raises BalancingError: the Gramian is not square.
    """
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1]:
        raise BalancingError(
            "a Gramian of P task gradients has the shape [P, P]",
            found=f"shape {list(gram.shape)}",
            remedy="J @ J.T",
        )
    squares = gram.detach().diagonal().double()
    return torch.where(torch.isfinite(squares), squares, torch.nan)


def gradient_norms(gram: Tensor) -> Tensor:
    """The length of each gradient.

    :param gram: products of the task gradients, [P, P].
    :returns: [P] float64, >= 0; NaN where a gradient is not finite.
    :raises BalancingError: the Gramian is not square.

    >>> gradient_norms(torch.tensor([[4.0, 0.0], [0.0, 9.0]])).tolist()
    [2.0, 3.0]
    """
    return _squares(gram).clamp(min=0).sqrt()


def cosine_matrix(gram: Tensor) -> Tensor:
    """The cosine of each pair of gradients: 1 where they pull alike, below 0 where they conflict.

    A gradient that is zero, or not finite, has no direction: its cosines are undefined.

    :param gram: products of the task gradients, [P, P].
    :returns: [P, P] float64 in [-1, 1], NaN where undefined; 1 on the diagonal.
    :raises BalancingError: the Gramian is not square.

    Source: conflicting gradients, Yu et al. 2020, definition 1.

    >>> cosine_matrix(torch.tensor([[1.0, -1.0, 0.0], [-1.0, 4.0, 0.0], [0.0, 0.0, 0.0]])).tolist()
    [[1.0, -0.5, nan], [-0.5, 1.0, nan], [nan, nan, nan]]
    """
    lengths = gradient_norms(gram)
    lengths = torch.where(lengths > 0, lengths, torch.nan)
    found = gram.detach().double() / lengths[:, None] / lengths[None, :]  # NaN goes through
    found = torch.where(torch.isfinite(found), found.clamp(-1, 1), torch.nan)  # beyond is rounding
    own = found.diagonal()
    own[torch.isfinite(own)] = 1.0
    return found


def conflict_share(cosines: Tensor) -> float | None:
    """The share of pairs of tasks whose gradients conflict: with a cosine below 0.

    :param cosines: [P, P] as :func:`cosine_matrix` gives them.
    :returns: in [0, 1], of the pairs that have a cosine; None where no pair has one.

    Source: Yu et al. 2020, definition 1.

    >>> conflict_share(cosine_matrix(torch.tensor([[1.0, -1.0], [-1.0, 4.0]])))
    1.0
    >>> conflict_share(torch.eye(1)) is None
    True
    """
    rows, columns = torch.triu_indices(len(cosines), len(cosines), offset=1)
    pairs = cosines[rows, columns]
    known = pairs[torch.isfinite(pairs)]
    return float((known < 0).double().mean()) if len(known) else None
