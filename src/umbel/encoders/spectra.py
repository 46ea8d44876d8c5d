"""Log-mel spectra of recordings by torch.stft, and the cosine transform that makes cepstra of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.errors import ConfigError, near

__all__ = ["LogMel", "MelScale", "dct_matrix", "hertz_of", "mel_filters", "mel_of"]

MelScale = Literal["htk", "slaney"]

Floats = NDArray[np.float64]
_LINEAR, _LOG_STEP = 1000.0, np.log(6.4) / 27  # Slaney: linear to 1 kHz, then 27 mels for a factor of 6.4


def mel_of(hertz: Any, scale: MelScale = "htk") -> Floats:
    """Frequencies in mel.

    ``htk`` is ``2595 log10(1 + f / 700)``; ``slaney`` is ``3 f / 200`` below 1000 Hz and ``15 + 27
    log(f / 1000) / log(6.4)`` above.

    :param hertz: any shape, >= 0.

    Source: O'Shaughnessy 1987 as the HTK Book has it (Young et al. 2006, section 5.4); Slaney 1998,
    "Auditory Toolbox".

    >>> mel_of(1000.0).round(2), mel_of([500.0, 1000.0, 6400.0], "slaney")
    (np.float64(999.99), array([ 7.5, 15. , 42. ]))
    """
    f = np.asarray(hertz, dtype=np.float64)
    if scale == "htk":
        return np.asarray(2595 * np.log10(1 + f / 700))
    return np.where(f < _LINEAR, 3 * f / 200, 15 + np.log(np.maximum(f, _LINEAR) / _LINEAR) / _LOG_STEP)


def hertz_of(mel: Any, scale: MelScale = "htk") -> Floats:
    """Mels in Hz, the inverse of :func:`mel_of`.

    :param mel: any shape, >= 0.

    >>> hertz_of(mel_of([20.0, 440.0, 8000.0])).round(6).tolist()
    [20.0, 440.0, 8000.0]
    """
    m = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return np.asarray(700 * (10 ** (m / 2595) - 1))
    return np.where(m < 15, 200 * m / 3, _LINEAR * np.exp(_LOG_STEP * (m - 15)))


def mel_filters(
    bands: int, points: int, rate: int, low: float, high: float, scale: MelScale = "htk"
) -> Floats:
    """Triangular filters [points // 2 + 1, bands], each 1 at its centre.

    The corners of ``bands`` triangles are evenly spaced in mel from ``low`` to ``high``; a triangle goes from
    one corner over the next, its centre, to the one after, in straight lines over Hz. They are not scaled by
    their area: in a logarithm that is a constant of the band.

    :param bands: how many, M.
    :param points: of the Fourier transform.
    :param rate: in Hz.
    :param low, high: in Hz, 0 <= low < high <= rate / 2.
    :raises ConfigError: a filter has no frequency of the transform within it.

    Source: Davis & Mermelstein 1980 (mel-spaced triangles); Slaney 1998.
    """
    corners = hertz_of(np.linspace(mel_of(low, scale), mel_of(high, scale), bands + 2), scale)
    f = np.arange(points // 2 + 1)[:, None] * rate / points
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    filters = np.maximum(0.0, np.minimum((f - left) / (centre - left), (right - f) / (right - centre)))
    if (empty := np.flatnonzero(filters.max(axis=0) <= 0)).size:
        raise ConfigError(
            "each band of a mel spectrum has a frequency of the Fourier transform within it",
            found=f"band {empty[0]} of {bands}, {left[empty[0]]:.0f} to {right[empty[0]]:.0f} Hz; the "
            f"transform has one each {rate / points:.1f} Hz",
            remedy="fewer bands, a longer window, or scale: slaney",
        )
    return np.asarray(filters)


def dct_matrix(bands: int, coefficients: int) -> Floats:
    """The orthonormal cosine transform of the second kind, [bands, coefficients].

    Column 0 is ``1 / sqrt(M)``; column c is ``sqrt(2 / M) cos(pi c (m + 1/2) / M)``.

    Source: Ahmed, Natarajan & Rao 1974; for cepstra Davis & Mermelstein 1980, eq. 1.
    """
    angles = np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(coefficients)
    matrix = np.sqrt(2 / bands) * np.cos(angles)
    matrix[:, 0] = np.sqrt(1 / bands)
    return np.asarray(matrix)


@dataclass(frozen=True)
class LogMel:
    """Samples to the logarithm of their power in mel bands, one step per hop.

    The windows (Hann) are centred at 0, hop, 2 hop, ... with silence around the recording: of N samples
    there are ``1 + N // hop`` steps. Power is relative to the window's own, so white noise of variance v has
    power v at each frequency.

    :param rate: in Hz.
    :param window, hop: in seconds.
    :param bands: how many, M.
    :param low, high: in Hz; ``high`` is half the rate where None.
    :param scale: htk or slaney, see :func:`mel_of`.
    :param floor: what is added to the power of a band, > 0: silence stays finite, and hiss much below it is
        not heard.
    :raises ConfigError: a value is out of its range.
    """

    rate: int = 16000
    window: float = 0.025
    hop: float = 0.010
    bands: int = 40
    low: float = 20.0
    high: float | None = None
    scale: MelScale = "htk"
    floor: float = 1e-6

    def __post_init__(self) -> None:
        if self.scale not in get_args(MelScale):
            raise ConfigError(
                "a mel scale is one that is known",
                found=repr(self.scale),
                remedy=near(self.scale, get_args(MelScale)),
            )
        self._check()
        _ = self._filters  # a band without a frequency is told of now

    def _check(self) -> None:
        """:raises ConfigError: a number is of another type, or out of its range."""
        numbers = ("window", "hop", "low", "floor", *(("high",) if self.high is not None else ()))
        for what in numbers:
            value = getattr(self, what)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"the option '{what}' of a mel spectrum is a number", found=repr(value))
        for what, least in (("rate", 100), ("bands", 1)):
            if not _whole(getattr(self, what), least):
                raise ConfigError(
                    f"the option '{what}' of a mel spectrum is a whole number, at least {least}",
                    found=repr(getattr(self, what)),
                )
        for what, fits, rule in (
            ("hop", 1 / self.rate <= self.hop <= 1, "a time in seconds, from one sample to 1"),
            ("window", 4 / self.rate <= self.window <= 1, "a time in seconds, from 4 samples to 1"),
            ("floor", self.floor > 0, "a power above 0"),
            ("high", self.low < self.top <= self.rate / 2, "above low, at most half of rate"),
            ("low", self.low >= 0, "a frequency in Hz, at least 0"),
        ):
            if not fits:
                raise ConfigError(
                    f"the option '{what}' of a mel spectrum is {rule}", found=repr(getattr(self, what))
                )

    @property
    def top(self) -> float:
        """The highest frequency, in Hz."""
        return self.rate / 2 if self.high is None else self.high

    @property
    def span(self) -> int:
        """Samples of a window."""
        return round(self.window * self.rate)

    @property
    def stride(self) -> int:
        """Samples of a hop."""
        return max(1, round(self.hop * self.rate))

    @property
    def points(self) -> int:
        """Of the Fourier transform: the power of 2 that holds a window."""
        return 1 << (self.span - 1).bit_length()

    @property
    def centres(self) -> Floats:
        """The centre of each band, in Hz, [M]."""
        ends = mel_of([self.low, self.top], self.scale)
        return hertz_of(np.linspace(ends[0], ends[1], self.bands + 2), self.scale)[1:-1]

    @cached_property
    def _filters(self) -> Tensor:
        made = mel_filters(self.bands, self.points, self.rate, self.low, self.top, self.scale)
        return torch.from_numpy(made.astype(np.float32))

    @cached_property
    def _window(self) -> Tensor:
        window = torch.hann_window(self.span)
        return window / window.square().sum().sqrt()

    def power(self, samples: Tensor) -> Tensor:
        """Power at each frequency, [T, points // 2 + 1], of samples [N], N >= 1."""
        found = torch.stft(
            samples,
            self.points,
            self.stride,
            self.span,
            self._window,
            pad_mode="constant",
            return_complex=True,
        )
        return found.abs().square().T

    def __call__(self, samples: Tensor) -> Tensor:
        """Log power in each band, [T, M] float32.

        :param samples: [N] float32, N >= 1.
        """
        return (self.power(samples) @ self._filters + self.floor).log()


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
