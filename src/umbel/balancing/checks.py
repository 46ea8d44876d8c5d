"""What a balanced backward pass is given, checked: losses, and what they share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from umbel.balancing.balancer import Balancer, Place
from umbel.balancing.frontier import Frontier
from umbel.balancing.taking import edges_of
from umbel.errors import BalancingError, ConfigError

__all__ = ["checked_losses", "checked_reach", "checked_shared", "possible"]


def checked_losses(losses: Sequence[Tensor] | Tensor) -> tuple[list[GradientEdge], Tensor]:
    """P scalars of the same graph, as places in it, and their values [P].

    A tensor [P] that was stacked from P scalars is followed to these: each loss's graph is then its own.

    :raises BalancingError: another shape, no gradient, fewer than two, or a loss that is not finite.
    """
    if isinstance(losses, Tensor) and losses.ndim != 1:
        raise BalancingError(
            "losses are a list of P scalars or a tensor [P]",
            found=f"a tensor of shape {list(losses.shape)}",
            remedy="take each task's mean over its rows",
        )
    parts = list(losses.unbind()) if isinstance(losses, Tensor) else list(losses)
    if len(parts) < 2:
        raise BalancingError(
            "balancing needs at least two losses",
            found=f"{len(parts)}",
            remedy="call loss.backward() where there is one",
        )
    stacked = _stacked(losses) if isinstance(losses, Tensor) else None
    for p, part in enumerate(parts):
        if not isinstance(part, Tensor) or part.numel() != 1:
            shape = f"shape {list(part.shape)}" if isinstance(part, Tensor) else type(part).__name__
            raise BalancingError(
                "a loss is one number", found=f"loss {p}: {shape}", remedy="take its mean over the rows"
            )
        if not part.requires_grad or (stacked is not None and stacked[p][0] is None):
            raise BalancingError(
                "a loss must have a gradient",
                found=f"loss {p} does not require one",
                remedy="compute it from the model's outputs, outside torch.no_grad() and without detach()",
            )
    with torch.no_grad():
        values = torch.stack([part.reshape(()) if part.ndim else part for part in parts])
    for p, value in enumerate(values.tolist()):
        if not math.isfinite(value):
            raise BalancingError(
                "a loss must be finite",
                found=f"loss {p}: {value}",
                remedy="skip this batch, or train with a smaller learning rate",
            )
    if stacked is not None:
        return [GradientEdge(node, output) for node, output in stacked], values
    return edges_of(parts), values


def _stacked(losses: Tensor) -> list[tuple[Any, int]] | None:
    """Places of the scalars that a tensor [P] was stacked from; None where it was made in another way."""
    node = losses.grad_fn
    return list(node.next_functions) if type(node).__name__ == "StackBackward0" and node else None


def checked_shared(inputs: Sequence[Tensor]) -> bool:
    """Whether the shared tensors are features (else parameters).

    :raises BalancingError: there is none, one requires no gradient or is given twice, or they are some of
        both.
    """
    if not inputs:
        raise BalancingError(
            "there must be something shared",
            found="no tensor in 'shared'",
            remedy="give the features that all heads see, or the parameters of the shared layers",
        )
    for k, x in enumerate(inputs):
        if not x.requires_grad:
            raise BalancingError(
                "shared tensors must require a gradient",
                found=f"the shared tensor {k} of shape {list(x.shape)} does not",
                remedy="give the features as the shared layers made them, not detached",
            )
    if len({id(x) for x in inputs}) < len(inputs):
        raise BalancingError(
            "a shared tensor is given once",
            found=f"{len(inputs)} tensors, of which {len({id(x) for x in inputs})} are different",
            remedy="leave out the repetitions",
        )
    kinds = {x.is_leaf for x in inputs}
    if len(kinds) > 1:
        raise BalancingError(
            "what is shared is either features or parameters",
            found="some of both",
            remedy="give the features alone: the layers before them follow",
        )
    return not kinds.pop()


def checked_reach(found: Frontier, inputs: Sequence[Tensor], features: bool) -> None:
    """:raises BalancingError: a shared tensor is one that no loss depends on."""
    if features:
        reached = found.reached
    else:
        known = {id(x) for own in (found.shared, *found.own) for x in own}
        reached = [id(x) in known for x in inputs]
    for k, (x, hit) in enumerate(zip(inputs, reached, strict=True)):
        if not hit:
            raise BalancingError(
                "every shared tensor must be reached by a loss",
                found=f"no loss depends on the shared tensor {k} of shape {list(x.shape)}",
                remedy="give only what the losses were computed from",
            )


def possible(form: Balancer, count: int, place: Place) -> None:
    """Whether a balancer can be used at one step of a loop of one's own.

    :raises BalancingError: it was made for another number of losses.
    :raises ConfigError: it takes gradients elsewhere, or needs more than one batch.
    """
    if form.count != count:
        raise BalancingError(
            "a balancer keeps to the number of losses it was made for",
            found=f"one for {form.count}, and {count} losses",
        )
    if place not in form.places:
        raise ConfigError(
            f"'{form.name}' takes gradients at the {' or '.join(sorted(form.places))}",
            found=f"{place} in 'shared'",
            remedy="give the shared parameters instead",
        )
    if form.needs & {"cross", "validation"}:
        raise ConfigError(
            f"'{form.name}' needs more than one batch",
            found="the losses of one",
            remedy="train with umbel.MultiTask or `umbel fit`, which give it what it needs",
        )
