"""Auto-lambda: the weights descend on the validation loss that a step would lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Balancer, Need, Place, Seen
from umbel.balancing.options import number
from umbel.balancing.own_adam import OwnAdam
from umbel.errors import BalancingError, ConfigError

__all__ = ["AutoLambda"]


@BALANCERS.register("auto_lambda", source="Liu, James, Davison & Johns 2022, to first order")
class AutoLambda(Balancer):
    """A task's weight grows while its training gradient agrees with the primary tasks' validation gradient.

    After a step of size a along the weighted training gradients, the derivative of the validation loss of
    the primary tasks by the weight of task p is -a times the product of p's training gradient with that
    loss's gradient. The paper takes the latter one step ahead and approximates the product by
    finite differences; here it is taken at the present parameters, exactly: the same to first order in a.
    The weights take a step of Adam along it, which does not depend on a, before they are used, and are
    held at 0 or more (the authors' code lets them be negative).

    Where the paper begins with 0.1 and a learning rate of 1e-4, the defaults are ten times both: the same
    course, with weights that begin at 1.

    :param primary: places of the tasks whose validation loss counts; None for all.
    :param lr: learning rate of the weights, > 0.
    :param initial: their first value, > 0.
    :raises ConfigError: an option is out of its range.

    >>> seen = Seen(
    ...     losses=torch.ones(2),
    ...     present=torch.tensor([True, True]),
    ...     validation=torch.tensor([[2.0, 1.0], [-3.0, 1.0]]),
    ... )
    >>> AutoLambda(2, primary=[0], lr=0.1)(seen)
    tensor([1.1000, 0.9000], dtype=torch.float64)
    """

    name: ClassVar[str] = "auto_lambda"
    needs: ClassVar[frozenset[Need]] = frozenset({"validation"})
    places: ClassVar[frozenset[Place]] = frozenset({"parameters"})
    weights: Tensor
    primary: Tensor

    def __init__(
        self, count: int, *, primary: Sequence[int] | None = None, lr: float = 1e-3, initial: float = 1.0
    ) -> None:
        super().__init__(count)
        self.adam = OwnAdam(count, lr=number(self.name, "lr", lr, above=0))
        first = number(self.name, "initial", initial, above=0)
        self.register_buffer("weights", torch.full((count,), first, dtype=torch.float64))
        self.register_buffer("primary", _chosen(self.name, primary, count))

    def forward(self, seen: Seen) -> Tensor:
        """An update of the weights, then those of the present tasks, [P]; 0 for the others.

        :raises BalancingError: the products of gradients are not finite.
        """
        assert seen.validation is not None, "a step gives the validation products to those that need them"
        both = seen.present[:, None] & (seen.present & self.primary)[None, :]
        products = torch.where(both, seen.validation.to(torch.float64), 0.0)
        if not torch.isfinite(products).all():
            raise BalancingError(
                "the products of task gradients must be finite",
                found="an infinite or NaN product of training and validation gradients",
                remedy="a smaller learning rate, or clip: 1",
            )
        moved = self.weights - self.adam(-products.sum(dim=1), seen.present)
        self.weights.copy_(moved.clamp(min=0))
        return torch.where(seen.present, self.weights, 0.0)


def _chosen(method: str, primary: Sequence[int] | None, count: int) -> Tensor:
    """Which tasks are primary, [P] bool."""
    places = range(count) if primary is None else primary
    fits = isinstance(places, Sequence) and all(isinstance(p, int) and 0 <= p < count for p in places)
    if not fits or not places or len(set(places)) < len(places):
        raise ConfigError(
            f"the option 'primary' of '{method}' lists places of tasks, each once, from 0 to {count - 1}",
            found=repr(primary),
            remedy="leave it out for all tasks",
        )
    found = torch.zeros(count, dtype=torch.bool)
    found[list(places)] = True
    return found
