"""What is computed among the present tasks alone; absent tasks get 0 and have no say."""

from __future__ import annotations

import torch
from torch import Tensor

from umbel.balancing.gramian import check_gram

__all__ = ["norms_among", "softmax_among"]


def softmax_among(logits: Tensor, present: Tensor) -> Tensor:
    """Softmax over the present tasks.

    :param logits: [P].
    :param present: [P] bool.
    :returns: [P], float64, adding up to 1; 0 for the absent, and all 0 where none is present.

    >>> softmax_among(torch.zeros(3), torch.tensor([True, True, False]))
    tensor([0.5000, 0.5000, 0.0000], dtype=torch.float64)
    """
    among = logits.to(torch.float64).masked_fill(~present, -torch.inf)
    return torch.where(present, torch.softmax(among, dim=0), 0.0)


def norms_among(gram: Tensor, present: Tensor) -> Tensor:
    """Norms of the present tasks' gradients.

    :param gram: [P, P] products of the task gradients.
    :param present: [P] bool.
    :returns: [P], float64; 0 for the absent.
    :raises BalancingError: products of present tasks are not finite.

    >>> norms_among(torch.tensor([[4.0, 1.0], [1.0, 9.0]]), torch.tensor([False, True]))
    tensor([0., 3.], dtype=torch.float64)
    """
    place = torch.nonzero(present).flatten()
    norms = torch.zeros(len(present), dtype=torch.float64, device=gram.device)
    if len(place):
        norms[place] = check_gram(gram[place][:, place]).diagonal().clamp(min=0).sqrt()
    return norms
