"""What is hidden and how voices and tempi vary, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from umbel.encoders.spec_augment import SpecAugment, change_tempo, hide_bands, hide_times, warp_bands
from umbel.encoders.spectra import LogMel
from umbel.errors import ConfigError

CENTRES = torch.from_numpy(LogMel(8000, bands=30).centres)


def spans(hidden: torch.Tensor) -> list[tuple[int, int]]:
    """Width of each row's hidden places, and how many spans they are, of [N, L]."""
    edges = torch.diff(torch.nn.functional.pad(hidden.int(), (1, 1)), dim=1)
    return list(zip(hidden.sum(dim=1).tolist(), (edges == 1).sum(dim=1).tolist(), strict=True))


def test_one_span_of_bands_is_hidden_at_all_steps() -> None:
    torch.manual_seed(0)
    x = torch.ones(4000, 6, 20)
    y = hide_bands(x, 0.3)
    assert (y == y[:, :1]).all()
    found = spans(y[:, 0] == 0)
    assert all(count == (width > 0) for width, count in found)
    # widths 0 to 6 alike often; a band is hidden in the mean 3 of 20 times
    shares = np.bincount([width for width, _ in found], minlength=7) / 4000
    assert len(shares) == 7
    np.testing.assert_allclose(shares, 1 / 7, atol=0.02)
    assert float((y == 0).float().mean()) == pytest.approx(0.15, abs=0.01)


def test_one_span_of_steps_is_hidden_within_the_row() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([0, 1, 10, 40] * 500)
    y = hide_times(torch.ones(2000, 40, 3), lengths, 0.5)
    hidden = y[:, :, 0] == 0
    for length in (0, 1, 10, 40):
        rows = hidden[lengths == length]
        found = spans(rows)
        assert max(width for width, _ in found) == length // 2
        assert not rows[:, length:].any()
        assert all(count == (width > 0) for width, count in found)


def test_a_factor_of_one_moves_nothing() -> None:
    x = torch.randn(3, 7, 30, dtype=torch.float64)
    torch.testing.assert_close(warp_bands(x, torch.ones(3).double(), CENTRES, 4000.0), x)


def test_a_band_shows_what_stood_at_the_factor_times_its_frequency() -> None:
    # what is linear in Hz is interpolated without error: the value read is the frequency it was read at
    x = CENTRES.expand(2, 5, -1)
    factors = torch.tensor([1.1, 0.9], dtype=torch.float64)
    y = warp_bands(x, factors, CENTRES, 4000.0)
    for row, factor in enumerate(factors.tolist()):
        knee = 0.85 * 4000 * min(factor, 1) / factor
        for m, f in enumerate(CENTRES.tolist()):
            # above the knee a straight line to the highest frequency
            beyond = 4000 - (4000 - knee * factor) * (4000 - f) / (4000 - knee)
            wanted = f * factor if f <= knee else beyond
            wanted = min(max(wanted, float(CENTRES[0])), float(CENTRES[-1]))
            assert float(y[row, 2, m]) == pytest.approx(wanted, rel=1e-9)


def test_one_band_alone_is_never_warped() -> None:
    x = torch.randn(2, 4, 1)
    assert torch.equal(warp_bands(x, torch.tensor([0.8, 1.2]), CENTRES[:1], 4000.0), x)


def test_tempo_reads_a_row_at_even_steps() -> None:
    x = torch.arange(12.0).expand(4, 12)[:, :, None].repeat(1, 1, 2)
    lengths = torch.tensor([12, 12, 7, 0])
    y, new = change_tempo(x, lengths, torch.tensor([2.0, 0.5, 1.0, 1.5]))
    assert new.tolist() == [6, 24, 7, 0]
    assert y.shape == (4, 24, 2)
    torch.testing.assert_close(y[0, :6, 0], torch.arange(0.0, 12.0, 2.0))
    torch.testing.assert_close(y[1, :24, 1], (torch.arange(24) / 2).clamp(max=11.0))
    torch.testing.assert_close(y[2, :7, 0], torch.arange(7.0))


def test_a_short_row_keeps_a_step() -> None:
    _, new = change_tempo(torch.ones(1, 1, 2), torch.tensor([1]), torch.tensor([1.9]))
    assert new.tolist() == [1]


def test_rows_draw_for_themselves_and_within_bounds() -> None:
    torch.manual_seed(0)
    augment = SpecAugment(tempo=0.25)
    lengths = torch.full((500,), 1000)
    _, new = augment.voices(torch.zeros(500, 1000, 2), lengths, CENTRES[:2], 4000.0)
    assert 800 <= int(new.min()) < 830
    assert 1210 < int(new.max()) <= 1250
    assert float((1000 / new).log().mean()) == pytest.approx(0.0, abs=0.02)


def test_nothing_asked_changes_nothing() -> None:
    x, lengths = torch.randn(3, 5, 30), torch.tensor([5, 4, 2])
    same, kept = SpecAugment().voices(x, lengths, CENTRES, 4000.0)
    assert same is x
    assert kept is lengths
    assert SpecAugment().masks(x, lengths) is x


@pytest.mark.parametrize(
    "options",
    [{"band_masks": 1.0}, {"time_share": 1.1}, {"warp": 0.6}, {"tempo": -0.1}, {"time_masks": True}],
)
def test_options_out_of_their_range_are_told_of(options: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        SpecAugment(**options)
