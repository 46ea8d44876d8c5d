"""GradDrop: each coordinate of the update takes one sign, drawn by how much the tasks agree on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Place, Seen
from umbel.balancing.chance import Chance
from umbel.balancing.matrices import pieces
from umbel.balancing.options import number
from umbel.balancing.shown import present_rows

__all__ = ["GradDrop", "drop_signs"]


def drop_signs(
    jacobian: Tensor,
    *,
    weights: Tensor | None = None,
    place: Tensor | None = None,
    leak: float = 0.0,
    generator: torch.Generator,
) -> Tensor:
    """The sum of gradients where each coordinate keeps the entries of one sign.

    The purity of a coordinate is ``(1 + sum g / sum |g|) / 2``: 1 where all tasks are positive, 0 where all
    are negative. Its positive entries are kept with this probability, else its negative ones.

    :param jacobian: [P, W].
    :param weights: [P], of the gradients; ones where None.
    :param place: [K], of the tasks that take part; all where None.
    :param leak: the part of what is dropped that passes all the same, in [0, 1].
    :param generator: draws one number for each coordinate, on the CPU, in the precision of the Jacobian.
    :returns: the update [W].

    Source: Chen et al. 2020, algorithm 1, lines 10 to 15, with f the identity.

    >>> gradients = torch.tensor([[1.0, 1.0, 0.0], [2.0, -1.0, 0.0]])
    >>> drop_signs(gradients, generator=torch.Generator().manual_seed(0))
    tensor([ 3., -1., 0.])
    """
    each = range(len(jacobian)) if place is None else place.tolist()
    scale = [1.0] * len(jacobian) if weights is None else weights.tolist()
    update = jacobian.new_empty(jacobian.shape[1])
    for some in pieces(len(update), 8, jacobian.device):
        positive, negative = _signed_sums(jacobian[:, some], each, scale)
        drawn = torch.rand(len(positive), generator=generator, dtype=positive.dtype).to(positive.device)
        drawn *= positive - negative
        sign = torch.gt(positive, drawn, out=drawn)  # 1 where the purity is above what was drawn
        kept = torch.lerp(negative, positive, sign, out=update[some])  # a choice without a branch
        if leak:
            kept.lerp_(positive + negative, leak)
    return update


def _signed_sums(part: Tensor, each: Iterable[int], scale: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Sums of the entries above 0 and of those below, of rows times their scale."""
    positive, negative, one = (torch.zeros_like(part[0]) for _ in range(3))
    for p in each:
        up, down = (positive, negative) if scale[p] > 0 else (negative, positive)
        up.add_(torch.clamp(part[p], min=0, out=one), alpha=scale[p])
        down.add_(torch.clamp(part[p], max=0, out=one), alpha=scale[p])
    return positive, negative


@BALANCERS.register("graddrop", source="Chen et al. 2020, algorithm 1")
class GradDrop(Balancer):
    """Each coordinate of the update takes the entries of one sign, drawn by its purity.

    The paper drops at a layer of features; here it is done where tasks meet in the end, at the shared
    parameters.

    :param leak: the part of what is dropped that passes all the same, in [0, 1].
    """

    name: ClassVar[str] = "graddrop"
    needs: ClassVar[frozenset[Need]] = frozenset({"jacobian"})
    places: ClassVar[frozenset[Place]] = frozenset({"parameters"})

    def __init__(self, count: int, *, leak: float = 0.0) -> None:
        super().__init__(count)
        self.leak = number(self.name, "leak", leak, least=0, most=1)
        self.chance = Chance()

    def start(self, seed: int) -> None:
        """Seed the signs."""
        self.chance.start(seed)

    def forward(self, seen: Seen) -> Tensor:
        """Ones for the present tasks, [P]: what is dropped is dropped in ``direction``."""
        return seen.present.to(seen.losses)

    def direction(self, seen: Seen, weights: Tensor) -> Tensor:
        """The update [W] of the present tasks, each gradient times its weight.

        :raises BalancingError: a gradient is not finite.
        """
        place, jacobian = present_rows(seen)
        with self.chance.generator() as generator:
            return drop_signs(jacobian, weights=weights, place=place, leak=self.leak, generator=generator)
