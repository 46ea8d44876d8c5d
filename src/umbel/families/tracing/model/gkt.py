"""Graph-based knowledge tracing: a state for every concept, and answers that spread along a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from umbel.data.batch import Batch
from umbel.errors import ConfigError
from umbel.families.tracing.model.gkt_graphs import (
    Form,
    Graph,
    checked_graph,
    dense_graph,
    given_graph,
    transition_graph,
)
from umbel.families.tracing.model.gkt_spread import Fixed, Reach, Spread
from umbel.families.tracing.model.net_tracer import NetTracer, TaskHeads
from umbel.families.tracing.model.parts import SetEmbedding
from umbel.families.tracing.model.tracer import TRACERS
from umbel.families.tracing.source.log import AnswerLog
from umbel.sharing.options import whole
from umbel.tasks import TaskSet

__all__ = ["GKT", "GKTNet"]

FEW = 16
"""Neighbours that an answer reaches in a transition graph by default."""


class GKTNet(nn.Module):
    """A state for every concept; an answer changes those of its concepts and of their neighbours.

    :param graph: A [C, C], A_ij the weight of the edge from i to j.
    :param width: D of a state.
    :param neighbours: how many an answer reaches at most, the most strongly joined; None for all.
    """

    graph: Tensor

    def __init__(
        self, graph: Tensor, width: int, neighbours: int | None, dropout: float, tasks: TaskSet
    ) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.register_buffer("graph", graph)
        self.right = SetEmbedding(len(graph), width)
        self.wrong = SetEmbedding(len(graph), width)
        self.spread = Spread(len(graph), width)
        self.bias = nn.Parameter(torch.zeros(len(graph)))
        self.dropout = nn.Dropout(dropout)
        self.heads = TaskHeads(width + 1, tasks)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Raw outputs by task, [B, T, width + free]."""
        concepts, correct = batch.inputs["concepts"], batch.inputs["correct"]
        assert isinstance(concepts, Tensor)
        assert isinstance(correct, Tensor)
        said = correct[..., None]
        answer = said * self.right(concepts) + (1 - said) * self.wrong(concepts)
        own = self._sets(concepts)
        share = own / own.sum(dim=-1, keepdim=True).clamp(min=1)  # [B, T, C]
        # a set of no known concept is forecast from the mean of all states
        read = torch.where(own.any(dim=-1, keepdim=True), share, 1 / max(1, len(self.bias)))
        known = self.dropout(self.known(self.reach(own > 0, share), read, answer))
        bias = read @ self.bias[:, None]
        raw: dict[str, Tensor] = self.heads(torch.cat([known, bias], dim=-1))
        raw["correct"] = raw["correct"] + bias
        return raw

    def _sets(self, concepts: Tensor) -> Tensor:
        """[B, T, K] long, filled with 0, to [B, T, C]: 1 for a concept of the set."""
        found = self.bias.new_zeros(*concepts.shape[:2], len(self.bias) + 1)
        return found.scatter_(2, concepts, 1.0)[..., 1:]

    def reach(self, own: Tensor, share: Tensor) -> Reach:
        """Which concepts each answer changes.

        :param own: which concepts it is about, [B, T, C] bool.
        :param share: the same as shares, [B, T, C]; zeros for an empty set, which changes nothing.
        """
        out, into = share @ self.graph, share @ self.graph.T  # [B, T, C]
        # own concepts first, then neighbours by weight; the order is stable, so that other students of the
        # batch cannot change which of two equals comes first
        weight, place = (out + into).masked_fill(own, torch.inf).sort(dim=-1, descending=True, stable=True)
        joined = weight > 0
        if self.neighbours is not None:
            most = own.sum(dim=-1, keepdim=True) + self.neighbours
            joined &= torch.arange(own.shape[-1], device=own.device) < most
        wide = int(joined.sum(dim=-1).max()) if joined.numel() else 0
        place, joined = place[..., :wide], joined[..., :wide]
        return Reach(place, joined, own.gather(2, place), out.gather(2, place), into.gather(2, place))

    def known(self, reach: Reach, read: Tensor, answer: Tensor) -> Tensor:
        """Mean state of what is asked, before each answer, [B, T, D].

        :param reach: which concepts each answer changes.
        :param read: shares by which states are averaged for a forecast, [B, T, C].
        :param answer: vectors of the answers, [B, T, D].
        """
        B, T, D = answer.shape
        index = reach.place[..., None].expand(-1, -1, -1, D)
        parts = [part.unbind(1) for part in self.spread.fixed(reach, answer)]
        asked, own = read[:, :, None].unbind(1), reach.own[..., None].unbind(1)
        where, joined = index.unbind(1), reach.joined[..., None].unbind(1)
        state = answer.new_zeros(B, read.shape[-1], D)
        found = []
        for t in range(T):
            found.append(mean := (asked[t] @ state).squeeze(1))
            before = state.gather(1, where[t])
            after = self.spread(before, mean, own[t], Fixed(*(part[t] for part in parts)))
            state = state.scatter(1, where[t], torch.where(joined[t], after, before))
        return torch.stack(found, dim=1)


@TRACERS.register(
    "gkt",
    source="Nakagawa et al. 2019, Graph-based knowledge tracing: modeling student proficiency using graph "
    "neural network",
)
class GKT(NetTracer):
    """A state for every concept, and answers that spread along a graph of concepts.

    Every concept k has a state h_k. An answer x about concept i first gathers: h'_i = [h_i, x], and for a
    neighbour h'_j = [h_j, c_j] with the concept's vector c_j. Then it updates: the message of i itself is
    f_self(h'_i), that of a neighbour A_ij f_out(h'_i, h'_j) + A_ji f_in(h'_i, h'_j); each f has two layers. A
    gate erases and adds, m (1 - s_k e) + s_k a with a strength s_k per concept, and a recurrent unit (Cho et
    al. 2014) takes message and old state to the new state. The forecast of a question about k is a sigmoid
    of w h_k + b_k.

    The graph A is one of two of the paper, or one's own. ``transition``: the share of steps from i to another
    concept that lead to j, over the training answers. ``dense``: 1 / (C - 1) for all. A list of pairs
    of names: the edges from a concept share 1.

    Deviations: a step with several concepts gathers the mean of their states, reads the mean of their edges
    and gives all of them the message f_self of that mean, where the paper has one concept a step; states
    of concepts that are neither asked nor neighbours stay as they are; only the strongest neighbours are
    reached (see ``neighbours``); a question about no known concept is forecast from the mean of all states;
    the head is that of the tasks. The paper's learned graphs are left out.

    Published AUC on ASSISTments 2009: .723, and .709 of DKT beside it, on a part of the log (Nakagawa et al.
    2019). Here all of it, and every step is scored.

    A step costs as the neighbours that it reaches, and its memory is C times the width. A fit to the 175,000
    training answers of ASSISTments 2009 (110 concepts) takes about 100 CPU-seconds and 0.9 GB; an epoch takes
    twice as long with all neighbours (``neighbours=0``).

    :param graph: ``transition``, ``dense`` or pairs of names of concepts, from and to.
    :param neighbours: how many an answer reaches at most, the most strongly joined by A_ij + A_ji; 0 for
        all. None is 16 for ``transition`` and all for the others; ``dense`` has no strongest.
    :param width: of a concept's state.
    """

    name: ClassVar[str] = "gkt"

    def __init__(
        self,
        *,
        graph: Form | Sequence[Sequence[str]] = "transition",
        neighbours: int | None = None,
        width: int = 16,
        epochs: int = 8,
        rate: float = 2e-2,
        tokens: int = 8192,
        **rest: Any,
    ) -> None:
        self.graph: Graph = checked_graph(graph)
        if neighbours is not None:
            whole(self.name, "neighbours", neighbours, least=0)
            if neighbours and self.graph == "dense":
                raise ConfigError(
                    "'neighbours' of 'gkt' cannot choose in a dense graph, where all are joined alike",
                    found=f"neighbours: {neighbours}",
                    remedy="neighbours: 0, or graph: transition",
                )
        few = FEW if neighbours is None and self.graph == "transition" else neighbours
        self.neighbours = few or None
        self._edges: NDArray[np.float32] | None = None
        super().__init__(
            graph=self.graph,
            neighbours=neighbours,
            width=width,
            epochs=epochs,
            rate=rate,
            tokens=tokens,
            **rest,
        )

    def _prepare(self, train: AnswerLog) -> None:
        super()._prepare(train)
        if self.graph == "transition":
            self._edges = transition_graph(train, self.codes)
        elif self.graph == "dense":
            self._edges = dense_graph(len(self.codes.concepts))
        else:
            assert not isinstance(self.graph, str)
            self._edges = given_graph(self.graph, self.codes, train.concepts)

    def build(self) -> nn.Module:
        """The network; its graph is filled in by a fit, or with all that was saved."""
        count = len(self.codes.concepts)
        edges = np.zeros((count, count), dtype=np.float32) if self._edges is None else self._edges
        return GKTNet(torch.from_numpy(edges.copy()), self.width, self.neighbours, self.dropout, self.tasks)
