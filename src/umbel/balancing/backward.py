"""A balanced backward pass for a training loop of one's own: no table, no tasks, any model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from umbel.balancing.balancer import Balancer, Seen
from umbel.balancing.checks import checked_losses, checked_reach, checked_shared, possible
from umbel.balancing.features import AtFeatures, at_features
from umbel.balancing.frontier import frontier
from umbel.balancing.making import make
from umbel.balancing.parameters import AtParameters, Look, at_parameters
from umbel.balancing.taking import add

__all__ = ["backward", "balancer"]


def balancer(method: str, count: int, *, seed: int = 0, **options: object) -> Balancer:
    """A balancer by name, for methods with a memory (pass it to :func:`backward` at each step).

    Parameters that a method learns (``uncertainty``) belong into the optimiser of the loop.

    :param method: as ``umbel methods balancer`` lists them.
    :param count: how many losses there are, P.
    :param seed: of what it draws.
    :param options: keyword options of the method.
    :raises ConfigError: no such method, or no such option.
    """
    return make(method, count, seed=seed, options=options)


def backward(
    losses: Sequence[Tensor] | Tensor,
    *,
    shared: Tensor | Iterable[Tensor],
    method: str | Balancer = "upgrad",
) -> Tensor:
    """Gradients of P losses, balanced where the tasks share, in every parameter's ``.grad``.

    Whatever is shared gets the balanced update; every other parameter that a loss reaches (the heads)
    gets the gradient of the losses' plain sum (Sener & Koltun 2018, algorithm 1). Given **features** (the
    tensor or tensors that all heads see), one pass goes back to them, where each loss's gradient is told
    apart, and one goes on through the shared layers. Given **parameters**, each loss is followed through all
    shared layers: exact, and more costly. The scale of the update is that of the method's paper (see
    ``neutral`` of :class:`~umbel.balancing.balancer.Balancer`: of the gradients' sum, or of their mean).

    :param losses: P >= 2 scalar losses: a list (cheaper) or a tensor [P].
    :param shared: features that require a gradient, or parameters.
    :param method: a balancer's name, or a balancer for one with a memory (see :func:`balancer`).
    :returns: the weights [P], detached.
    :raises BalancingError: the losses have another shape, no gradient, are fewer than two or not finite;
        or the shared tensors require no gradient or are reached by no loss.
    :raises ConfigError: the method needs what this function cannot give.

    >>> x = torch.ones(2, requires_grad=True)
    >>> backward([x[0] ** 2, 3 * x.sum()], shared=[x], method="mgda")
    tensor([1., 0.])
    >>> x.grad
    tensor([2., 0.])
    """
    roots, values = checked_losses(losses)
    inputs = [shared] if isinstance(shared, Tensor) else list(shared)
    features = checked_shared(inputs)
    found = frontier(roots, stop=inputs if features else ())
    checked_reach(found, inputs, features)
    form = method if isinstance(method, Balancer) else balancer(method, len(roots)).to(values.device)
    possible(form, len(roots), "features" if features else "parameters")
    seen = Seen(losses=values, present=torch.ones(len(roots), dtype=torch.bool, device=values.device))
    taken: AtFeatures | AtParameters
    if features:
        taken = at_features(found, inputs)
    else:
        looks: tuple[Look, ...] = ("jacobian", "gramian")
        taken = at_parameters(found, inputs, look=next((x for x in looks if x in form.needs), "sums"))
    if "gramian" in form.needs:
        seen = replace(seen, gram=taken.gram)
    if "jacobian" in form.needs:
        seen = replace(seen, jacobian=taken.line)
    learned: Tensor = form(seen)
    weights = learned.detach()
    direction = form.direction(seen, weights)
    updates = taken.update(weights) if direction is None else _split(direction, inputs)
    if features:
        torch.autograd.backward(inputs, updates)
    else:
        for parameter, update in zip(inputs, updates, strict=True):
            add(parameter, update)
    penalty = form.penalty(seen.present)
    if learned.requires_grad or penalty.requires_grad:  # weights that an optimiser learns
        torch.autograd.backward((learned * values + penalty).sum())
    return weights.to(values.dtype)


def _split(direction: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    parts = torch.split(direction, [x.numel() for x in inputs])
    return [part.view_as(x) for part, x in zip(parts, inputs, strict=True)]
