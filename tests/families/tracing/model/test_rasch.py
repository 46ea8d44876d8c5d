from __future__ import annotations

import numpy as np
import pytest
import torch

from tracing_nets import classroom
from umbel.families.tracing.model.net_tracer import NetTracer
from umbel.families.tracing.model.rasch import RaschQuestions
from umbel.families.tracing.model.tracer import TRACERS


def test_an_unknown_question_is_of_average_difficulty_whatever_stands_in_the_table() -> None:
    items = RaschQuestions(3, 2, 4)
    with torch.no_grad():
        items.difficulty.copy_(torch.tensor([9.0, 1.0, -2.0, 0.5]))
    question = torch.tensor([[0, 1], [2, 3]])
    _, _, difficulty = items(question, torch.ones(2, 2, 1, dtype=torch.long))
    assert difficulty[..., 0].tolist() == [[0.0, 1.0], [-2.0, 0.5]]
    difficulty.sum().backward()
    assert items.difficulty.grad is not None
    assert items.difficulty.grad.tolist() == [0.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", ["simplekt", "akt"])
def test_a_log_without_question_names_does_no_harm(name: str) -> None:
    log = classroom(12, named=False)
    model = TRACERS.get(name)(width=8, heads=2, epochs=1, average=0.0)
    assert isinstance(model, NetTracer)
    told = model.fit(log, classroom(4, seed=1, named=False)).predict(log)
    assert np.isfinite(told).all()
    assert model.net.questions.difficulty.tolist() == [0.0]
