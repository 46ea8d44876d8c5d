"""Balancers that are functions of the Gramian: solve(gram) -> weights, apart from how gradients are taken."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import Balancer, Need, Seen
from umbel.errors import BalancingError

__all__ = ["GramBalancer", "check_gram", "condition", "finite_weights"]


def check_gram(gram: Tensor) -> Tensor:
    """A Gramian that may be solved: square, finite, in float64 and symmetric to the last bit.

    :param gram: [P, P].
    :raises BalancingError: it is not square, or not finite.
    """
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or not len(gram):
        raise BalancingError(
            "a Gramian of P task gradients has the shape [P, P]",
            found=f"shape {list(gram.shape)}",
            remedy="J @ J.T",
        )
    exact = gram.detach().to(torch.float64)
    if not torch.isfinite(exact).all():
        rows = torch.nonzero(~torch.isfinite(exact).all(dim=1)).flatten().tolist()
        raise BalancingError(
            "the products of task gradients must be finite",
            found=f"infinite or NaN in the rows of the tasks {rows}",
            remedy="a smaller learning rate, or clip: 1",
        )
    return (exact + exact.T) / 2


def condition(gram: Tensor) -> str:
    """What a message tells of a Gramian: its size, its scale and its condition."""
    values = torch.linalg.eigvalsh(gram)
    low, high = float(values[0]), float(values[-1])
    ratio = "infinite" if low <= 0 else f"{high / low:.3g}"
    return f"a Gramian of {len(gram)} tasks, eigenvalues {low:.3g} to {high:.3g}, condition {ratio}"


def finite_weights(method: str, weights: Tensor, gram: Tensor) -> Tensor:
    """The weights that a solver has found.

    :param method: the balancer's name.
    :param weights: [P].
    :param gram: [P, P], of which a message tells.
    :raises BalancingError: they are not finite.
    """
    if not torch.isfinite(weights).all():
        raise BalancingError(
            f"the solver of '{method}' must find finite weights",
            found=condition(gram),
            remedy="another balancer ('equal' always works), or clip: 1",
        )
    return weights


class GramBalancer(Balancer):
    """A balancer whose weights follow from the Gramian of the task gradients.

    ``solve`` is given a Gramian of the present tasks alone, in float64 and symmetric, of any scale and
    rank; a single present task has the weight 1 without it.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"gramian"})

    @abstractmethod
    def solve(self, gram: Tensor) -> Tensor:
        """Weights [P] of tasks whose gradients have these products [P, P] (see ``check_gram``)."""

    def forward(self, seen: Seen) -> Tensor:
        """Weights of the present tasks; 0 for the others."""
        assert seen.gram is not None, "a step gives the Gramian to those that need it"
        place = torch.nonzero(seen.present).flatten()
        weights = torch.zeros(self.count, dtype=torch.float64, device=seen.gram.device)
        if len(place) == 1:
            weights[place] = 1.0
        elif len(place) > 1:
            gram = check_gram(seen.gram[place][:, place])
            weights[place] = self.among(place, gram.cpu()).to(weights.device)
        return weights

    def all_places(self) -> Tensor:
        """The places of all tasks, [P]."""
        return torch.arange(self.count)

    def among(self, place: Tensor, gram: Tensor) -> Tensor:
        """``solve`` for the tasks at these places; balancers with a memory per task look at ``place``.

        :raises BalancingError: the solver has failed.
        """
        return finite_weights(self.name, self.solve(gram), gram)
