"""Customised gate control: the mixture of experts and independent trunks as special cases."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trunk_cases import CASES, TARGETS, alone, drawn, hold_laws, hold_real_shapes, reached, rows, same
from umbel.errors import ConfigError
from umbel.sharing.cgc import CGCSharing
from umbel.sharing.naming import module_name
from umbel.sharing.sharing import SHARINGS


def drawn_cgc(case: str, **options: Any) -> CGCSharing:
    sharing = drawn("cgc", case, **options)
    assert isinstance(sharing, CGCSharing)
    return sharing


def own_experts(sharing: CGCSharing, target: str) -> list[nn.Module]:
    assert sharing.level.own is not None
    return list(sharing.level.own[module_name(target)].children())


@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_contract(case: str) -> None:
    hold_laws("cgc", case)


def test_it_takes_images_and_sequences() -> None:
    hold_real_shapes("cgc")


@pytest.mark.parametrize("case", CASES)
def test_a_task_mixes_its_own_trunks_and_the_shared_ones(case: str) -> None:
    sharing, x = drawn_cgc(case, own_experts=2, shared_experts=2), rows(case)
    shared = sharing.level.shared
    assert shared is not None
    for target in TARGETS:
        experts: list[Tensor] = [alone(case, e)(x) for e in [*own_experts(sharing, target), *shared]]
        shares = sharing.level.gates[module_name(target)](sharing.trunk.pooled(x))
        expected = torch.stack([shares[:, [e]] * experts[e] for e in range(4)]).sum(0)
        same(sharing(x)[target], expected)


@pytest.mark.parametrize("case", CASES)
def test_without_own_experts_it_is_a_mixture_of_shared_ones(case: str) -> None:
    sharing, x = drawn_cgc(case, own_experts=0, shared_experts=3), rows(case)
    other = drawn("mmoe", case, experts=3)
    names = {"level.shared.": "experts.", "level.gates.": "gates."}
    state = {
        next(name.replace(old, new) for old, new in names.items() if name.startswith(old)): value
        for name, value in sharing.state_dict().items()
    }
    other.load_state_dict(state)
    for target in TARGETS:
        same(sharing(x)[target], other(x)[target])


@pytest.mark.parametrize("case", CASES)
def test_without_shared_experts_tasks_are_independent(case: str) -> None:
    sharing, x = drawn_cgc(case, shared_experts=0), rows(case)
    for target in TARGETS:
        same(sharing(x)[target], alone(case, own_experts(sharing, target)[0])(x))


def test_a_task_never_sees_the_experts_of_another() -> None:
    sharing = drawn_cgc("mlp")
    for target in TARGETS:
        found = reached(sharing(rows("mlp"))[target].square().sum(), sharing)
        assert {n.split(".")[2] for n in found if n.startswith("level.own.")} == {module_name(target)}
        assert {n.split(".")[2] for n in found if n.startswith("level.shared.")} == {"0", "1"}


def test_it_says_what_cannot_be() -> None:
    make = SHARINGS.get("cgc")
    with pytest.raises(ConfigError, match="'shared_experts' of 'cgc'"):
        make(5, TARGETS, own_experts=0, shared_experts=0)
    with pytest.raises(ConfigError, match="'own_experts' of 'cgc'"):
        make(5, TARGETS, own_experts=-1)
    with pytest.raises(ConfigError, match="needs a trunk"):
        make(5, TARGETS, depth=0)
