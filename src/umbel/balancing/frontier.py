"""Where the graphs of several losses meet: what each has for itself, what they share, and its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from umbel.balancing.matrices import scatter_rows
from umbel.balancing.taking import Edge, Rows, apart, edges_of, ending_at, leaf_of

__all__ = ["Entry", "Frontier", "Own", "cotangents", "frontier", "sums"]

Place = tuple[Any, int]  # a node of the graph, and which of its outputs


@dataclass(frozen=True)
class Entry:
    """A way out of the part of the graph that one loss has for itself.

    :param node: the last node of that part.
    :param place: which of the node's inputs.
    :param edge: the edge of the frontier that it leads to.
    :param task: whose part it is.
    """

    node: Any
    place: int
    edge: int
    task: int


@dataclass(frozen=True)
class Own:
    """A parameter that one loss alone depends on, and its gradient."""

    parameter: Tensor
    task: int
    grad: Tensor


@dataclass(frozen=True)
class Frontier:
    """What P losses share of their graphs.

    :param roots: the losses.
    :param edges: places where a part of the graph that one loss has for itself ends and the shared part
        begins; all shared parameters lie behind them (or are such a place, where a part uses one directly).
    :param entries: all ways that lead there.
    :param ends: edge and number of the losses that are themselves such a place.
    :param shared: parameters that at least two losses depend on.
    :param own: for each loss, the parameters that it alone depends on.
    :param stops: features at which the search was to stop.
    :param at: for each of these the edge that it is; None where no loss's own part leads to it.
    :param reached: for each of these whether a loss depends on it.
    """

    roots: list[GradientEdge]
    edges: list[GradientEdge]
    entries: list[Entry]
    ends: list[tuple[int, int]]
    shared: list[Tensor]
    own: list[list[Tensor]]
    stops: list[GradientEdge]
    at: list[int | None]
    reached: list[bool]

    def alone(self, task: int) -> Frontier:
        """What one loss has of it."""
        return replace(
            self,
            roots=[self.roots[task]],
            entries=[replace(entry, task=0) for entry in self.entries if entry.task == task],
            ends=[(edge, 0) for edge, p in self.ends if p == task],
            own=[self.own[task]],
        )


def frontier(losses: Sequence[Edge], stop: Sequence[Tensor] = ()) -> Frontier:
    """Find where the graphs of losses meet.

    :param losses: P scalars.
    :param stop: features (no leaves) at which the shared part is taken to begin, whatever lies behind.

    >>> w, v, u = (torch.ones(2, requires_grad=True) for _ in range(3))
    >>> z = 2 * w
    >>> found = frontier([(z * v).sum(), (z * u).sum()])
    >>> [p is w for p in found.shared], [own[0] is q for own, q in zip(found.own, (v, u))], len(found.edges)
    ([True], [True, True], 1)
    """
    roots, stops = edges_of(losses), edges_of(stop)
    closed: dict[Place, bool] = {(x.node, x.output_nr): False for x in stops}
    owner: dict[Any, int] = {}
    common: set[Any] = set()
    for p, root in enumerate(roots):
        _visit(root, p, owner, common, closed)
    edges: dict[Place, int] = {}

    def number(place: Place) -> int:
        return edges.setdefault(place, len(edges))

    ends = [
        (number((root.node, root.output_nr)), p)
        for p, root in enumerate(roots)
        if root.node in common or (root.node, root.output_nr) in closed
    ]
    entries: list[Entry] = []
    own: list[dict[int, Tensor]] = [{} for _ in roots]
    for node, p in owner.items():
        if node in common:
            continue
        leaf = leaf_of(node)
        if leaf is not None:
            own[p][id(leaf)] = leaf
        for k, following in enumerate(node.next_functions):
            if following in closed or following[0] in common:
                entries.append(Entry(node, k, number(following), p))
    shared = {id(x): x for x in map(leaf_of, common) if x is not None}
    return Frontier(
        roots,
        [GradientEdge(node, output) for node, output in edges],
        entries,
        ends,
        list(shared.values()),
        [list(found.values()) for found in own],
        stops,
        [edges.get((x.node, x.output_nr)) for x in stops],
        [closed[x.node, x.output_nr] for x in stops],
    )


def _visit(
    root: GradientEdge, task: int, owner: dict[Any, int], common: set[Any], closed: dict[Place, bool]
) -> None:
    """Walk a loss's graph: nodes nobody had are its own, those another had and all behind are common."""
    todo: list[tuple[Place, bool]] = [((root.node, root.output_nr), False)]
    while todo:
        place, together = todo.pop()
        node = place[0]
        if node is None or node in common:
            continue
        if place in closed:
            closed[place] = True
            continue
        before = owner.get(node)
        together = together or (before is not None and before != task)
        if together:
            common.add(node)
        elif before is not None:
            continue
        else:
            owner[node] = task
        todo.extend((following, together) for following in node.next_functions)


def cotangents(
    found: Frontier, more: Sequence[GradientEdge] = (), without: frozenset[int] = frozenset()
) -> tuple[list[Tensor | None], list[Own], list[Tensor | None]]:
    """Gradients of each loss at the frontier, by one pass through all that the losses have for themselves.

    Each way to the frontier belongs to one loss: what goes through it is that loss's gradient. The graph is
    kept.

    :param more: other places in the losses' own parts whose gradients are wanted.
    :param without: edges of the frontier where they are not.
    :returns: for each edge the gradients [P, ...], None where there are none; the own parameters with
        theirs; and those of ``more``.
    """
    taken = [Rows(len(found.roots)) for _ in found.edges]
    by_node: dict[Any, list[Entry]] = {}
    for entry in found.entries:
        if entry.edge not in without:
            by_node.setdefault(entry.node, []).append(entry)

    def tell(entries: list[Entry], grads: tuple[Tensor | None, ...]) -> None:
        for entry in entries:
            grad = grads[entry.place]
            if grad is not None:
                taken[entry.edge].put(entry.task, grad)

    ended = {p for _, p in found.ends}
    for k, p in found.ends:
        about = found.edges[k].node._input_metadata[found.edges[k].output_nr]
        taken[k].put(p, torch.ones(about.shape, dtype=about.dtype, device=about.device))
    roots = [root for p, root in enumerate(found.roots) if p not in ended]
    told = sorted({entry.edge for entries in by_node.values() for entry in entries})
    own = [(parameter, p) for p, parameters in enumerate(found.own) for parameter in parameters]
    places: list[Any] = [*(found.edges[k] for k in told), *more, *(parameter for parameter, _ in own)]
    if not roots or not places:
        return [rows.whole() for rows in taken], [], [None for _ in more]
    hooks = [
        node.register_hook(lambda grads, _, entries=entries: tell(entries, grads))
        for node, entries in by_node.items()
    ]
    try:
        # of several edges one may lie behind another; behind features there may be parameters of heads
        with ending_at(found.edges if len(found.edges) > 1 or found.stops else ()):
            grads = torch.autograd.grad(roots, places, retain_graph=True, allow_unused=True)
    finally:
        for hook in hooks:
            hook.remove()
    rest = zip(own, grads[len(told) + len(more) :], strict=True)
    reached = [(x, p, grad) for (x, p), grad in rest if grad is not None]
    free = apart([grad for *_, grad in reached])
    owned = [Own(x, p, grad) for (x, p, _), grad in zip(reached, free, strict=True)]
    return [rows.whole() for rows in taken], owned, list(grads[len(told) : len(told) + len(more)])


def sums(
    met: Sequence[tuple[GradientEdge, Tensor]], parameters: Sequence[Tensor], weights: Tensor
) -> list[Tensor]:
    """Gradients of the losses' sum by weights, by one pass from where the losses met on; the graph is kept.

    :param met: places in the graph with the gradients of P losses there, [P, ...].
    :param parameters: where the sum is wanted.
    :param weights: [P].
    :returns: by parameter, zeros where nothing reaches; tensors that nobody else holds.
    """
    grads: Sequence[Tensor | None] = [None for _ in parameters]
    if met and parameters:
        total = scatter_rows(weights, [part for _, part in met])
        grads = torch.autograd.grad(
            [edge for edge, _ in met], parameters, total, retain_graph=True, allow_unused=True
        )
    return apart(
        [torch.zeros_like(p) if grad is None else grad for p, grad in zip(parameters, grads, strict=True)]
    )
