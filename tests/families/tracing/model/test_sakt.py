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
from umbel.families.tracing.model.sakt import SAKTNet


def test_it_holds_the_laws() -> None:
    model = fitted("sakt", heads=2)
    hold_no_leak(model)
    hold_composition(model)
    hold_state(model)


def test_it_holds_them_in_windows() -> None:
    model = fitted("sakt", heads=2, longest=6, context=2)
    hold_no_leak(model, at_once=4)
    hold_composition(model)


def test_it_is_its_equations() -> None:
    torch.manual_seed(0)
    net = loud(SAKTNet(4, 6, 2, 9, 0.0, tasks()))
    batch = batch_of([[[1, 0], [2, 3], [0, 0], [4, 0]]], [[1.0, 0.0, 1.0, 0.25]])
    right, wrong, asked = net.right.weight, net.wrong.weight, net.asked.weight
    none = torch.zeros(6)
    answers = [right[1], (wrong[2] + wrong[3]) / 2, none, 0.25 * right[4] + 0.75 * wrong[4]]
    queries = torch.stack([asked[1], (asked[2] + asked[3]) / 2, none, asked[4]])
    keys = torch.stack(answers) + net.positions.weight[:4]
    head = net.heads.heads["task correct"]
    same(net(batch)["correct"][0], head(naive_block(net.block, queries, keys, keys)))


def test_options_are_checked() -> None:
    refuses("sakt", "multiple of 'heads'", width=10, heads=4)
    refuses("sakt", "'heads' of 'sakt'", heads=0)
