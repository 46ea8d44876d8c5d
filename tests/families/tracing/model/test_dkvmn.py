from __future__ import annotations

import torch

from tracing_nets import (
    batch_of,
    fitted,
    hold_composition,
    hold_no_leak,
    hold_state,
    loud,
    refuses,
    same,
    tasks,
)
from umbel.families.tracing.model.dkvmn import DKVMNNet, memories


def test_it_holds_the_laws() -> None:
    model = fitted("dkvmn", slots=3)
    hold_no_leak(model)
    hold_composition(model)
    hold_state(model)


def test_the_memory_is_written_slot_by_slot() -> None:
    torch.manual_seed(0)
    start, place = torch.randn(3, 4), torch.softmax(torch.randn(2, 5, 3), dim=-1)
    erase, add = torch.rand(2, 5, 4), torch.randn(2, 5, 4)
    found = memories(start, place, erase, add)
    for b in range(2):
        memory = [start[i].clone() for i in range(3)]
        for t in range(5):
            same(found[b, t], torch.stack(memory))
            for i in range(3):
                kept = memory[i] * (1 - place[b, t, i] * erase[b, t])
                memory[i] = kept + place[b, t, i] * add[b, t]


def test_it_is_its_equations() -> None:
    torch.manual_seed(0)
    net = loud(DKVMNNet(4, 6, 3, 0.0, tasks()))
    batch = batch_of([[[1, 0], [2, 3], [0, 0], [4, 0]]], [[1.0, 0.0, 1.0, 0.25]])
    right, wrong, asked = net.right.weight, net.wrong.weight, net.asked.weight
    none = torch.zeros(6)
    answers = [right[1], (wrong[2] + wrong[3]) / 2, none, 0.25 * right[4] + 0.75 * wrong[4]]
    keys = [asked[1], (asked[2] + asked[3]) / 2, none, asked[4]]
    memory, expected = net.start, []
    for k, v in zip(keys, answers, strict=True):
        w = torch.softmax(net.keys.weight @ k, dim=0)
        summary = torch.tanh(net.summary(torch.cat([w @ memory, k])))
        expected.append(net.heads.heads["task correct"](summary[None])[0])
        erase, add = torch.sigmoid(net.erase(v)), torch.tanh(net.add(v))
        memory = memory * (1 - torch.outer(w, erase)) + torch.outer(w, add)
    same(net(batch)["correct"][0], torch.stack(expected))


def test_options_are_checked() -> None:
    refuses("dkvmn", "'slots' of 'dkvmn'", slots=0)
