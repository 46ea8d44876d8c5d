"""Multi-gate mixture of experts: hard sharing with one expert, and the mix with several."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trunk_cases import CASES, TARGETS, alone, drawn, hold_laws, hold_real_shapes, reached, rows, same
from umbel.errors import ConfigError
from umbel.sharing.hard import HardSharing
from umbel.sharing.mmoe import MMoESharing
from umbel.sharing.naming import module_name
from umbel.sharing.sharing import SHARINGS


@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_contract(case: str) -> None:
    hold_laws("mmoe", case)


def test_it_takes_images_and_sequences() -> None:
    hold_real_shapes("mmoe")


@pytest.mark.parametrize("case", CASES)
def test_with_one_expert_it_is_hard_sharing(case: str) -> None:
    sharing, hard, x = drawn("mmoe", case, experts=1), drawn("hard", case), rows(case)
    assert isinstance(sharing, MMoESharing)
    assert isinstance(hard, HardSharing)
    assert hard.first is not None
    nn.Sequential(hard.first, *hard.blocks).load_state_dict(sharing.experts[0].state_dict())
    for target in TARGETS:
        same(sharing(x)[target], hard(x)[target])


@pytest.mark.parametrize("case", CASES)
def test_a_task_mixes_whole_trunks_by_its_gate(case: str) -> None:
    sharing, x = drawn("mmoe", case, experts=3), rows(case)
    assert isinstance(sharing, MMoESharing)
    experts = [alone(case, expert)(x) for expert in sharing.experts]
    axes = {"mlp": (), "convolution": (2, 3), "gru": (1,), "tcn": (1,)}[case]
    seen = x.mean(dim=axes) if axes else x
    for target in TARGETS:
        gate = sharing.gates[module_name(target)]
        assert isinstance(gate, nn.Linear)
        shares = torch.softmax(seen @ gate.weight.T + gate.bias, dim=1)
        expected = torch.stack([shares[:, [e]] * experts[e] for e in range(3)]).sum(0)
        same(sharing(x)[target], expected)


def test_a_gate_belongs_to_its_task() -> None:
    sharing = drawn("mmoe", "mlp")
    for target in TARGETS:
        found = {n for n in reached(sharing(rows("mlp"))[target].square().sum(), sharing) if "gates" in n}
        assert {name.split(".")[1] for name in found} == {module_name(target)}


def test_it_says_what_cannot_be() -> None:
    with pytest.raises(ConfigError, match="'experts' of 'mmoe'"):
        SHARINGS.get("mmoe")(5, TARGETS, experts=0)
    with pytest.raises(ConfigError, match="needs a trunk"):
        SHARINGS.get("mmoe")(5, TARGETS, depth=0)
