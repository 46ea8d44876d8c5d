"""Task gradients at the features that all tasks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge
from torch.nn import functional

from umbel.balancing.frontier import Frontier, cotangents, sums
from umbel.balancing.matrices import gram_of, scatter_rows
from umbel.balancing.taking import add, ending_at, how_to, leaf_of, rows

__all__ = ["AtFeatures", "Dense", "Heads", "at_features"]


@dataclass(frozen=True)
class Dense:
    """Gradients of P tasks at one features tensor, as they are: [P, ...]."""

    rows: Tensor

    def gram(self) -> Tensor:
        """Their products, [P, P] float64."""
        return gram_of([self.rows])

    def mixed(self, weights: Tensor) -> Tensor:
        """Their sum by weights [P]."""
        return scatter_rows(weights, [self.rows])[0]


@dataclass(frozen=True)
class Heads:
    """Gradients of P tasks at one features tensor [B, D] that linear heads see, and nothing else.

    A task's gradient is the delta [B, C] at its head's output times the head's weight [C, D]: products and
    sums of tasks need none of the P gradients [B, D].

    :param deltas: of all heads beside each other, [B, C].
    :param weights: of all heads below each other, [C, D].
    :param owner: the task of each output.
    :param count: P.
    """

    deltas: Tensor
    weights: Tensor
    owner: list[int]
    count: int

    @property
    def _mine(self) -> Tensor:
        """1 where an output is a task's, else 0, [C, P]."""
        owner = torch.tensor(self.owner, device=self.deltas.device)
        return functional.one_hot(owner, self.count)

    @property
    def rows(self) -> Tensor:
        """The gradients themselves, [P, B, D]."""
        return (self.deltas * self._mine.T.to(self.deltas)[:, None, :]) @ self.weights

    def gram(self) -> Tensor:
        """Their products, [P, P] float64."""
        each = gram_of([self.deltas.T]) * gram_of([self.weights])
        if self.owner == list(range(self.count)):
            return each
        mine = self._mine.to(each)
        return mine.T @ each @ mine

    def mixed(self, weights: Tensor) -> Tensor:
        """Their sum by weights [P]."""
        return (self.deltas * weights.to(self.deltas)[self.owner]) @ self.weights


@dataclass
class AtFeatures:
    """Task gradients at the features.

    :param features: tensors [B, ...].
    :param parts: the gradients at each.
    """

    features: list[Tensor]
    parts: list[Dense | Heads]

    @cached_property
    def gram(self) -> Tensor:
        """Products of the task gradients, a sum over rows, [P, P] float64."""
        first, *others = (part.gram() for part in self.parts)
        return sum(others, first)

    @cached_property
    def line(self) -> Tensor:
        """The task gradients as one matrix, [P, numbers of all features]."""
        return torch.cat([part.rows.flatten(1) for part in self.parts], dim=1)

    def update(self, weights: Tensor) -> list[Tensor]:
        """weights [P] times the task gradients, by features tensor."""
        return [part.mixed(weights) for part in self.parts]


def at_features(found: Frontier, features: Sequence[Tensor]) -> AtFeatures:
    """Take the gradients of P losses at features; nothing behind them is touched.

    The gradients of all parameters before the features (the heads) are added to their ``.grad``: of the
    losses' plain sum. One pass gives all of it, for each way from a head to the features is one loss's own;
    what several losses share before the features is passed once more for each of them. The Gramian is that
    of the features' gradients, a sum over rows; it bounds that of the shared parameters' gradients up to a
    constant (Sener & Koltun 2018, eq. 7).

    :param found: the losses' frontier, with the features as its stops; their graph is kept.
    :param features: tensors [B, ...] on the way of every loss.
    """
    count = len(found.roots)
    before = [k for k in range(len(found.edges)) if k not in found.at]
    heads: dict[int | None, list[_Head]] = {}
    if all(leaf_of(found.edges[k].node) is not None for k in before):
        tried = {
            k: _linear_heads(found, k, x) for k, x in zip(found.at, features, strict=True) if k is not None
        }
        heads = {k: linear for k, linear in tried.items() if linear}
    every = [head for linear in heads.values() for head in linear]
    without = frozenset(k for k in heads if k is not None)
    parts, own, deltas = cotangents(found, [head.edge for head in every], without)
    for mine in own:
        add(mine.parameter, mine.grad)
    passed = _passed(found, [(found.edges[k], part) for k in before if (part := parts[k]) is not None])
    told = {head.edge.node: delta for head, delta in zip(every, deltas, strict=True)}
    taken: list[Dense | Heads] = []
    for x, k, more in zip(features, found.at, passed, strict=True):
        if k in heads:
            taken.append(_beside([(head, told[head.edge.node]) for head in heads[k]], x, count))
        else:
            both = [part for part in (None if k is None else parts[k], more) if part is not None]
            taken.append(Dense(sum(both[1:], both[0]) if both else x.new_zeros((count, *x.shape))))
    return AtFeatures(list(features), taken)


def _passed(found: Frontier, met: Sequence[tuple[GradientEdge, Tensor]]) -> list[Tensor | None]:
    """Go on to the features through what several losses share before them; its parameters get the sum."""
    if not met:
        return [None for _ in found.stops]
    edges, parts = [edge for edge, _ in met], [part for _, part in met]
    with ending_at(found.stops):
        plain = sums(met, found.shared, torch.ones(len(found.roots)))
        for parameter, grad in zip(found.shared, plain, strict=True):
            add(parameter, grad)
        return rows(edges, parts, found.stops, how_to(edges))


@dataclass(frozen=True)
class _Head:
    """A linear head: the place of its output [B, C], its weight [C, D], and whose it is."""

    edge: GradientEdge
    weight: Tensor
    task: int


def _linear_heads(found: Frontier, edge: int, x: Tensor) -> list[_Head]:
    """The heads that lead to features if all are linear, and it pays to tell them apart; else none."""
    heads: list[_Head] = []
    for entry in found.entries:
        if entry.edge == edge:
            node, form = entry.node, (type(entry.node).__name__, entry.place)
            plain = form == ("MmBackward0", 0) or (form == ("AddmmBackward0", 1) and node._saved_alpha == 1)
            if not plain:
                return []
            heads.append(_Head(GradientEdge(node, 0), node._saved_mat2.detach().T, entry.task))
    count, width = len(found.roots), sum(len(head.weight) for head in heads)
    # products of all outputs, or of all gradients; to write and read a gradient's number counts as 60 of them
    pays = width**2 * (len(x) + x[0].numel() + count) < (count + 60) * count * x.numel()
    return heads if pays else []


def _beside(heads: Sequence[tuple[_Head, Tensor | None]], x: Tensor, count: int) -> Heads:
    """All heads of a features tensor beside each other; where no gradient came it is zero."""
    deltas = [x.new_zeros(len(x), len(head.weight)) if delta is None else delta for head, delta in heads]
    owner = [head.task for head, _ in heads for _ in range(len(head.weight))]
    weights = torch.cat([head.weight for head, _ in heads])
    return Heads(torch.cat(deltas, dim=1), weights, owner, count)
