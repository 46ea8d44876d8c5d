"""GradVac: gradients are turned towards each other, up to the cosine they usually have."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS
from umbel.balancing.chance import Chance
from umbel.balancing.gramian import GramBalancer, finite_weights
from umbel.balancing.options import number
from umbel.balancing.pcgrad import random_orders

__all__ = ["GradVac", "solve_gradvac"]

HIGHEST = 1 - 1e-6
"""No pair is turned to a cosine above this: to turn one gradient fully onto another takes an infinite
weight."""


def solve_gradvac(
    gram: Tensor, target: Tensor, *, beta: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Weights of the sum of gradients, each turned towards the others, and the remembered cosines after.

    For each task i, and each other task j in a random order: where the cosine c of g_i (as it is by then)
    and g_j is below the target t, g_i gains ``|g_i| (t s(c) - c s(t)) / (|g_j| s(t))`` times g_j, with
    ``s(x) = sqrt(1 - x^2)``: its cosine is then t. Each target then moves to c by the part ``beta``. A pair
    with a gradient of zero has no cosine: it is passed over.

    :param gram: [P, P], see :func:`~umbel.balancing.gramian.check_gram`.
    :param target: [P, P] remembered cosines, of task i (row) with task j; 0 at first.
    :param beta: how fast targets follow, in [0, 1].
    :param generator: draws the orders, on the CPU.
    :returns: weights [P], each at least 1, and the new target [P, P].

    Source: Wang et al. 2021, algorithm 1.

    >>> gram, draws = torch.tensor([[1.0, -1.0], [-1.0, 4.0]]), torch.Generator()
    >>> solve_gradvac(gram, torch.zeros(2, 2), beta=0.5, generator=draws)  # a target of 0: as PCGrad
    (tensor([2.0000, 1.2500]), tensor([[ 0.0000, -0.2500], [-0.2500, 0.0000]]))
    """
    table, count = gram.numpy(), len(gram)
    others = random_orders(count, generator=generator).numpy().T  # [P - 1, P]: whom each task meets, and when
    at = np.arange(count) * count + others
    lengths = np.sqrt(table.diagonal().clip(min=0))
    length, aim = lengths[others], target.numpy().take(at)
    held = aim.clip(max=HIGHEST)
    height = np.sqrt(1 - held**2)
    scale = np.divide(1, length * height, out=np.zeros_like(aim), where=length * height > 0)
    across, along = held * scale, height * scale
    met, cosines, told = table[others], np.zeros_like(aim), length > 0
    products = table.copy()  # row i: of the gradient of task i as it is by now with all given ones
    mixes, squares, size = np.eye(count, dtype=table.dtype), lengths**2, lengths.copy()
    for k in range(count - 1):
        now, own = products.take(at[k]), np.sqrt(np.maximum(squares, 0))
        # a gradient that its mixture has cancelled is zero up to rounding, and has no direction
        told[k] &= own > 1e-6 * size
        np.divide(now, own * length[k], out=cosines[k], where=told[k])
        cosine = np.minimum(np.maximum(cosines[k], -1), 1, out=cosines[k])
        gain = own * np.maximum(across[k] * np.sqrt(1 - cosine * cosine) - cosine * along[k], 0) * told[k]
        products += gain[:, None] * met[k]
        mixes.put(at[k], gain)
        longer = gain * length[k]
        squares += 2 * gain * now + longer * longer
        size += longer
    after = target.numpy().copy()
    after.put(at, np.where(told, (1 - beta) * aim + beta * cosines, aim))
    return torch.from_numpy(mixes.sum(axis=0)), torch.from_numpy(after)


@BALANCERS.register("gradvac", source="Wang et al. 2021, algorithm 1")
class GradVac(GramBalancer):
    """Each gradient is turned towards those whose cosine with it is below what it usually is.

    :param beta: how fast the remembered cosines follow those of the step, in [0, 1]; the paper's value
        is 0.01.
    """

    name: ClassVar[str] = "gradvac"
    target: Tensor

    def __init__(self, count: int, *, beta: float = 0.01) -> None:
        super().__init__(count)
        self.beta = number(self.name, "beta", beta, least=0, most=1)
        self.chance = Chance()
        self.register_buffer("target", torch.zeros(count, count, dtype=torch.float64))

    def start(self, seed: int) -> None:
        """Seed the orders."""
        self.chance.start(seed)

    def solve(self, gram: Tensor) -> Tensor:
        """Weights of all P tasks, with the memory of all."""
        return self.among(self.all_places(), gram)

    def among(self, place: Tensor, gram: Tensor) -> Tensor:
        """Weights of the tasks at these places; what is remembered of all others stays.

        :raises BalancingError: the weights are not finite.
        """
        rows, columns = place[:, None].cpu(), place[None, :].cpu()
        before = self.target.to("cpu", gram.dtype)[rows, columns]
        with self.chance.generator() as generator:
            weights, after = solve_gradvac(gram, before, beta=self.beta, generator=generator)
        finite_weights(self.name, weights, gram)
        self.target[rows.to(self.target.device), columns.to(self.target.device)] = after.to(self.target)
        return weights
