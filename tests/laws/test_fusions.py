"""One contract for every registered fusion."""

from __future__ import annotations

import pytest
import torch

from umbel.encoders.fusion import FUSIONS, Fusion, make_fusion
from umbel.errors import ConfigError
from umbel.sharing.model import initialise

WIDTHS = {"images": 5, "numbers": 2, "text": 3}
EVERY = torch.ones(6, 3, dtype=torch.bool)


def made(name: str) -> Fusion:
    fusion = make_fusion(name, WIDTHS, {})
    initialise(fusion, 3)
    with torch.no_grad():  # away from the zeros some layers start at
        for parameter in fusion.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    return fusion.double().eval()


def parts(rows: int = 6) -> list[torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    return [torch.randn(rows, width, generator=chance, dtype=torch.float64) for width in WIDTHS.values()]


@pytest.mark.parametrize("name", FUSIONS.names())
class TestFusion:
    def test_it_tells_its_paper_and_one_line(self, name: str) -> None:
        entry = next(e for e in FUSIONS if e.name == name)
        assert entry.source
        assert entry.summary.endswith(".")

    def test_it_is_as_wide_as_told(self, name: str) -> None:
        fusion = made(name)
        assert fusion(parts(), EVERY).shape == (6, fusion.out)

    def test_rows_do_not_see_each_other(self, name: str) -> None:
        fusion, x = made(name), parts()
        some = [part[2:4] for part in x]
        torch.testing.assert_close(fusion(x, EVERY)[2:4], fusion(some, EVERY[2:4]), rtol=0, atol=1e-12)

    def test_a_row_that_lacks_a_modality_has_finite_features(self, name: str) -> None:
        fusion = made(name)
        for present in ([True, False, True], [False, False, True], [False, False, False]):
            there = torch.tensor([present]).expand(6, -1)
            assert torch.isfinite(fusion(parts(), there)).all()

    def test_every_parameter_learns(self, name: str) -> None:
        fusion = made(name)
        parameters = list(fusion.parameters())
        if parameters:
            grads = torch.autograd.grad(fusion(parts(), EVERY).square().sum(), parameters)
            assert all(grad.abs().sum() > 0 for grad in grads)

    def test_one_modality_alone(self, name: str) -> None:
        fusion = make_fusion(name, {"images": 5}, {})
        initialise(fusion, 0)
        found = fusion([torch.randn(4, 5)], torch.ones(4, 1, dtype=torch.bool))
        assert found.shape == (4, fusion.out)
        assert torch.isfinite(found).all()

    def test_an_unknown_option_is_named(self, name: str) -> None:
        with pytest.raises(ConfigError, match="widht"):
            make_fusion(name, WIDTHS, {"widht": 3})
