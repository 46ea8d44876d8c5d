"""Sluice networks: independent columns and cross-stitch networks as special cases, and the mix elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from trunk_cases import CASES, TARGETS, alone, drawn, hold_laws, hold_real_shapes, rows, same
from umbel.errors import ConfigError
from umbel.sharing.naming import module_name
from umbel.sharing.sharing import SHARINGS
from umbel.sharing.sluice import Layers, Sluices, SluiceSharing

ORDER = sorted(TARGETS)


def drawn_sluice(case: str, **options: Any) -> SluiceSharing:
    sharing = drawn("sluice", case, **options)
    assert isinstance(sharing, SluiceSharing)
    return sharing


def alphas(sharing: SluiceSharing) -> list[Tensor]:
    return [sluices.weight for sluices in sharing.sluices if isinstance(sluices, Sluices)]


def layers(sharing: SluiceSharing, target: str) -> Layers:
    found = sharing.layers[module_name(target)]
    assert isinstance(found, Layers)
    return found


def last_alone(sharing: SluiceSharing) -> None:
    with torch.no_grad():
        for target in TARGETS:
            beta = layers(sharing, target).weight
            beta.copy_(torch.eye(len(beta))[-1])


@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_contract(case: str) -> None:
    hold_laws("sluice", case)


def test_it_takes_images_and_sequences() -> None:
    hold_real_shapes("sluice")


@pytest.mark.parametrize("case", CASES)
def test_at_the_identity_columns_are_independent(case: str) -> None:
    sharing, x = drawn_sluice(case), rows(case)
    last_alone(sharing)
    with torch.no_grad():
        for weight in alphas(sharing):
            weight.copy_(torch.eye(6))
    for target, column in zip(ORDER, sharing.columns.values(), strict=True):
        same(sharing(x)[target], alone(case, column)(x))


@pytest.mark.parametrize("case", CASES)
def test_with_one_subspace_and_the_last_stage_it_is_a_cross_stitch_network(case: str) -> None:
    sharing, x = drawn_sluice(case, subspaces=1), rows(case)
    last_alone(sharing)
    other = drawn("cross_stitch", case)
    state = {name.replace("sluices.", "stitches."): value for name, value in sharing.state_dict().items()}
    other.load_state_dict({name: value for name, value in state.items() if not name.startswith("layers.")})
    for target in TARGETS:
        same(sharing(x)[target], other(x)[target])


@pytest.mark.parametrize("case", CASES)
def test_subspaces_and_layers_are_mixed_as_told(case: str) -> None:
    """The definition, with loops over targets and subspaces."""
    sharing, x = drawn_sluice(case), rows(case)
    columns = [list(column.children()) for column in sharing.columns.values()]
    h, skips = [x, x, x], []
    for number, weight in enumerate(alphas(sharing)):
        h = [column[number](one) for column, one in zip(columns, h, strict=True)]
        axis = sharing.trunk.axis(number)
        parts = [part for one in h for part in one.chunk(2, dim=axis)]
        mixed = [torch.stack([w * part for w, part in zip(row, parts, strict=True)]).sum(0) for row in weight]
        h = [torch.cat(mixed[2 * p : 2 * p + 2], dim=axis) for p in range(3)]
        skips.append([one.movedim(axis, 1).flatten(2).mean(2) if one.ndim > 2 else one for one in h])
    for p, target in enumerate(ORDER):
        mixture = layers(sharing, target)
        whole = [widen(skips[k][p]) for k, widen in enumerate(mixture.widen)] + [skips[-1][p]]
        expected = torch.stack([beta * one for beta, one in zip(mixture.weight, whole, strict=True)]).sum(0)
        same(sharing(x)[target], expected)


def test_it_starts_near_independent_columns() -> None:
    sharing = SHARINGS.get("sluice")(5, TARGETS, own=0.8, last=0.7, width=4, depth=3)
    for weight in alphas(sharing):
        torch.testing.assert_close(weight.diag(), torch.full((6,), 0.8))
        torch.testing.assert_close(weight.sum(dim=1), torch.ones(6))
    torch.testing.assert_close(layers(sharing, "one").weight, torch.tensor([0.15, 0.15, 0.7]))


def test_only_stages_of_another_width_are_widened() -> None:
    plain = SHARINGS.get("sluice")(5, TARGETS, width=4, depth=3)
    assert not list(layers(plain, "one").widen.parameters())
    images = SHARINGS.get("sluice")((1, 8, 8), TARGETS, blocks="convolution", width=6, channels=4, depth=2)
    shapes = [tuple(p.shape) for p in layers(images, "one").widen.parameters()]
    assert shapes == [(6, 4), (6,), (6, 4), (6,)]


def test_it_says_what_cannot_be() -> None:
    make = SHARINGS.get("sluice")
    with pytest.raises(ConfigError, match="5 features, subspaces: 2"):
        make(5, TARGETS, width=5)
    with pytest.raises(ConfigError, match=r"a multiple of 2, e\.g\. 8"):
        make((1, 8, 8), TARGETS, blocks="convolution", channels=7, width=4)
    with pytest.raises(ConfigError, match="'subspaces'"):
        make(5, TARGETS, subspaces=0)
    for option in ("own", "last"):
        with pytest.raises(ConfigError, match=f"'{option}'"):
            make(5, TARGETS, **{option: 1.5})
    with pytest.raises(ConfigError, match="needs a trunk"):
        make(5, TARGETS, depth=0)
