from __future__ import annotations

import numpy as np
import torch
from tests.families.tracing.model.attribute_logs import attribute_logs
from torch import Tensor

from tracing_nets import batch_of, classroom, fitted, hold_no_leak, loud, naive_block, refuses, same, tasks
from umbel.families.tracing.model.rasch_transformer import RaschTransformer, RaschTransformerNet
from umbel.families.tracing.source.history import FEATURES


def drawn(layers: int) -> RaschTransformerNet:
    torch.manual_seed(0)
    net = RaschTransformerNet(3, 4, 6, 5, 0.0, tasks(), layers=layers, heads=2, inner_dropout=0.0)
    torch.nn.init.normal_(net.items.difficulty)
    loud(net)
    return net


def naive_read(net: RaschTransformerNet, item: Tensor, correct: Tensor) -> Tensor:
    """One student, step by step."""
    answers = []
    for x, y in zip(item, correct, strict=True):
        right, wrong = net.into.weight[:, : len(x)], net.into.weight[:, len(x) :]
        answers.append(y * (right @ x) + (1 - y) * (wrong @ x) + net.into.bias)
    answer = torch.stack(answers)
    for block in net.blocks[:-1]:
        assert not block.attention.strict
        answer = naive_block(block, answer, answer, answer)
    assert net.blocks[-1].attention.strict
    return naive_block(net.blocks[-1], item, item, answer)


def test_what_it_reads_is_its_equations_step_by_step() -> None:
    torch.manual_seed(1)
    item, correct = torch.randn(2, 5, 6), torch.tensor([[1.0, 0, 0.25, 1, 1], [0, 0, 1, 0, 1]])
    for layers in (1, 2):
        net = drawn(layers)
        found = net.read(item, correct)
        same(found, torch.stack([naive_read(net, item[i], correct[i]) for i in (0, 1)]))


def test_the_head_is_that_of_the_history() -> None:
    net = drawn(1)
    batch = batch_of([[[1, 0], [2, 3], [4, 0]]], [[1.0, 0.0, 1.0]], [[2, 3, 0]])
    features = batch.inputs["features"] = torch.randn(1, 3, len(FEATURES))
    item, difficulty = net.items(batch.inputs["question"], batch.inputs["concepts"])
    state = naive_read(net, item[0], batch.inputs["correct"][0])
    hard = difficulty[0, :, None]
    met = torch.relu(net.inner(torch.cat([state, item[0], features[0], hard], dim=1)))
    expected = net.heads.heads["task correct"](torch.cat([met, hard], dim=1)) - hard
    same(net(batch)["correct"][0], expected)


def test_windows_change_no_forecast_of_the_first_of_them() -> None:
    model = fitted("rasch_transformer", heads=2, layers=2, hidden=6)
    log = classroom().take([1])  # 14 answers
    whole = model.predict(log)
    model.longest, model.context = 6, 2
    assert [(w.context, w.stop - w.start) for w in model.sequences(log).windows()] == [
        (0, 6), (2, 6), (2, 6),
    ]  # fmt: skip
    cut = model.predict(log)
    np.testing.assert_allclose(cut[:6], whole[:6], rtol=0, atol=1e-6)
    assert np.abs(cut[6:] - whole[6:]).max() > 1e-6  # the attention sees less there, the history as much
    hold_no_leak(model)


def test_attributes_are_a_part_of_its_items() -> None:
    train, valid, test = attribute_logs("number")
    model = RaschTransformer(width=8, hidden=8, epochs=1, tokens=512)
    model.fit(train, valid)
    assert isinstance(model.net, RaschTransformerNet)
    assert model.net.items.told.shape == (8, 1)
    assert np.isfinite(model.predict(test)).all()


def test_options_are_checked() -> None:
    refuses("rasch_transformer", "'layers' of 'rasch_transformer'", layers=0)
    refuses("rasch_transformer", "multiple of 'heads'", width=9)
    refuses("rasch_transformer", "'inner_dropout'", inner_dropout=1.0)
