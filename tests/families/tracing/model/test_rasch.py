from __future__ import annotations

import numpy as np
import pytest
import torch

from tracing_nets import classroom, same
from umbel.errors import ConfigError
from umbel.families.tracing.model.net_tracer import NetTracer
from umbel.families.tracing.model.rasch import ItemPrior, RaschItems, checked_ridge
from umbel.families.tracing.model.tracer import TRACERS


def test_an_unknown_question_is_of_average_difficulty_whatever_stands_in_the_table() -> None:
    items = RaschItems(3, 2, 4)
    with torch.no_grad():
        items.difficulty.copy_(torch.tensor([9.0, 1.0, -2.0, 0.5]))
    question = torch.tensor([[0, 1], [2, 3]])
    _, _, difficulty = items.parts(question, torch.ones(2, 2, 1, dtype=torch.long))
    assert difficulty[..., 0].tolist() == [[0.0, 1.0], [-2.0, 0.5]]
    difficulty.sum().backward()
    assert items.difficulty.grad is not None
    assert items.difficulty.grad.tolist() == [0.0, 1.0, 1.0, 1.0]


def test_items_are_the_equation_of_their_class() -> None:
    torch.manual_seed(0)
    items = RaschItems(2, 3, 4, 5)
    for parameter in items.parameters():
        torch.nn.init.normal_(parameter)
    question, sets = torch.tensor([[1, 0]]), torch.tensor([[[1, 3], [0, 0]]])
    about = torch.randn(1, 2, 5)
    found, difficulty = items(question, sets, about)
    e, v, d = items.concept.weight, items.vary.weight, items.difficulty
    hard = [d[1] + items.harder[0] @ about[0, 0], items.harder[0] @ about[0, 1]]
    same(difficulty[0], torch.stack(hard))
    first = (e[1] + e[3]) / 2 + hard[0] * (v[1] + v[3]) / 2 + items.told @ about[0, 0]
    same(found[0], torch.stack([first, items.told @ about[0, 1]]))  # a set may be empty


def test_attributes_draw_nothing_and_begin_at_nothing() -> None:
    made = []
    for attributes in (0, 6):
        torch.manual_seed(3)
        made.append((RaschItems(2, 3, 4, attributes), torch.rand(1)))
    (plain, drawn), (rich, also) = made
    assert drawn == also
    question, sets = torch.tensor([[1, 2]]), torch.tensor([[[1], [3]]])
    assert torch.equal(plain(question, sets)[0], rich(question, sets, torch.randn(1, 2, 6))[0])
    assert set(rich.state_dict()) - set(plain.state_dict()) == {"told", "harder"}


def test_the_prior_is_of_the_difficulties() -> None:
    items = RaschItems(2, 1, 3)
    with torch.no_grad():
        items.difficulty.copy_(torch.tensor([0.0, 1.0, -2.0]))
    same(ItemPrior(0.5)(torch.nn.ModuleList([items])), torch.tensor(5 / (2 * 0.25)))


def test_a_ridge_is_checked() -> None:
    assert checked_ridge("akt", 0.0) == 0.0
    with pytest.raises(ConfigError, match="'ridge' of 'akt'"):
        checked_ridge("akt", -1.0)


@pytest.mark.parametrize("name", ["simplekt", "akt"])
def test_a_log_without_question_names_does_no_harm(name: str) -> None:
    log = classroom(12, named=False)
    model = TRACERS.get(name)(width=8, heads=2, epochs=1, average=0.0)
    assert isinstance(model, NetTracer)
    told = model.fit(log, classroom(4, seed=1, named=False)).predict(log)
    assert np.isfinite(told).all()
    assert model.net.questions.difficulty.tolist() == [0.0]
