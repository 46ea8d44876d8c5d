"""Weights of a Gramian by the name of the method."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS
from umbel.balancing.gramian import GramBalancer, check_gram
from umbel.balancing.making import make
from umbel.errors import ConfigError, near

__all__ = ["solve"]


def solve(method: str, gram: Tensor, **options: Any) -> Tensor:
    """Weights of P tasks from the Gramian of their gradients.

    :param method: a balancer that is a function of the Gramian (``umbel methods balancer``).
    :param gram: [P, P] products of the task gradients, symmetric, positive semi-definite, of any scale.
    :param options: keyword options of the method; ``seed`` for those that draw.
    :returns: weights [P], as the paper of the method has them, in the precision of ``gram`` (float64 for
        whole numbers).
    :raises ConfigError: no such method, or it is none that needs the Gramian alone.
    :raises BalancingError: the Gramian is not square or not finite, or the solver has failed.

    >>> solve("mgda", torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
    tensor([0.8000, 0.2000])
    """
    form = BALANCERS.get(method)
    if not issubclass(form, GramBalancer):
        found = [entry.name for entry in BALANCERS if issubclass(entry.item, GramBalancer)]
        raise ConfigError(
            "only functions of the Gramian can be solved for one",
            found=f"'{method}', which needs {', '.join(sorted(form.needs)) or 'nothing'}",
            remedy=near(method, found),
        )
    exact = check_gram(gram)
    seed = options.pop("seed", 0)
    balancer = cast(GramBalancer, make(method, len(exact), seed=seed, options=options))
    weights = balancer.among(balancer.all_places(), exact.cpu())
    dtype = gram.dtype if gram.is_floating_point() else torch.float64
    return weights.to(device=gram.device, dtype=dtype)
