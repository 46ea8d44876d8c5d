from __future__ import annotations

import math

import pytest
import torch

from tracing_nets import batch_of, fitted, hold_composition, hold_no_leak, hold_state, refuses, same, tasks
from umbel.families.tracing.learn.likelihood import sequence_losses
from umbel.families.tracing.model.dkt import DKTNet
from umbel.families.tracing.model.dkt_plus import DKTPlusNet

BATCH = batch_of(
    [[[1, 0], [2, 3], [1, 0], [3, 0]], [[2, 0], [1, 3], [0, 0], [0, 0]]],
    [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]],
)
BATCH.weights["correct"][1, 2:] = 0.0  # the second student gave two answers


def drawn(strengths: tuple[float, float, float]) -> DKTPlusNet:
    torch.manual_seed(0)
    net = DKTPlusNet(3, 5, "lstm", 0.0, tasks(), strengths)
    for parameter in net.parameters():  # heads begin small: no forecast would depend on them
        torch.nn.init.normal_(parameter, std=0.7)
    return net


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_it_holds_the_laws(cell: str) -> None:
    model = fitted("dkt_plus", cell=cell)
    hold_no_leak(model)
    hold_composition(model)
    hold_state(model)


def test_its_forecasts_are_those_of_dkt() -> None:
    net = drawn((0.1, 0.003, 3.0))
    plain = DKTNet(3, 5, "lstm", 0.0, tasks())
    plain.load_state_dict(net.state_dict())
    same(net(BATCH)["correct"], plain(BATCH)["correct"])


def forecasts(net: DKTPlusNet, student: int, seen: int, concepts: list[int]) -> float:
    """What DKT itself says of a set of concepts, asked after so many answers of a student."""
    plain = DKTNet(3, 5, "lstm", 0.0, tasks())
    plain.load_state_dict(net.state_dict())
    sets = [*BATCH.inputs["concepts"][student, :seen].tolist(), [*concepts, 0][:2]]
    answers = [*BATCH.inputs["correct"][student, :seen].tolist(), 0.0]
    return float(plain(batch_of([sets], [answers]))["correct"][0, -1, 0].sigmoid().detach())


def test_the_three_terms_are_those_counted_by_hand() -> None:
    net = drawn((1.0, 0.0, 0.0))
    lengths, asked = (4, 2), (([1], [2, 3], [1], [3]), ([2], [1, 3]))
    errors, first, second = [], [], []
    for student in (0, 1):
        for t in range(lengths[student] - 1):
            again = forecasts(net, student, t + 1, asked[student][t])
            said = float(BATCH.inputs["correct"][student, t])
            errors.append(-math.log(again if said == 1 else 1 - again))
            change = [
                forecasts(net, student, t + 1, [c]) - forecasts(net, student, t, [c]) for c in (1, 2, 3)
            ]
            first.append(sum(abs(x) for x in change) / 3)
            second.append(sum(x * x for x in change) / 3)
    terms = [sum(part) / 4 for part in (errors, first, second)]
    for strengths in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.1, 0.003, 3.0)):
        net = drawn(strengths)
        net(BATCH)
        assert net.penalty is not None
        expected = sum(a * b for a, b in zip(strengths, terms, strict=True))
        assert float(net.penalty.detach()) == pytest.approx(expected, rel=1e-4)


def test_the_penalty_joins_the_loss_in_training_only() -> None:
    net, counts = drawn((0.5, 0.0, 0.0)), torch.tensor([6.0])
    (total,) = sequence_losses(net, BATCH, tasks(), counts)
    penalty = net.penalty
    net.eval()
    (plain,) = sequence_losses(net, BATCH, tasks(), counts)
    assert net.penalty is None
    assert penalty is not None
    assert float(penalty.detach()) > 0.01
    same(total, plain + penalty)


def test_students_of_one_answer_have_no_neighbouring_steps() -> None:
    net = drawn((0.1, 0.003, 3.0))
    net(batch_of([[[1]], [[2]]], [[1.0], [0.0]]))
    assert net.penalty is not None
    assert float(net.penalty.detach()) == 0.0


def test_options_are_checked() -> None:
    refuses("dkt_plus", "'waviness_2' of 'dkt_plus'", waviness_2=-1.0)
    refuses("dkt_plus", "'reconstruction' of 'dkt_plus'", reconstruction=float("nan"))
    refuses("dkt_plus", "a cell must be", cell="rnn")
