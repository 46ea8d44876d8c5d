"""Cross-stitch networks: P independent columns at the identity, and the mix elsewhere."""

from __future__ import annotations

import pytest
import torch

from trunk_cases import CASES, TARGETS, alone, drawn, hold_laws, hold_real_shapes, reached, rows, same
from umbel.errors import ConfigError
from umbel.sharing.cross_stitch import CrossStitchSharing, Stitch
from umbel.sharing.naming import module_name
from umbel.sharing.sharing import SHARINGS

ORDER = sorted(TARGETS)


def drawn_stitch(case: str) -> CrossStitchSharing:
    sharing = drawn("cross_stitch", case)
    assert isinstance(sharing, CrossStitchSharing)
    return sharing


def matrices(sharing: CrossStitchSharing) -> list[torch.Tensor]:
    return [stitch.weight for stitch in sharing.stitches if isinstance(stitch, Stitch)]


@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_contract(case: str) -> None:
    hold_laws("cross_stitch", case)


def test_it_takes_images_and_sequences() -> None:
    hold_real_shapes("cross_stitch")


@pytest.mark.parametrize("case", CASES)
def test_at_the_identity_columns_are_independent(case: str) -> None:
    sharing, x = drawn_stitch(case), rows(case)
    with torch.no_grad():
        for weight in matrices(sharing):
            weight.copy_(torch.eye(3))
    found = sharing(x)
    for k, target in enumerate(ORDER):
        column = list(sharing.columns.values())[k]
        same(found[target], alone(case, column)(x))
        seen = reached(found[target].square().sum(), sharing.columns)
        assert {name.split(".")[0] for name in seen} == {module_name(target)}


@pytest.mark.parametrize("case", CASES)
def test_every_stage_goes_on_with_a_mix_of_all_columns(case: str) -> None:
    sharing, x = drawn_stitch(case), rows(case)
    columns = [list(column.children()) for column in sharing.columns.values()]
    h = [x, x, x]
    for number, weight in enumerate(matrices(sharing)):
        h = [column[number](one) for column, one in zip(columns, h, strict=True)]
        h = [sum(weight[p, q] * h[q] for q in range(3)) for p in range(3)]
    for target, one in zip(ORDER, h, strict=True):
        same(sharing(x)[target], one)


def test_it_starts_near_the_identity() -> None:
    sharing = SHARINGS.get("cross_stitch")(5, TARGETS, own=0.7, width=4, depth=2)
    found = matrices(sharing)
    assert len(found) == 2
    for weight in found:
        torch.testing.assert_close(weight.diag(), torch.full((3,), 0.7))
        torch.testing.assert_close(weight - weight.diag().diag(), 0.15 * (1 - torch.eye(3)))


def test_one_target_keeps_all() -> None:
    sharing = SHARINGS.get("cross_stitch")(5, ("only",), width=4, depth=2).double().eval()
    x = rows("mlp")
    column = next(iter(sharing.columns.values()))
    same(sharing(x)["only"], column[1](column[0](x)))


def test_it_says_what_cannot_be() -> None:
    for own in (-0.1, 1.1):
        with pytest.raises(ConfigError, match="'own'"):
            SHARINGS.get("cross_stitch")(5, TARGETS, own=own)
    with pytest.raises(ConfigError, match="needs a trunk"):
        SHARINGS.get("cross_stitch")(5, TARGETS, depth=0)
