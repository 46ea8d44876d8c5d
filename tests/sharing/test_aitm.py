"""AITM: the attention over what is handed on and what is the target's own, along a chain."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trunk_cases import SHAPES, begun, three_rows
from umbel.errors import ConfigError
from umbel.sharing.aitm import AdaptiveTransfer, Transfer, behavioural_calibration
from umbel.sharing.esmm import EntireSpace

TARGETS = ("click", "apply.now", "buy")


def made(blocks: str = "mlp", chain: tuple[str, ...] | None = ("click", "apply.now")) -> AdaptiveTransfer:
    return begun(AdaptiveTransfer, blocks, TARGETS, chain=chain)


def attended(transfer: Transfer, before: Tensor, own: Tensor) -> Tensor:
    """Row by row, as the paper writes it."""
    found = []
    for z, q in zip(before, own, strict=True):
        p = transfer.handed.weight @ z + transfer.handed.bias
        scores, values = [], []
        for u in (p, q):
            query = transfer.query.weight @ u + transfer.query.bias
            key = transfer.key.weight @ u + transfer.key.bias
            scores.append(torch.exp(query @ key / math.sqrt(len(u))))
            values.append(transfer.value.weight @ u + transfer.value.bias)
        found.append(sum(s * v for s, v in zip(scores, values, strict=True)) / sum(scores))
    return torch.stack(found)


@pytest.mark.parametrize("blocks", SHAPES)
def test_along_the_chain_by_hand(blocks: str) -> None:
    chain = ("buy", "click", "apply.now")
    sharing, x = made(blocks, chain), three_rows(blocks)
    with torch.no_grad():  # residual blocks start alike, as the identity
        for parameter in sharing.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    found, shared = sharing(x), sharing.shared(x)
    z = sharing.tower(shared, "buy")
    torch.testing.assert_close(found["buy"], z, rtol=0, atol=0)
    for target, name in (("click", "of_click"), ("apply.now", "of_apply%2Enow")):
        transfer = sharing.get_submodule(f"transfers.{name}")
        assert isinstance(transfer, Transfer)
        z = attended(transfer, z, sharing.tower(shared, target))
        torch.testing.assert_close(found[target], z, rtol=0, atol=1e-12)


def test_a_target_outside_the_chain_has_its_tower_alone() -> None:
    expected = begun(EntireSpace, "mlp", TARGETS)(three_rows("mlp"))
    found = made()(three_rows("mlp"))
    for target in ("click", "buy"):  # the first of the chain, and one outside
        torch.testing.assert_close(found[target], expected[target], rtol=0, atol=0)
    assert (found["apply.now"] - expected["apply.now"]).abs().max() > 1e-3


def test_information_goes_down_the_chain_and_not_up() -> None:
    sharing = made()
    names = [name for name, _ in sharing.named_parameters()]
    used = {}
    for target in TARGETS:
        loss = sharing(three_rows("mlp"))[target].square().sum()
        grads = torch.autograd.grad(loss, list(sharing.parameters()), allow_unused=True)
        own = {n for n, grad in zip(names, grads, strict=True) if grad is not None}
        used[target] = {n.split(".")[0] + "." + n.split(".")[1] for n in own}
    assert used["click"] == {"common.0", "towers.of_click"}
    assert used["buy"] == {"common.0", "towers.of_buy"}
    assert used["apply.now"] == {
        "common.0",
        "towers.of_click",
        "towers.of_apply%2Enow",
        "transfers.of_apply%2Enow",
    }


def test_by_default_the_chain_is_sorted_by_name() -> None:
    assert made(chain=None).chain == ("apply.now", "buy", "click")
    assert AdaptiveTransfer(5, TARGETS[::-1]).chain == ("apply.now", "buy", "click")
    assert AdaptiveTransfer(5, ["click"]).chain == ("click",)


def test_a_chain_of_unknown_targets_is_told() -> None:
    with pytest.raises(ConfigError, match="did you mean 'click'"):
        made(chain=("clck", "buy"))


def test_it_needs_a_trunk() -> None:
    with pytest.raises(ConfigError, match="'aitm' needs a trunk"):
        AdaptiveTransfer(5, TARGETS, depth=0)


def test_features_of_another_precision_are_taken() -> None:
    sharing = made().float()
    assert sharing(three_rows("mlp"))["apply.now"].dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = sharing(three_rows("mlp").float())["apply.now"].float()
    torch.testing.assert_close(found, sharing(three_rows("mlp"))["apply.now"], rtol=0.05, atol=0.05)


def test_the_calibration_is_what_the_later_exceeds_the_earlier_by() -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0], [-0.4, 0.5, 2.0]], dtype=torch.float64, requires_grad=True)
    before, after = logits.sigmoid()
    found = behavioural_calibration(before, after)
    expected = [0.0, (after[1] - before[1]).item(), 0.0]
    assert found.tolist() == pytest.approx(expected, abs=1e-15)
    assert expected[1] > 0
    (grad,) = torch.autograd.grad(found.sum(), logits)
    slope = functional.sigmoid(logits) * functional.sigmoid(-logits)
    # down with the later, up with the earlier, and nothing where the order is kept
    torch.testing.assert_close(grad, slope * torch.tensor([[0.0, -1, 0], [0, 1, 0]]).double())
