"""DSelect-k: the smooth step, exact codes, and the entropy that tells how exact they are."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from trunk_cases import CASES, TARGETS, drawn, hold_laws, hold_real_shapes, rows, same
from umbel.errors import ConfigError
from umbel.sharing.dselect_k import DSelectKSharing, Select, smooth_step
from umbel.sharing.sharing import SHARINGS


def drawn_select(case: str, **options: Any) -> DSelectKSharing:
    sharing = drawn("dselect_k", case, **options)
    assert isinstance(sharing, DSelectKSharing)
    return sharing


def code_of(*experts: int) -> Tensor:
    """Codes of four experts, beyond the steps: one row per bit, the lowest first, selector by selector."""
    bits = [(expert >> bit) & 1 for expert in experts for bit in range(2)]
    return 0.7 * (2 * torch.tensor(bits).double() - 1)[:, None]


@pytest.mark.parametrize("per_example", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_contract(case: str, per_example: bool) -> None:
    hold_laws("dselect_k", case, per_example=per_example)


def test_it_takes_images_and_sequences() -> None:
    hold_real_shapes("dselect_k")


@pytest.mark.parametrize("gamma", [0.5, 1.0, 3.0])
def test_the_step_is_smooth_and_becomes_exact(gamma: float) -> None:
    t = torch.linspace(-gamma, gamma, 4001, dtype=torch.float64, requires_grad=True)
    s = smooth_step(t, gamma)
    assert (s[t <= -gamma / 2] == 0).all()
    assert (s[t >= gamma / 2] == 1).all()
    assert (s.diff() >= 0).all()
    same(s + s.flip(0), torch.ones_like(s))
    (slope,) = torch.autograd.grad(s.sum(), t)
    assert slope.max().item() == pytest.approx(1.5 / gamma)
    assert slope.diff().abs().max() < 0.01 / gamma  # no jump, not even at the ends
    torch.testing.assert_close((s[2:] - s[:-2]) / (t[2:] - t[:-2]), slope[1:-1], rtol=0, atol=2e-3 / gamma)


@pytest.mark.parametrize("case", CASES)
def test_exact_codes_select_experts(case: str) -> None:
    sharing, x = drawn_select(case), rows(case)
    gate = sharing.gate("one")
    with torch.no_grad():
        gate.code.copy_(code_of(1, 2))
        gate.weight.copy_(torch.tensor([[0.0], [math.log(3.0)]], dtype=torch.float64))
    same(sharing.shares(x)["one"], torch.tensor([[0.0, 0.25, 0.75, 0.0]]).double())
    experts = sharing.experts(x)
    same(sharing(x)["one"], 0.25 * experts[:, 1] + 0.75 * experts[:, 2])


def test_every_expert_has_a_code() -> None:
    gate = Select(1, 8, k=1, gamma=1.0).double()
    one = torch.ones(1, 1).double()
    for expert in range(8):
        with torch.no_grad():
            bits = torch.tensor([(expert >> bit) & 1 for bit in range(3)])
            gate.code.copy_((2.0 * bits - 1)[:, None])
        same(gate(one), torch.eye(8).double()[[expert]])


def test_shares_are_products_of_bits() -> None:
    gate = Select(3, 4, k=2, gamma=1.0).double()
    with torch.no_grad():
        gate.weight.normal_()
        gate.code.normal_(std=0.2)
    x = torch.randn(5, 3).double()
    bits = smooth_step(x @ gate.code.T)  # [B, 4]: two of each selector
    weights = torch.softmax(x @ gate.weight.T, dim=1)
    expected = torch.zeros(5, 4).double()
    for selector in range(2):
        low, high = bits[:, 2 * selector], bits[:, 2 * selector + 1]
        products = [(1 - low) * (1 - high), low * (1 - high), (1 - low) * high, low * high]
        expected += weights[:, [selector]] * torch.stack(products, dim=1)
    same(gate(x), expected)
    same(expected.sum(dim=1), torch.ones(5).double())


def test_gates_of_a_row_differ_by_row_and_others_do_not() -> None:
    x = rows("mlp")
    static = drawn_select("mlp").shares(x)["one"]
    own = drawn_select("mlp", per_example=True).shares(x)["one"]
    assert static.shape == (1, 4)
    assert own.shape == (4, 4)
    assert own.std(dim=0).max() > 1e-3
    sharing = drawn_select("mlp", per_example=True)
    same(sharing(x)["one"], torch.einsum("be,bed->bd", own, sharing.experts(x)))


def test_selectors_part_from_the_start() -> None:
    sharing = SHARINGS.get("dselect_k")(5, TARGETS, gamma=2.0)
    code = sharing.gate("one").code
    assert code.abs().max() <= 0.02
    assert len(code.unique()) == code.numel()


@pytest.mark.parametrize("per_example", [False, True])
def test_the_entropy_is_that_of_the_selectors(per_example: bool) -> None:
    sharing, x = drawn_select("mlp", per_example=per_example), rows("mlp")
    seen = sharing.seen(x)
    for target in TARGETS:
        shares = sharing.gate(target).selectors(seen)
        expected = torch.distributions.Categorical(probs=shares).entropy().sum(dim=1).mean()
        torch.testing.assert_close(sharing.entropy(x)[target], expected, rtol=0, atol=1e-4)


def test_the_entropy_goes_from_k_log_e_to_0_with_a_finite_gradient() -> None:
    sharing, x = drawn_select("mlp"), rows("mlp")
    code = sharing.gate("one").code
    for value, expected in ((torch.zeros(4, 1), 2 * math.log(4)), (code_of(0, 3), 0.0)):
        with torch.no_grad():
            code.copy_(value)
        found = sharing.entropy(x)["one"]
        assert found.item() == pytest.approx(expected, abs=2e-5)
        (grad,) = torch.autograd.grad(found, code)
        assert grad.isfinite().all()


def test_entropy_added_to_a_loss_makes_codes_exact() -> None:
    sharing, x = drawn_select("mlp"), rows("mlp")
    optimizer = torch.optim.Adam(sharing.gates.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        torch.stack(list(sharing.entropy(x).values())).sum().backward()
        optimizer.step()
    for shares in sharing.shares(x).values():
        assert (shares == 0).sum() >= 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"experts": 6}, "experts: 8"),
        ({"experts": 1}, "2 or more"),
        ({"k": 0}, "'k'"),
        ({"k": 5}, "k: 5, experts: 4"),
        ({"gamma": 0.0}, "gamma: 0.0"),
        ({"depth": 0}, "needs a trunk"),
    ],
)
def test_it_says_what_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SHARINGS.get("dselect_k")(5, TARGETS, **options)
