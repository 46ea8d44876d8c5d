"""The Gramian of a linear layer without its gradients, against the gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from balanced_nets import same
from umbel.balancing.ghost import Linear, products, products_of_rows
from umbel.balancing.layers import layers_of
from umbel.balancing.taking import edges_of


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def found(output: Tensor, wanted: list[Tensor]) -> list[Linear]:
    return layers_of(edges_of([output.sum()]), wanted)[0]


def explicit(layer: Linear, delta: Tensor) -> Tensor:
    """delta^T A and the sum of delta, in a row."""
    parts = [delta.T @ layer.inputs, delta.sum(dim=0)][: len(layer.parameters)]
    return torch.cat([part.flatten() for part in parts])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(9, 4), (3, 5, 4), (150, 4)])
def test_products_and_gradients(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    module = nn.Linear(4, 3, bias=bias).double()
    (layer,) = found(module(drawn(*shape)), list(module.parameters()))
    assert len(layer.parameters) == 1 + bias
    deltas = drawn(5, len(layer.inputs), 3)
    rows = torch.stack([explicit(layer, delta) for delta in deltas])
    same(products(layer, deltas), rows @ rows.T)
    same(torch.cat([g.flatten() for g in layer.gradients(deltas[1])]), rows[1])


def test_a_wide_layer_goes_in_blocks_of_rows() -> None:
    module = nn.Linear(3, 2000, bias=False).double()
    (layer,) = found(module(drawn(40, 3)), [module.weight])
    deltas = drawn(2, 40, 2000)
    rows = torch.stack([explicit(layer, delta) for delta in deltas])
    same(products(layer, deltas), rows @ rows.T)


@pytest.mark.parametrize("bias", [True, False])
def test_rows_that_belong_to_one_task_each(bias: bool) -> None:
    module = nn.Linear(4, 3, bias=bias).double()
    (layer,) = found(module(drawn(9, 4)), list(module.parameters()))
    owner = torch.tensor([0, 0, 2, 2, 2, 3, 3, 0, 2])
    delta = drawn(9, 3)
    rows = torch.stack([explicit(layer, delta * (owner == p)[:, None]) for p in range(4)])
    same(products_of_rows(layer, delta, owner, 4), rows @ rows.T)


def test_a_weight_may_be_wanted_without_its_bias() -> None:
    module = nn.Linear(4, 3)
    (layer,) = found(module(torch.randn(5, 4)), [module.weight])
    assert [p is module.weight for p in layer.parameters] == [True]
    assert found(module(torch.randn(5, 4)), [module.bias]) == []
    module.bias.requires_grad_(False)
    assert len(found(module(torch.randn(5, 4)), [module.weight])) == 1


def _twice(module: nn.Linear, x: Tensor) -> Tensor:
    return module(torch.tanh(module(x)))


def _turned_once(module: nn.Linear, x: Tensor) -> Tensor:
    turned = module.weight.T
    return (x @ turned) @ turned


@pytest.mark.parametrize(
    "run",
    [
        _twice,
        _turned_once,
        lambda module, x: module(x) + module.weight.sum(),
        lambda module, x: torch.addmm(module.bias, x, module.weight.T, alpha=2.0),
        lambda module, x: functional.linear(x, 2 * module.weight, module.bias),
        lambda module, x: x @ module.weight,
    ],
)
def test_other_uses_of_a_weight_are_no_such_layer(run: Callable[[nn.Linear, Tensor], Tensor]) -> None:
    module = nn.Linear(4, 4)
    assert found(run(module, torch.randn(3, 4)), list(module.parameters())) == []


def test_it_pays_for_few_rows_and_many_tasks() -> None:
    def pays(rows: int, width: int, count: int) -> bool:
        module = nn.Linear(width, width)
        (layer,) = found(module(torch.randn(rows, width)), list(module.parameters()))
        return layer.pays(count)

    assert pays(64, 512, 2)
    assert pays(256, 512, 8)
    assert not pays(1024, 64, 8)
    assert not pays(1024, 64, 40)
