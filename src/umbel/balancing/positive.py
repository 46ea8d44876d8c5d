"""Losses that must be positive: for methods that take a logarithm of them or divide by them."""

from __future__ import annotations

import torch
from torch import Tensor

from umbel.errors import BalancingError

__all__ = ["positive"]


def positive(
    method: str, losses: Tensor, present: Tensor, *, least: Tensor | None = None, option: str = ""
) -> Tensor:
    """How far the losses of the present tasks lie above 0, or above a lower bound; 1 for the others.

    :param method: the balancer's name.
    :param losses: [P]; those of absent tasks are not looked at.
    :param present: [P] bool.
    :param least: lower bounds, [P]; zeros when None.
    :param option: the balancer's option that sets the bounds, for the message.
    :returns: [P], float64, all above 0.
    :raises BalancingError: a present task's loss is not above its bound, or not finite.

    >>> positive("gls", torch.tensor([2.0, 0.0]), torch.tensor([True, False]))
    tensor([2., 1.], dtype=torch.float64)
    """
    margin = losses.detach().to(torch.float64)
    if least is not None:
        margin = margin - least.to(torch.float64)
    bad = present & ~((margin > 0) & torch.isfinite(margin))
    if bad.any():
        _refuse(method, losses, int(torch.nonzero(bad)[0]), least, option)
    return torch.where(present, margin, 1.0)


def _refuse(method: str, losses: Tensor, place: int, least: Tensor | None, option: str) -> None:
    """:raises BalancingError: always."""
    value = float(losses[place])
    found = f"the loss {value:.6g} of the task at place {place} (of {len(losses)})"
    if value != value or abs(value) == float("inf"):
        raise BalancingError(
            f"'{method}' needs finite losses", found=found, remedy="a smaller learning rate, or clip: 1"
        )
    low = 0.0 if least is None else float(least[place])
    remedy = (
        "a likelihood of a number whose noise is learned may be negative: use a balancer that takes any "
        "loss, such as 'equal', or one that looks at gradients"
    )
    raise BalancingError(
        f"'{method}' needs losses above {low:g}",
        found=found,
        remedy=f"lower bounds in '{option}'; or, as {remedy}" if option else remedy,
    )
