"""Mel filters, spectra and cosine transforms against scipy, closed forms and values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft
import scipy.signal
import torch

from umbel.encoders.spectra import LogMel, dct_matrix, hertz_of, mel_filters, mel_of
from umbel.errors import ConfigError


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n).astype(np.float32)


def test_mels_of_htk_are_those_of_its_book() -> None:
    # 2595 log10(1 + f / 700), by hand
    for hertz, mel in ((0.0, 0.0), (700.0, 781.1728), (1000.0, 999.9855), (6300.0, 2595.0)):
        assert mel_of(hertz) == pytest.approx(mel, abs=1e-3)


def test_mels_of_slaney_are_linear_and_then_logarithmic() -> None:
    hertz = [0.0, 200 / 3, 1000.0, 1000 * 6.4 ** (1 / 27), 6400.0]
    np.testing.assert_allclose(mel_of(hertz, "slaney"), [0, 1, 15, 16, 42], rtol=1e-12)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_hertz_is_the_inverse_and_both_rise(scale: str) -> None:
    hertz = np.linspace(0, 11025, 500)
    mel = mel_of(hertz, scale)
    np.testing.assert_allclose(hertz_of(mel, scale), hertz, rtol=1e-10, atol=1e-9)
    assert (np.diff(mel) > 0).all()


def by_hand(bands: int, points: int, rate: int, low: float, high: float) -> list[list[float]]:
    """HTK triangles, one number at a time."""
    ends = [2595 * math.log10(1 + f / 700) for f in (low, high)]
    step = (ends[1] - ends[0]) / (bands + 1)
    corners = [700 * (10 ** ((ends[0] + i * step) / 2595) - 1) for i in range(bands + 2)]
    rows = []
    for k in range(points // 2 + 1):
        f, row = k * rate / points, []
        for m in range(bands):
            a, b, c = corners[m : m + 3]
            row.append((f - a) / (b - a) if a < f <= b else (c - f) / (c - b) if b < f < c else 0.0)
        rows.append(row)
    return rows


def test_filters_are_the_triangles_worked_out_one_by_one() -> None:
    found = mel_filters(23, 256, 8000, 64.0, 3900.0)
    np.testing.assert_allclose(found, by_hand(23, 256, 8000, 64.0, 3900.0), atol=1e-12)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_neighbouring_triangles_add_up_to_one_between_the_outer_centres(scale: str) -> None:
    spectrum = LogMel(16000, bands=26, scale=scale)
    filters = mel_filters(26, 512, 16000, 20.0, 8000.0, scale)
    f = np.arange(257) * 16000 / 512
    inner = (f >= spectrum.centres[0]) & (f <= spectrum.centres[-1])
    np.testing.assert_allclose(filters[inner].sum(axis=1), 1.0, atol=1e-9)
    assert (filters[(f <= 20)] == 0).all()


def test_a_band_without_a_frequency_is_told_of() -> None:
    with pytest.raises(ConfigError, match=r"band 0 of 128, 20 to \d+ Hz; the transform has one each 62.5 Hz"):
        LogMel(8000, window=0.016, bands=128)


@pytest.mark.parametrize("length", [1, 7, 199, 200, 1000])
def test_power_is_that_of_scipys_transform(length: int) -> None:
    spectrum, x = LogMel(8000), noise(length)
    window = np.hanning(201)[:-1]  # periodic
    padded = np.pad(x.astype(np.float64), 128)
    wanted = []
    for step in range(1 + length // 80):
        piece = padded[step * 80 : step * 80 + 256][28:228] * window  # the window stands in the middle of 256
        wanted.append(np.abs(scipy.fft.rfft(np.pad(piece, 28))) ** 2 / (window**2).sum())
    found = spectrum.power(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=1e-5)
    assert len(found) == 1 + length // 80


def test_white_noise_has_its_variance_at_each_frequency() -> None:
    power = LogMel(16000).power(torch.from_numpy(3 * noise(400_000)))
    assert float(power[5:-5, 5:-5].mean()) == pytest.approx(9.0, rel=0.01)


def test_power_is_welchs_estimate() -> None:
    x = noise(40_000)
    spectrum = LogMel(8000, window=0.032, hop=0.016)
    found = spectrum.power(torch.from_numpy(x))[1:-1].double().mean(dim=0).numpy()
    _, wanted = scipy.signal.welch(x, 8000, "hann", 256, 128, detrend=False, scaling="density")
    wanted[1:-1] /= 2  # one-sided there, two-sided here
    np.testing.assert_allclose(found[1:-1], wanted[1:-1] * 8000, rtol=0.02)


def test_a_sine_is_loudest_in_the_band_around_it() -> None:
    spectrum = LogMel(16000)
    for hertz in (200.0, 1000.0, 3500.0):
        x = np.sin(2 * np.pi * hertz * np.arange(8000) / 16000).astype(np.float32)
        loud = spectrum(torch.from_numpy(x))[10:-10].mean(dim=0).argmax()
        assert abs(mel_of(spectrum.centres[loud]) - mel_of(hertz)) <= np.diff(mel_of(spectrum.centres))[0]


def test_log_mel_is_the_logarithm_of_filtered_power() -> None:
    x = noise(3000)
    spectrum = LogMel(8000, bands=23, low=64.0, high=3900.0, floor=1e-3)
    power = spectrum.power(torch.from_numpy(x)).double().numpy()
    wanted = np.log(power @ np.array(by_hand(23, 256, 8000, 64.0, 3900.0)) + 1e-3)
    np.testing.assert_allclose(spectrum(torch.from_numpy(x)).numpy(), wanted, rtol=1e-4, atol=1e-4)


def test_silence_is_the_floor() -> None:
    found = LogMel(8000, floor=1e-5)(torch.zeros(500))
    torch.testing.assert_close(found, torch.full_like(found, math.log(1e-5)))


@pytest.mark.parametrize("coefficients", [1, 13, 40])
def test_the_cosine_transform_is_scipys(coefficients: int) -> None:
    x = noise(7 * 40).reshape(7, 40).astype(np.float64)
    wanted = scipy.fft.dct(x, type=2, norm="ortho")[:, :coefficients]
    np.testing.assert_allclose(x @ dct_matrix(40, coefficients), wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rate": 8000.5}, "'rate'"),
        ({"bands": 0}, "'bands'"),
        ({"hop": 0.0}, "'hop'"),
        ({"hop": "10 ms"}, "'hop'"),
        ({"window": 2.0}, "'window'"),
        ({"low": -1.0}, "'low'"),
        ({"high": 9000.0}, "'high'"),
        ({"low": 500.0, "high": 400.0}, "'high'"),
        ({"floor": 0.0}, "'floor'"),
        ({"scale": "bark"}, "mel scale"),
    ],
)
def test_options_out_of_their_range_are_told_of(options: dict, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        LogMel(**options)
