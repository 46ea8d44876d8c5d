"""Progressive layered extraction: independent trunks and one level as special cases, and the levels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trunk_cases import CASES, TARGETS, alone, drawn, hold_laws, hold_real_shapes, reached, rows, same
from umbel.errors import ConfigError
from umbel.sharing.extraction import Extraction
from umbel.sharing.naming import module_name
from umbel.sharing.ple import PLESharing
from umbel.sharing.sharing import SHARINGS

ORDER = sorted(TARGETS)


def drawn_ple(case: str, **options: Any) -> PLESharing:
    sharing = drawn("ple", case, **options)
    assert isinstance(sharing, PLESharing)
    return sharing


def levels(sharing: PLESharing) -> list[Extraction]:
    return [level for level in sharing.levels if isinstance(level, Extraction)]


def own_experts(level: Extraction, target: str) -> list[nn.Module]:
    assert level.own is not None
    return list(level.own[module_name(target)].children())


@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_contract(case: str) -> None:
    hold_laws("ple", case)


@pytest.mark.parametrize("options", [{"own_experts": 0, "shared_experts": 2}, {"own_experts": 2}])
def test_it_keeps_the_contract_with_other_numbers_of_experts(options: dict[str, int]) -> None:
    hold_laws("ple", "mlp", **options)


def test_it_takes_images_and_sequences() -> None:
    hold_real_shapes("ple")


@pytest.mark.parametrize("case", CASES)
def test_without_shared_experts_it_is_independent(case: str) -> None:
    sharing, x = drawn_ple(case, shared_experts=0), rows(case)
    found = sharing(x)
    for target in TARGETS:
        mine = nn.ModuleList(own_experts(level, target)[0] for level in levels(sharing))
        same(found[target], alone(case, mine)(x))


@pytest.mark.parametrize("case", CASES)
def test_without_shared_experts_tasks_see_their_own_alone(case: str) -> None:
    sharing, x = drawn_ple(case, own_experts=2, shared_experts=0), rows(case)
    for target in TARGETS:
        found = reached(sharing(x)[target].square().sum(), sharing)
        assert {name.split(".")[3] for name in found} == {module_name(target)}
        assert {name.split(".")[1] for name in found} == {str(k) for k in range(len(sharing.trunk))}


@pytest.mark.parametrize("case", CASES)
def test_levels_are_mixed_as_told(case: str) -> None:
    """The definition, with loops over levels, targets and experts."""
    sharing, x = drawn_ple(case, own_experts=2, shared_experts=2), rows(case)

    def weigh(shares: Tensor, outputs: list[Tensor]) -> Tensor:
        assert shares.shape == (4, len(outputs))
        parts = [share.view(-1, *[1] * (h.ndim - 1)) * h for share, h in zip(shares.T, outputs, strict=True)]
        return torch.stack(parts).sum(0)

    h, common = dict.fromkeys(ORDER, x), x
    for number, level in enumerate(levels(sharing)):
        assert level.shared is not None
        shared = [expert(common) for expert in level.shared]
        single = {t: [expert(h[t]) for expert in own_experts(level, t)] for t in ORDER}
        gates = {t: level.gates[module_name(t)](sharing.pooled(number, h[t])) for t in ORDER}
        assert (level.gate is None) == (number == len(sharing.trunk) - 1)
        if level.gate is not None:
            every = [one for t in ORDER for one in single[t]] + shared
            common = weigh(level.gate(sharing.pooled(number, common)), every)
        h = {t: weigh(gates[t], single[t] + shared) for t in ORDER}
    for target in TARGETS:
        same(sharing(x)[target], h[target])


def test_gates_see_means_over_space_and_time() -> None:
    images, sequences = drawn_ple("convolution"), drawn_ple("gru")
    h = torch.randn(4, 4, 3, 5).double()
    same(images.pooled(1, h), h.sum(dim=(2, 3)) / 15)
    same(images.pooled(0, rows("convolution")), rows("convolution").mean(dim=(2, 3)))
    h = torch.randn(4, 7, 6).double()
    same(sequences.pooled(1, h), h.sum(dim=1) / 7)


def test_one_level_is_customised_gate_control() -> None:
    sharing, x = drawn_ple("mlp", depth=1, own_experts=2), rows("mlp")
    other = drawn("cgc", "mlp", depth=1, own_experts=2, shared_experts=1)
    state = sharing.state_dict()
    # the experts of the other are trunks of one stage, the stage 0
    gates = {n.replace("levels.0.", "level."): v for n, v in state.items() if "gates" in n}
    experts = {
        ".".join([*n.replace("levels.0.", "level.").split(".")[:-1], "0", n.split(".")[-1]]): v
        for n, v in state.items()
        if "gates" not in n and ".norm." not in n
    }
    norms = {
        n.replace("levels.0.", "level.").replace(".norm.", ".0.norm."): v
        for n, v in state.items()
        if ".norm." in n
    }
    other.load_state_dict({**gates, **experts, **norms})
    for target in TARGETS:
        same(sharing(x)[target], other(x)[target])


def test_tasks_meet_in_the_shared_experts_alone() -> None:
    sharing = drawn_ple("mlp")
    found = reached(sharing(rows("mlp"))["one"].square().sum(), sharing)
    seen = [
        {name.split(".")[3] for name in found if name.startswith(f"levels.{k}.own.")}
        for k in range(len(sharing.trunk))
    ]
    everyone = {module_name(target) for target in TARGETS}
    # through the gate between levels all but the last level's; of the last its own
    assert seen == [everyone, everyone, {"of_one"}]


def test_it_says_what_cannot_be() -> None:
    make = SHARINGS.get("ple")
    with pytest.raises(ConfigError, match="'shared_experts' of 'ple'"):
        make(5, TARGETS, own_experts=0, shared_experts=0)
    with pytest.raises(ConfigError, match="'own_experts' of 'ple'"):
        make(5, TARGETS, own_experts=1.5)
    with pytest.raises(ConfigError, match="needs a trunk"):
        make(5, TARGETS, depth=0)
