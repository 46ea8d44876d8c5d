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
from umbel.families.tracing.model.akt import AKTNet


def drawn(layers: int = 1, ridge: float = 0.0) -> AKTNet:
    torch.manual_seed(0)
    net = AKTNet(3, 4, 6, layers, 2, ridge, 0.0, tasks())
    torch.nn.init.normal_(net.questions.difficulty)
    return net


def test_it_holds_the_laws() -> None:
    model = fitted("akt", heads=2)
    hold_no_leak(model)
    hold_composition(model)
    hold_state(model)


def test_it_holds_them_in_windows() -> None:
    model = fitted("akt", heads=2, longest=6, context=2)
    hold_no_leak(model, at_once=4)
    hold_composition(model)


def test_it_is_its_equations() -> None:
    net = loud(drawn(layers=2))
    batch = batch_of([[[1, 0], [2, 3], [4, 0]]], [[1.0, 0.0, 1.0]], [[2, 3, 0]])
    c, d, mu = net.questions.concept.weight, net.questions.vary.weight, net.questions.difficulty
    g, h, said = net.answers, net.answer_directions, (1, 0, 1)
    concept = [c[1], (c[2] + c[3]) / 2, c[4]]
    direction, hard = [d[1], (d[2] + d[3]) / 2, d[4]], [mu[2], mu[3], 0.0]
    asked = torch.stack([concept[t] + hard[t] * direction[t] for t in range(3)])
    x = asked
    y = torch.stack([concept[t] + g[said[t]] + hard[t] * (direction[t] + h[said[t]]) for t in range(3)])
    for block in net.answer_encoder:
        y = naive_block(block, y, y, y)
    for block in net.question_encoder:
        x = naive_block(block, x, x, x)
    for block in net.retriever:
        x = naive_block(block, x, x, y)
    hidden = torch.relu(net.readout.first(torch.cat([x, asked], dim=1)))
    head = net.readout.heads.heads["task correct"]
    same(net(batch)["correct"][0], head(torch.relu(net.readout.second(hidden))))


def test_every_attention_fades_and_only_the_retriever_hides_a_step_from_itself() -> None:
    net = drawn()
    parts = {"question_encoder": False, "answer_encoder": False, "retriever": True}
    for part, strict in parts.items():
        for block in getattr(net, part):
            assert block.attention.speed is not None
            assert block.attention.strict is strict
            assert block.attention.offer is block.attention.ask


def test_the_penalty_is_the_mean_square_of_known_difficulties() -> None:
    net = drawn(ridge=0.25)
    with torch.no_grad():
        net.questions.difficulty.copy_(torch.tensor([7.0, 1.0, 2.0, 3.0]))
    batch = batch_of([[[1], [2], [4]]], [[1.0, 0.0, 1.0]], [[2, 3, 0]])
    batch.weights["correct"][0, 0] = 0.0
    net(batch)
    assert net.penalty is not None
    same(net.penalty, torch.tensor(0.25 * (3.0**2 + 0.0) / 2))
    net.eval()(batch)
    assert net.penalty is None


def test_options_are_checked() -> None:
    refuses("akt", "'ridge' of 'akt'", ridge=float("nan"))
    refuses("akt", "'layers' of 'akt'", layers=0)
    refuses("akt", "multiple of 'heads'", width=10)
