"""What stands behind a row's end changes nothing; norms and segments against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from umbel.encoders.sound_net import MaskedNorm, SoundNet, evenly, steps_of


def net(plane: bool, depth: int = 3, bands: int = 10) -> SoundNet:
    torch.manual_seed(0)
    return SoundNet(bands, channels=8, depth=depth, width=5, plane=plane, segments=3, share=0.0).eval()


@pytest.mark.parametrize("plane", [True, False])
@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("bands", [1, 10])
def test_a_row_has_the_features_it_has_alone(plane: bool, depth: int, bands: int) -> None:
    made = net(plane, depth, bands)
    lengths = torch.tensor([1, 2, 3, 7, 8, 13, 21])
    x = torch.randn(7, 21, bands)
    together = made(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = made(x[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-4, atol=1e-5)
    x[~steps_of(lengths, 21)] = 1e4
    torch.testing.assert_close(made(x, lengths), together)


def test_a_row_of_no_steps_is_finite() -> None:
    assert torch.isfinite(net(True)(torch.randn(2, 4, 10), torch.tensor([0, 4]))).all()


def test_the_norm_is_torchs_where_rows_are_full() -> None:
    norm, x = MaskedNorm(8, 4), 3 + 2 * torch.randn(3, 8, 6, 5)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    found = norm(x, torch.ones(3, 1, 6, 1), torch.full((3,), 6))
    wanted = functional.group_norm(x, 4, norm.weight, norm.bias)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("parts", [1, 3, 8])
def test_segments_are_those_of_adaptive_pooling(parts: int) -> None:
    lengths = torch.tensor([1, 2, 5, 8, 9, 30])
    x = torch.randn(6, 30, 4)
    found = evenly(x, lengths, parts)
    for row, length in enumerate(lengths.tolist()):
        wanted = functional.adaptive_avg_pool1d(x[row, :length].T, parts).T
        torch.testing.assert_close(found[row], wanted)


def test_segments_of_nothing_are_zero() -> None:
    assert (evenly(torch.randn(1, 3, 2), torch.tensor([0]), 4) == 0).all()
