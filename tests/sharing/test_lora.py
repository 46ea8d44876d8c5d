"""LoRA: hard sharing at the start, and else hard sharing with weights W + (alpha / rank) B A."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from trunk_cases import SHAPES, begun, three_rows
from umbel.errors import ConfigError
from umbel.sharing import lora
from umbel.sharing.hard import HardSharing
from umbel.sharing.lora import LowRank, LowRankAdapters

TARGETS = ("one", "two.three")


def hard(blocks: str) -> HardSharing:
    return begun(HardSharing, blocks, TARGETS)


def adapted(blocks: str) -> LowRankAdapters:
    return begun(LowRankAdapters, blocks, TARGETS, rank=2, alpha=3.0)


def stir(sharing: nn.Module) -> None:
    """Away from the zeros that B starts at."""
    with torch.no_grad():
        for name, parameter in sharing.named_parameters():
            if name.endswith(".up"):
                parameter.normal_()


@pytest.mark.parametrize("blocks", SHAPES)
def test_at_the_start_it_is_hard_sharing(blocks: str) -> None:
    sharing, plain, x = adapted(blocks), hard(blocks), three_rows(blocks)
    for target in TARGETS:
        torch.testing.assert_close(sharing(x)[target], plain(x)[target], rtol=0, atol=0)


@pytest.mark.parametrize("blocks", SHAPES)
def test_it_is_hard_sharing_with_weights_bent_by_hand(blocks: str) -> None:
    sharing, x = adapted(blocks), three_rows(blocks)
    stir(sharing)
    found = sharing(x)
    for target, name in zip(TARGETS, ("of_one", "of_two%2Ethree"), strict=True):
        plain = hard(blocks)
        stages = [plain.get_submodule("first"), *plain.blocks]
        bent = 0
        for k, (stage, places) in enumerate(zip(stages, sharing.places, strict=True)):
            for i, place in enumerate(places):
                a = sharing.get_parameter(f"adapters.{name}.{k}.{i}.down")
                b = sharing.get_parameter(f"adapters.{name}.{k}.{i}.up")
                weight = stage.get_parameter(place)
                with torch.no_grad():
                    for o in range(len(weight)):  # one output at a time: a row of W, or a kernel
                        weight[o] += 1.5 * (b[o] @ a).view(weight[o].shape)  # 1.5 is alpha / rank
                bent += 1
        assert bent > 0
        torch.testing.assert_close(found[target], plain(x)[target], rtol=0, atol=1e-10)
    assert (found["one"] - hard(blocks)(x)["one"]).abs().max() > 1e-3
    assert (found["one"] - found["two.three"]).abs().max() > 1e-3


@pytest.mark.parametrize("shape", [(6, 7), (6, 5, 3, 3)])
def test_the_update_is_of_the_rank(shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape, dtype=torch.float64)
    adapter = LowRank(weight, rank=2, alpha=1.0).double()
    torch.testing.assert_close(adapter(weight), weight, rtol=0, atol=0)
    stir(nn.ModuleList([adapter]))
    update = (adapter(weight) - weight).flatten(1)
    assert torch.linalg.matrix_rank(update, rtol=1e-9) == 2


def test_a_target_moves_the_trunk_and_no_adapter_of_another() -> None:
    sharing = adapted("mlp")
    stir(sharing)
    loss = sharing(three_rows("mlp"))["one"].square().sum()
    grads = torch.autograd.grad(loss, list(sharing.parameters()), allow_unused=True)
    names = [name for name, _ in sharing.named_parameters()]
    unused = {name for name, grad in zip(names, grads, strict=True) if grad is None}
    assert unused == {name for name in names if name.startswith("adapters.of_two%2Ethree.")}


def test_threads_do_not_see_each_others_weights() -> None:
    sharing, x = adapted("mlp"), three_rows("mlp")
    stir(sharing)
    with torch.no_grad():
        expected = {target: sharing.own((x,), target) for target in TARGETS}

        def wrong(target: str) -> int:
            with torch.no_grad():
                return sum(not torch.equal(sharing.own((x,), target), expected[target]) for _ in range(100))

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(wrong, TARGETS * 2)) == 0
    assert all(isinstance(stage.get_parameter("weight"), nn.Parameter) for stage in sharing.stages[:1])


def test_features_of_another_precision_are_taken() -> None:
    sharing = adapted("mlp").float()
    stir(sharing)
    assert sharing(three_rows("mlp"))["one"].dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = sharing(three_rows("mlp").float())["one"].float()
    torch.testing.assert_close(found, sharing(three_rows("mlp"))["one"], rtol=0.05, atol=0.2)


@pytest.mark.parametrize("options", [{"rank": 0}, {"rank": 1.5}, {"alpha": 0.0}, {"alpha": float("inf")}])
def test_options_out_of_range_are_told(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(options))}: "):
        LowRankAdapters(5, TARGETS, **options)


def test_it_needs_a_trunk_with_layers_to_adapt(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="'lora' needs a trunk"):
        LowRankAdapters(5, TARGETS, depth=0)
    monkeypatch.setattr(lora, "_ADAPTED", (nn.Conv2d,))
    with pytest.raises(ConfigError, match="none in the blocks 'mlp'"):
        LowRankAdapters(5, TARGETS)
