from __future__ import annotations

import torch

from tracing_nets import (
    batch_of,
    fitted,
    hold_composition,
    hold_no_leak,
    hold_state,
    loud,
    naive_block,
    refuses,
    same,
    tasks,
)
from umbel.families.tracing.model.simplekt import SimpleKTNet


def test_it_holds_the_laws() -> None:
    model = fitted("simplekt", heads=2)
    hold_no_leak(model)
    hold_composition(model)
    hold_state(model)


def test_it_holds_them_in_windows() -> None:
    model = fitted("simplekt", heads=2, layers=1, longest=6, context=2)
    hold_no_leak(model, at_once=4)
    hold_composition(model)


def test_it_is_its_equations() -> None:
    torch.manual_seed(0)
    net = loud(SimpleKTNet(3, 4, 6, 2, 2, 9, 0.0, tasks()))
    torch.nn.init.normal_(net.questions.difficulty)
    batch = batch_of([[[1, 0], [2, 3], [4, 0]]], [[1.0, 0.0, 1.0]], [[2, 3, 0]])
    z, n, m = net.questions.concept.weight, net.questions.vary.weight, net.questions.difficulty
    concepts = torch.stack([z[1], (z[2] + z[3]) / 2, z[4]])
    asked = torch.stack([z[1] + m[2] * n[1], (z[2] + z[3]) / 2 + m[3] * (n[2] + n[3]) / 2, z[4]])
    answers = concepts + net.answers[[1, 0, 1]] + net.positions.weight[:3]
    x = asked + net.positions.weight[:3]
    for block in net.blocks:
        x = naive_block(block, x, x, answers)
    hidden = torch.relu(net.readout.first(torch.cat([x, asked], dim=1)))
    head = net.readout.heads.heads["task correct"]
    same(net(batch)["correct"][0], head(torch.relu(net.readout.second(hidden))))


def test_options_are_checked() -> None:
    refuses("simplekt", "'layers' of 'simplekt'", layers=0)
    refuses("simplekt", "multiple of 'heads'", width=10)
