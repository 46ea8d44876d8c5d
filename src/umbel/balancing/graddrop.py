"""GradDrop: each coordinate of the update takes one sign, drawn by how much the tasks agree on it."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Place, Seen
from umbel.balancing.chance import Chance
from umbel.balancing.shown import present_rows
from umbel.errors import ConfigError

__all__ = ["GradDrop", "drop_signs"]


def drop_signs(jacobian: Tensor, *, leak: float = 0.0, generator: torch.Generator) -> Tensor:
    """The sum of gradients where each coordinate keeps the entries of one sign.

    The purity of a coordinate is ``(1 + sum g / sum |g|) / 2``: 1 where all tasks are positive, 0 where all
    are negative. Its positive entries are kept with this probability, else its negative ones.

    :param jacobian: [P, W].
    :param leak: the part of what is dropped that passes all the same, in [0, 1].
    :param generator: draws one number for each coordinate, on the CPU, in the precision of the Jacobian.
    :returns: the update [W].

    Source: Chen et al. 2020, algorithm 1, lines 10 to 15, with f the identity.

    >>> gradients = torch.tensor([[1.0, 1.0, 0.0], [2.0, -1.0, 0.0]])
    >>> drop_signs(gradients, generator=torch.Generator().manual_seed(0))
    tensor([ 3., -1., 0.])
    """
    size = jacobian.abs().sum(dim=0)
    purity = torch.where(size > 0, (1 + jacobian.sum(dim=0) / size) / 2, 0.5)
    drawn = torch.rand(jacobian.shape[1], generator=generator, dtype=jacobian.dtype).to(jacobian.device)
    kept = ((purity > drawn) & (jacobian > 0)) | ((purity < drawn) & (jacobian < 0))
    return torch.where(kept, jacobian, leak * jacobian).sum(dim=0)


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
        if not 0 <= leak <= 1:
            raise ConfigError(
                "the option 'leak' of 'graddrop' is a number, at least 0 and at most 1",
                found=repr(leak),
                remedy="leave it out for the default",
            )
        self.leak = leak
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
        place, rows = present_rows(seen)
        with self.chance.generator() as generator:
            return drop_signs(
                weights.to(rows)[place.to(rows.device), None] * rows, leak=self.leak, generator=generator
            )
