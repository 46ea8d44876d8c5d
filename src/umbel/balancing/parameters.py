"""Task gradients at the shared parameters, exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from umbel.balancing.pages import in_large_pages
from umbel.balancing.taking import Edge, How, Layer, Rows, add, how_to, rows

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
        if self.line is not None:
            whole = weights.to(self.line) @ self.line
            parts = torch.split(whole, [p.numel() for p in self.inputs])
            return [part.view_as(p).to(p) for part, p in zip(parts, self.inputs, strict=True)]
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
    (``balancing.ghost``). For a whole Jacobian a loop begins at the losses: where they meet, the gradients of
    all at once would take memory beside it.

    :param found: the losses' frontier; their graph is kept.
    :param shared: parameters that are balanced.
    :param look: what is wanted.
    """
    count, inputs, wanted = len(found.roots), list(shared), {id(p) for p in shared}
    others = [p for p in found.shared if id(p) not in wanted]
    if look == "sums":
        taken, met = _to_the_frontier(found, wanted, others, {})
        return AtParameters(inputs, [taken.get(id(p)) for p in inputs], [], met)
    ways = _ways(found.edges, inputs, look, count)
    if look == "gramian":
        taken, layers = _on(found, inputs, others, ways, {})
        return AtParameters(inputs, [taken.get(id(p)) for p in inputs], layers)
    line = _room(inputs, count)
    if ways.how == "loop" and not others:
        for task in range(count):
            _on(found.alone(task), inputs, others, ways, _places(line[task : task + 1], inputs))
    else:
        _on(found, inputs, others, ways, _places(line, inputs))
    places = _places(line, inputs)
    return AtParameters(inputs, [places[id(p)] for p in inputs], line=line)


@dataclass(frozen=True)
class _Ways:
    """How gradients behind the frontier are taken.

    :param ghosts: layers that are asked for the gradient at their output alone.
    :param faster: layers that make their parameters' gradients themselves.
    :param large: whether a layer is so large that it pays to look for its products among all operations.
    """

    how: How
    ghosts: list[Linear]
    faster: list[Layer]
    large: bool


def _ways(edges: Sequence[GradientEdge], inputs: Sequence[Tensor], look: Look, count: int) -> _Ways:
    how = how_to(edges)
    linears, convolutions = layers_of(edges, inputs)
    ghosts = [layer for layer in linears if look == "gramian" and layer.pays(count)]
    faster: list[Layer] = []
    if how == "loop":
        # the smallest first: the gradients at outputs that wait beside the largest are few then
        faster = [layer for layer in linears if layer.faster and layer not in ghosts]
        faster.sort(key=lambda layer: layer.parameters[0].numel())
        faster += [layer for layer in convolutions if layer.faster]
    return _Ways(how, ghosts, faster, any(layer.large for layer in linears))


def _to_the_frontier(
    found: Frontier, wanted: set[int], others: Sequence[Tensor], places: Mapping[int, Tensor]
) -> tuple[dict[int, Tensor], list[tuple[GradientEdge, Tensor]]]:
    """What losses have for themselves: gradients of wanted parameters, [P, ...] by id, and at the frontier.

    All others get theirs added to their ``.grad``, and so do other parameters behind the frontier.
    """
    parts, own, _ = cotangents(found)
    taken: dict[int, Tensor] = {}
    for mine in own:
        key = id(mine.parameter)
        if key in wanted:
            alone = Rows(len(found.roots), places.get(key))
            alone.put(mine.task, mine.grad)
            whole = alone.whole()
            assert whole is not None, "it was just put there"
            taken[key] = whole
        else:
            add(mine.parameter, mine.grad)
    met = [(edge, part) for edge, part in zip(found.edges, parts, strict=True) if part is not None]
    ones = torch.ones(len(found.roots))
    for parameter, grad in zip(others, sums(met, others, ones), strict=True):
        add(parameter, grad)
    return taken, met


def _on(
    found: Frontier,
    inputs: Sequence[Tensor],
    others: Sequence[Tensor],
    ways: _Ways,
    places: Mapping[int, Tensor],
) -> tuple[dict[int, Tensor], list[tuple[Linear, Tensor]]]:
    """Gradients of all wanted parameters, [P, ...] by id, but those of the layers asked at their output."""
    taken, met = _to_the_frontier(found, {id(p) for p in inputs}, others, places)
    edges = [edge for edge, _ in met]
    ghosts, faster = ways.ghosts, ways.faster
    done = {id(p) for layer in (*ghosts, *faster) for p in layer.parameters} | set(taken)
    rest = [p for p in inputs if id(p) not in done]
    starts: list[Edge] = [*(layer.edge for layer in ghosts), *rest]
    given = [met.pop(0)[1] for _ in edges]
    grads = rows(edges, given, starts, ways.how, faster, places, large=ways.large)
    rest += [p for layer in faster for p in layer.parameters]
    taken |= {id(p): grad for p, grad in zip(rest, grads[len(ghosts) :], strict=True) if grad is not None}
    layers = [(layer, grad) for layer, grad in zip(ghosts, grads, strict=False) if grad is not None]
    ghostly = {id(p) for layer, _ in layers for p in layer.parameters}
    for p in inputs:
        if id(p) not in ghostly and id(p) not in taken:  # no loss depends on it
            taken[id(p)] = places[id(p)].zero_() if places else p.new_zeros((len(found.roots), *p.shape))
    return taken, layers


def _room(inputs: Sequence[Tensor], count: int) -> Tensor:
    """Room for a Jacobian [P, W]."""
    kind = reduce(torch.promote_types, (p.dtype for p in inputs))
    width = sum(p.numel() for p in inputs)
    return in_large_pages(torch.empty(count, width, dtype=kind, device=inputs[0].device))


def _places(line: Tensor, inputs: Sequence[Tensor]) -> dict[int, Tensor]:
    """The place of each parameter in a Jacobian, [P, ...], by the parameter's id."""
    parts = torch.split(line, [p.numel() for p in inputs], dim=1)
    return {id(p): part.view(len(line), *p.shape) for p, part in zip(inputs, parts, strict=True)}
