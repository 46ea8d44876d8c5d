from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tracing_nets import (
    batch_of,
    classroom,
    fitted,
    hold_composition,
    hold_no_leak,
    hold_state,
    refuses,
    same,
    tasks,
)
from umbel.errors import ConfigError
from umbel.families.tracing.model.gkt import GKTNet
from umbel.families.tracing.model.tracer import TRACERS

SETS, SAID = [[1, 0], [2, 3], [5, 0], [0, 0], [2, 0], [4, 1]], [1.0, 0.0, 1.0, 1.0, 0.25, 0.0]


def drawn(neighbours: int | None) -> GKTNet:
    torch.manual_seed(0)
    graph = torch.rand(5, 5) * (torch.rand(5, 5) < 0.5)
    graph.fill_diagonal_(0.0)
    net = GKTNet(graph, 4, neighbours, 0.0, tasks()).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    return net


def naive(net: GKTNet, neighbours: int) -> Tensor:
    """Concept by concept, with each f a network over both states at once, as the paper writes it."""
    A, D, spread = net.graph, 4, net.spread
    table = {c: spread.concept[c - 1] for c in range(1, 6)}

    def beside(half: int, second: torch.nn.Linear, i: Tensor, x: Tensor, j: Tensor, c: Tensor) -> Tensor:
        rows = slice(half * D, (half + 1) * D)
        layers = (spread.from_state, spread.from_answer, spread.state, spread.vector)
        first = torch.cat([layer.weight[rows] for layer in layers], dim=1)
        hidden = torch.relu(first @ torch.cat([i, x, j, c]) + spread.from_answer.bias[rows])
        return second(hidden)

    state = {c: torch.zeros(D) for c in range(1, 6)}
    found = []
    for sets, said in zip(SETS, SAID, strict=True):
        asked = [c for c in sets if c]
        read = asked or list(state)
        mean = sum((state[c] for c in read), torch.zeros(D)) / len(read)
        bias = sum((net.bias[c - 1] for c in read), torch.zeros(())) / len(read)
        head = net.heads.heads["task correct"]
        found.append(head(torch.cat([mean, bias[None]])[None])[0] + bias)
        if not asked:
            continue
        n = len(asked)
        x = sum(said * net.right.weight[c] + (1 - said) * net.wrong.weight[c] for c in asked) / n
        out = {j: sum(A[i - 1, j - 1] for i in asked) / n for j in state}
        into = {j: sum(A[j - 1, i - 1] for i in asked) / n for j in state}
        others = [j for j in state if j not in asked and out[j] + into[j] > 0]
        others = sorted(others, key=lambda j: -float(out[j] + into[j]))[:neighbours]
        after = dict(state)
        for k in asked + others:
            if k in asked:
                rows = slice(2 * D, 3 * D)
                first = torch.cat([spread.from_state.weight[rows], spread.from_answer.weight[rows]], dim=1)
                hidden = torch.relu(first @ torch.cat([mean, x]) + spread.from_answer.bias[rows])
                message = spread.own(hidden)
            else:
                message = out[k] * beside(0, spread.outward, mean, x, state[k], table[k])
                message = message + into[k] * beside(1, spread.inward, mean, x, state[k], table[k])
            gates = spread.gates(message)
            s = spread.strength[k - 1]
            message = message * (1 - s * torch.sigmoid(gates[:D])) + s * torch.tanh(gates[D:])
            after[k] = spread.unit(message[None], state[k][None])[0]
        state = after
    return torch.stack(found)


@pytest.mark.parametrize("neighbours", [None, 2, 1])
def test_it_is_its_equations_concept_by_concept(neighbours: int | None) -> None:
    net = drawn(neighbours)
    expected = naive(net, 5 if neighbours is None else neighbours)
    same(net(batch_of([SETS], [SAID]))["correct"][0], expected)


@pytest.mark.parametrize("options", [{"graph": "dense"}, {"neighbours": 0}, {"graph": [["a", "b"]]}])
def test_it_holds_the_laws(options: dict[str, Any]) -> None:
    model = fitted("gkt", **options)
    if "graph" not in options or options["graph"] == "dense":
        hold_no_leak(model)
    hold_composition(model)
    hold_state(model)
    json.dumps(model.options)


def test_who_else_is_there_does_not_choose_between_equal_neighbours() -> None:
    net = drawn(1)
    net.graph.fill_(0.25).fill_diagonal_(0.0)
    alone = net(batch_of([[[1, 0], [2, 0], [3, 0]]], [[1.0, 0.0, 1.0]]))["correct"]
    sets = [[[1, 0], [2, 0], [3, 0]], [[4, 1], [2, 5], [3, 1]]]
    together = net(batch_of(sets, [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]))["correct"]
    same(together[:1], alone)


def test_an_answer_reaches_only_along_edges() -> None:
    log = classroom()
    model = TRACERS.get("gkt")(graph=[["a", "b"]], width=4, epochs=1, calibration="none").fit(log, log)
    sets = [[1], [2], [3]]
    for first, moved in ((0.0, [False, True, False]), (1.0, [False, True, False])):
        told = [model.net(batch_of([sets], [[said, 1.0, 1.0]]))["correct"][0, :, 0] for said in (first, 0.5)]
        assert ((told[0] - told[1]).abs() > 0).tolist() == moved


def test_a_log_whose_concepts_are_all_unknown_is_forecast_alike() -> None:
    net = drawn(2)
    told = net(batch_of([[[0, 0], [0, 0]]], [[1.0, 0.0]]))["correct"]
    same(told[0, 0], told[0, 1])
    assert np.isfinite(told.detach().numpy()).all()


def test_options_are_checked() -> None:
    refuses("gkt", "cannot choose in a dense graph", graph="dense", neighbours=4)
    refuses("gkt", "'neighbours' of 'gkt'", neighbours=-1)
    refuses("gkt", "a graph must be a form", graph="sparse")
    log = classroom()
    with pytest.raises(ConfigError, match="concepts of the training log"):
        TRACERS.get("gkt")(graph=[["a", "z"]]).fit(log, log)
