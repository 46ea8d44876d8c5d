"""MTAN: masks that let all through give hard sharing; the chain of masks, written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trunk_cases import SHAPES, begun, three_rows
from umbel.errors import ConfigError
from umbel.sharing.hard import HardSharing
from umbel.sharing.mtan import AttentionNetwork, Pointwise

TARGETS = ("one", "two.three")


def made(blocks: str, *, depth: int = 2, squeeze: int = 2) -> AttentionNetwork:
    return begun(AttentionNetwork, blocks, TARGETS, depth=depth, squeeze=squeeze)


def masks(sharing: AttentionNetwork, target: str, bias: float) -> None:
    """All of a target's masks at one value, sigmoid(bias)."""
    with torch.no_grad():
        for name, parameter in sharing.named_parameters():
            if name.startswith(f"attentions.{target}.") and ".outer." in name:
                parameter.fill_(bias if name.endswith("bias") else 0.0)


@pytest.mark.parametrize("blocks", SHAPES)
def test_with_open_masks_it_is_hard_sharing_and_with_closed_ones_nothing(blocks: str) -> None:
    sharing, x = made(blocks), three_rows(blocks)
    hard = begun(HardSharing, blocks, TARGETS)
    hard.load_state_dict(
        {
            name.replace("stages.0.", "first.")
            if k == 0
            else name.replace(f"stages.{k}.", f"blocks.{k - 1}."): p
            for name, p in sharing.state_dict().items()
            if name.startswith("stages.")
            for k in [int(name.split(".")[1])]
        }
    )
    masks(sharing, "of_one", 50.0)
    masks(sharing, "of_two%2Ethree", -50.0)
    found = sharing(x)
    torch.testing.assert_close(found["one"], hard(x)["one"], rtol=0, atol=1e-12)
    torch.testing.assert_close(found["two.three"], torch.zeros(3, 8).double(), rtol=0, atol=1e-12)


def test_the_chain_of_masks_by_hand() -> None:
    """Two image stages and a dense one: a = sigmoid(h(relu(g([p, f(a of the stage before)])))) * p."""
    sharing, x = made("convolution"), three_rows("convolution")
    p = sharing.shared(x)
    assert [h.shape[1:] for h in p] == [(32, 14, 14), (32, 7, 7), (8,)]
    parameters = dict(sharing.named_parameters())
    for target, name in zip(TARGETS, ("of_one", "of_two%2Ethree"), strict=True):
        attended: Tensor | None = None
        for k, features in enumerate(p):
            seen = features
            if attended is not None:
                seen = torch.cat([features, sharing.maps[k - 1](attended)], dim=1)
            for part in ("inner", "outer"):
                weight, bias = (parameters[f"attentions.{name}.{k}.{part}.{w}"] for w in ("weight", "bias"))
                if seen.ndim == 4:
                    seen = functional.conv2d(seen, weight[:, :, None, None], bias)
                else:
                    seen = functional.linear(seen, weight, bias)
                seen = seen.clamp(min=0) if part == "inner" else seen
            attended = features / (1 + torch.exp(-seen))
        assert attended is not None
        torch.testing.assert_close(sharing.own(p, target), attended, rtol=0, atol=1e-12)


def test_the_axis_of_the_features_is_the_one_that_is_mapped() -> None:
    images, steps = torch.randn(2, 3, 4, 5), torch.randn(2, 4, 3)
    layer = Pointwise(3, 6, axis=1)
    expected = functional.conv2d(images, layer.weight[:, :, None, None], layer.bias)
    torch.testing.assert_close(layer(images), expected)
    layer = Pointwise(3, 6, axis=2)
    torch.testing.assert_close(layer(steps), functional.linear(steps, layer.weight, layer.bias))


def test_what_a_target_attended_to_before_matters() -> None:
    sharing, x = made("mlp"), three_rows("mlp")
    before = sharing(x)["one"]
    with torch.no_grad():
        sharing.get_parameter("attentions.of_one.0.outer.bias").add_(1.0)
    found = sharing(x)
    assert (found["one"] - before).abs().max() > 1e-4
    fresh = made("mlp")(x)["two.three"]
    torch.testing.assert_close(found["two.three"], fresh, rtol=0, atol=0)


def test_maps_are_one_for_all_targets_and_apart_from_the_trunk() -> None:
    sharing = made("mlp", depth=3)
    names = [name for name, _ in sharing.named_parameters()]
    assert {name.split(".")[1] for name in names if name.startswith("maps.")} == {"0", "1"}
    loss = sharing(three_rows("mlp"))["one"].square().sum()
    grads = torch.autograd.grad(loss, list(sharing.parameters()), allow_unused=True)
    unused = {name for name, grad in zip(names, grads, strict=True) if grad is None}
    assert unused == {name for name in names if name.startswith("attentions.of_two%2Ethree.")}


def test_features_of_another_precision_are_taken() -> None:
    sharing = made("mlp").float()
    assert sharing(three_rows("mlp"))["one"].dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = sharing(three_rows("mlp").float())["one"].float()
    torch.testing.assert_close(found, sharing(three_rows("mlp"))["one"], rtol=0.05, atol=0.05)


def test_squeeze_narrows_the_masks() -> None:
    assert made("mlp", squeeze=2).get_parameter("attentions.of_one.1.inner.weight").shape == (4, 16)
    assert made("mlp", squeeze=99).get_parameter("attentions.of_one.0.inner.weight").shape == (1, 8)
    with pytest.raises(ConfigError, match="squeeze: 0"):
        made("mlp", squeeze=0)


def test_it_needs_a_trunk() -> None:
    with pytest.raises(ConfigError, match="'mtan' needs a trunk"):
        AttentionNetwork(5, TARGETS, depth=0)
