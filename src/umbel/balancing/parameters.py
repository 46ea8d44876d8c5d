"""Task gradients at the shared parameters, exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Literal

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from umbel.balancing.frontier import Frontier, cotangents, sums
from umbel.balancing.ghost import Linear, products
from umbel.balancing.layers import layers_of
from umbel.balancing.matrices import gram_of, scatter_rows
from umbel.balancing.taking import Layer, Rows, add, how_to, rows

__all__ = ["AtParameters", "Look", "at_parameters"]

Look = Literal["sums", "gramian", "jacobian"]
"""What is wanted of the task gradients: their sums by weights alone, their products too, or all of it."""


@dataclass
class AtParameters:
    """Task gradients at the shared parameters, or what is wanted of them.

    :param inputs: the shared parameters.
    :param taken: gradients of all tasks, [P, ...], by parameter; None for one that ``layers`` or one more
        pass takes care of.
    :param layers: linear layers, with all tasks' gradients at their outputs, [P, B, Dout].
    :param met: places that all ways to the shared parameters pass, with the gradients there, [P, ...].
    :param line: the Jacobian [P, W], where it was wanted; ``taken`` are parts of it.
    """

    inputs: list[Tensor]
    taken: list[Tensor | None]
    layers: list[tuple[Linear, Tensor]] = field(default_factory=list)
    met: list[tuple[GradientEdge, Tensor]] = field(default_factory=list)
    line: Tensor | None = None

    @cached_property
    def gram(self) -> Tensor:
        """Products of the task gradients, [P, P] float64."""
        parts = [products(layer, deltas) for layer, deltas in self.layers]
        gradients = [part for part in self.taken if part is not None]
        return torch.stack([*parts, gram_of(gradients)] if gradients else parts).sum(dim=0)

    @property
    def jacobian(self) -> list[Tensor]:
        """The task gradients by parameter, [P, ...], where the Jacobian was wanted."""
        return [part for part in self.taken if part is not None]

    def update(self, weights: Tensor) -> list[Tensor]:
        """weights [P] times the task gradients, by parameter; tensors that nobody else holds."""
        found: dict[int, Tensor] = {}
        for layer, deltas in self.layers:
            (delta,) = scatter_rows(weights, [deltas])
            found |= {id(p): grad for p, grad in zip(layer.parameters, layer.gradients(delta), strict=True)}
        for parameter, part in zip(self.inputs, self.taken, strict=True):
            if part is not None:
                (found[id(parameter)],) = scatter_rows(weights, [part])
        left = [parameter for parameter in self.inputs if id(parameter) not in found]
        found |= {id(p): grad for p, grad in zip(left, sums(self.met, left, weights), strict=True)}
        return [found[id(parameter)] for parameter in self.inputs]


def at_parameters(found: Frontier, shared: Sequence[Tensor], *, look: Look = "gramian") -> AtParameters:
    """Take the gradients of P losses at their shared parameters.

    The gradients of all other parameters are added to their ``.grad``: of the losses' plain sum.

    One pass follows all losses to where their graphs meet; from there on each is followed alone, all in one
    batched pass or in a loop where that is as fast. Linear layers of few rows are asked for no gradient
    (``balancing.ghost``).

    :param found: the losses' frontier; their graph is kept.
    :param shared: parameters that are balanced.
    :param look: what is wanted.
    """
    count, inputs, wanted = len(found.roots), list(shared), {id(p) for p in shared}
    line, places = _line(inputs, count) if look == "jacobian" else (None, {})
    parts, own, _ = cotangents(found)
    taken: dict[int, Tensor | None] = {}
    for mine in own:
        key = id(mine.parameter)
        if key in wanted:
            alone = Rows(count, places.get(key))
            alone.put(mine.task, mine.grad)
            taken[key] = alone.whole()
        else:
            add(mine.parameter, mine.grad)
    met = [(edge, part) for edge, part in zip(found.edges, parts, strict=True) if part is not None]
    rest = [p for p in found.shared if id(p) not in wanted]
    for parameter, grad in zip(rest, sums(met, rest, torch.ones(count)), strict=True):
        add(parameter, grad)
    if look == "sums":
        return AtParameters(inputs, [taken.get(id(p)) for p in inputs], [], met)
    edges, cots = [edge for edge, _ in met], [part for _, part in met]
    how = how_to(edges, cots)
    linears, convolutions = layers_of(edges, inputs)
    ghosts = [layer for layer in linears if look == "gramian" and layer.pays(count)]
    faster: list[Layer] = []
    if how == "loop":
        faster = [layer for layer in linears if layer.faster and layer not in ghosts]
        faster += [layer for layer in convolutions if layer.faster]
    done = {id(p) for layer in (*ghosts, *faster) for p in layer.parameters} | set(taken)
    rest = [p for p in inputs if id(p) not in done]
    grads = rows(edges, cots, [*(layer.edge for layer in ghosts), *rest], how, faster, places)
    rest += [p for layer in faster for p in layer.parameters]
    taken |= {id(p): grad for p, grad in zip(rest, grads[len(ghosts) :], strict=True)}
    layers = [(layer, grad) for layer, grad in zip(ghosts, grads, strict=False) if grad is not None]
    ghostly = {id(p) for layer, _ in layers for p in layer.parameters}
    for p in inputs:
        if id(p) not in ghostly and taken.get(id(p)) is None:  # no loss depends on it
            taken[id(p)] = places[id(p)].zero_() if places else p.new_zeros((count, *p.shape))
    return AtParameters(inputs, [taken.get(id(p)) for p in inputs], layers, line=line)


def _line(inputs: Sequence[Tensor], count: int) -> tuple[Tensor, dict[int, Tensor]]:
    """Room for a Jacobian [P, W], and the place of each parameter in it, [P, ...]."""
    kind = reduce(torch.promote_types, (p.dtype for p in inputs))
    line = torch.empty(count, sum(p.numel() for p in inputs), dtype=kind, device=inputs[0].device)
    parts = torch.split(line, [p.numel() for p in inputs], dim=1)
    return line, {id(p): part.view(count, *p.shape) for p, part in zip(inputs, parts, strict=True)}
