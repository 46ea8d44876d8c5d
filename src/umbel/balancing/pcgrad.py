"""PCGrad: what of a gradient goes against another task's is taken away, one task after another."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS
from umbel.balancing.chance import Chance
from umbel.balancing.gramian import GramBalancer

__all__ = ["PCGrad", "random_orders", "solve_pcgrad"]


def random_orders(count: int, *, generator: torch.Generator) -> Tensor:
    """For each task all others, in a random order.

    :param count: how many tasks, P.
    :returns: [P, P - 1] places; no row has its own.
    """
    orders = torch.stack([torch.randperm(count - 1, generator=generator) for _ in range(count)])
    return orders + (orders >= torch.arange(count)[:, None])


def solve_pcgrad(gram: Tensor, *, generator: torch.Generator) -> Tensor:
    """Weights of the sum of gradients, each projected away from those it conflicts with.

    For each task i, and each other task j in a random order: where ``g_i' g_j < 0``, g_i becomes
    ``g_i - (g_i' g_j / |g_j|^2) g_j``. All tasks go through their orders side by side.

    :param gram: [P, P], see :func:`~umbel.balancing.gramian.check_gram`.
    :param generator: draws the orders, on the CPU; they matter for P > 2 alone.
    :returns: weights [P], each at least 1.

    Source: Yu et al. 2020, algorithm 1.

    >>> solve_pcgrad(torch.tensor([[1.0, -1.0], [-1.0, 4.0]]), generator=torch.Generator())
    tensor([2.0000, 1.2500])
    """
    table, count = gram.numpy(), len(gram)
    others = random_orders(count, generator=generator).numpy().T  # [P - 1, P]: whom each task meets, and when
    at = np.arange(count) * count + others
    squares = table.diagonal()
    inverse = np.divide(1, squares, out=np.zeros_like(squares), where=squares > np.finfo(table.dtype).tiny)[
        others
    ]
    met = table[others]  # [P - 1, P, P]
    products = table.copy()  # row i: of the gradient of task i as it is by now with all given ones
    mixes = np.eye(count, dtype=table.dtype)
    for k in range(count - 1):
        taken = np.minimum(products.take(at[k]), 0) * inverse[k]
        products -= taken[:, None] * met[k]
        mixes.put(at[k], -taken)
    return torch.from_numpy(mixes.sum(axis=0))


@BALANCERS.register("pcgrad", source="Yu et al. 2020, algorithm 1")
class PCGrad(GramBalancer):
    """Each gradient is projected away from those it conflicts with, in a random order."""

    name: ClassVar[str] = "pcgrad"

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.chance = Chance()

    def start(self, seed: int) -> None:
        """Seed the orders."""
        self.chance.start(seed)

    def solve(self, gram: Tensor) -> Tensor:
        """See :func:`solve_pcgrad`."""
        with self.chance.generator() as generator:
            return solve_pcgrad(gram, generator=generator)
