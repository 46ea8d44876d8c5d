"""FiLM: hard sharing at the start, and scales and shifts that are a target's own."""

from __future__ import annotations

import pytest
import torch

from trunk_cases import SHAPES, begun, three_rows
from umbel.errors import ConfigError
from umbel.sharing.film import FeatureModulation, Modulation
from umbel.sharing.hard import HardSharing

TARGETS = ("one", "two.three")


def made(blocks: str, form: type[HardSharing] = FeatureModulation) -> HardSharing:
    return begun(form, blocks, TARGETS)


@pytest.mark.parametrize("blocks", SHAPES)
def test_at_the_start_it_is_hard_sharing(blocks: str) -> None:
    film, hard, x = made(blocks), made(blocks, HardSharing), three_rows(blocks)
    for target in TARGETS:
        torch.testing.assert_close(film(x)[target], hard(x)[target], rtol=0, atol=0)


@pytest.mark.parametrize("blocks", SHAPES)
def test_the_last_modulation_is_affine_in_the_trunk(blocks: str) -> None:
    film, hard, x = made(blocks), made(blocks, HardSharing), three_rows(blocks)
    scale, shift = torch.randn(2, film.out, dtype=torch.float64)
    last = film.get_submodule(f"modulations.of_one.{len(film.trunk) - 1}")
    assert isinstance(last, Modulation)
    with torch.no_grad():
        last.scale.copy_(scale)
        last.shift.copy_(shift)
    plain = hard(x)["one"]
    torch.testing.assert_close(film(x)["one"], plain * scale + shift, rtol=0, atol=1e-12)
    torch.testing.assert_close(film(x)["two.three"], plain, rtol=0, atol=0)


@pytest.mark.parametrize(("shape", "axis"), [((4, 3), 1), ((4, 3, 5, 6), 1), ((4, 7, 3), 2)])
def test_features_are_modulated_along_their_axis(shape: tuple[int, ...], axis: int) -> None:
    modulation, x = Modulation(3, axis=axis), torch.randn(shape)
    torch.testing.assert_close(modulation(x), x, rtol=0, atol=0)
    with torch.no_grad():
        modulation.scale.copy_(torch.tensor([2.0, 0.0, -1.0]))
        modulation.shift.copy_(torch.tensor([0.0, 5.0, 1.0]))
    found, features = modulation(x).movedim(axis, 0), x.movedim(axis, 0)
    expected = torch.stack([2 * features[0], torch.full_like(features[1], 5.0), 1 - features[2]])
    torch.testing.assert_close(found, expected)


def test_a_target_moves_no_modulation_of_another() -> None:
    film = made("mlp")
    loss = film(three_rows("mlp"))["one"].square().sum()
    grads = torch.autograd.grad(loss, list(film.parameters()), allow_unused=True)
    unused = {name for (name, _), grad in zip(film.named_parameters(), grads, strict=True) if grad is None}
    assert unused == {n for n, _ in film.named_parameters() if n.startswith("modulations.of_two%2Ethree.")}


def test_features_of_another_precision_are_taken() -> None:
    film = made("mlp").float()
    assert film(three_rows("mlp"))["one"].dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = film(three_rows("mlp").float())["one"]
    torch.testing.assert_close(found.float(), film(three_rows("mlp"))["one"], rtol=0.05, atol=0.05)


def test_it_needs_a_trunk() -> None:
    with pytest.raises(ConfigError, match="'film' needs a trunk"):
        FeatureModulation(5, TARGETS, depth=0)
