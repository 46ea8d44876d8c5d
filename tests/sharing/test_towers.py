"""Towers: how many stages are common, and what a chain may be."""

from __future__ import annotations

import pytest
import torch

from trunk_cases import SHAPES, begun, three_rows
from umbel.errors import ConfigError
from umbel.sharing.esmm import EntireSpace
from umbel.sharing.towers import check_chain

TARGETS = ("click", "buy")


@pytest.mark.parametrize("blocks", SHAPES)
@pytest.mark.parametrize("common", [0, 1, 2])
def test_common_stages_and_towers_make_the_trunk_of_each_target(blocks: str, common: int) -> None:
    sharing = begun(EntireSpace, blocks, TARGETS, common=common)
    with torch.no_grad():  # residual blocks start alike, as the identity
        for parameter in sharing.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    x = three_rows(blocks)
    depth = len(sharing.trunk)
    for target in TARGETS:
        plain = sharing.trunk.stages().double()
        for k, stage in enumerate(plain):
            place = f"common.{k}" if k < common else f"towers.of_{target}.{k - common}"
            stage.load_state_dict(sharing.get_submodule(place).state_dict())
        h = x
        for stage in plain:
            h = stage(h)
        torch.testing.assert_close(sharing(x)[target], h, rtol=0, atol=0)
    found = sharing(x)
    assert torch.equal(found["click"], found["buy"]) == (common == depth)


def test_common_must_fit_the_trunk() -> None:
    with pytest.raises(ConfigError, match="common: 3, with 2 stages"):
        EntireSpace(5, TARGETS, common=3, depth=2)
    with pytest.raises(ConfigError, match="common: -1"):
        EntireSpace(5, TARGETS, common=-1)
    with pytest.raises(ConfigError, match="'esmm' needs a trunk"):
        EntireSpace(5, TARGETS, depth=0)


def test_a_chain_is_made_of_targets() -> None:
    assert check_chain(["buy", "click"], TARGETS) == ("buy", "click")
    with pytest.raises(ConfigError, match="did you mean 'click'"):
        check_chain(["clik", "buy"], TARGETS)
    with pytest.raises(ConfigError, match="'click' twice"):
        check_chain(["click", "buy", "click"], TARGETS)
    for chain in (["click"], [], "click", 2):
        with pytest.raises(ConfigError, match="two targets or more"):
            check_chain(chain, TARGETS)
