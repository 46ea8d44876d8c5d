"""Spectra changed by chance in training: bands and times hidden, voices and tempi varied."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from umbel.errors import ConfigError

__all__ = ["SpecAugment", "change_tempo", "hide_bands", "hide_times", "warp_bands"]

_KNEE = 0.85
"""Share of the highest frequency up to which a warp is a plain factor."""


def _spans(limits: Tensor, most: Tensor) -> tuple[Tensor, Tensor]:
    """First and last-but-one place of a random span, [N, 1] each.

    :param limits: places there are, [N].
    :param most: the widest span, [N], at most ``limits``.
    """
    width = (torch.rand(len(limits), device=limits.device) * (most + 1)).floor()
    start = (torch.rand(len(limits), device=limits.device) * (limits - width + 1)).floor()
    return start[:, None], (start + width)[:, None]


def hide_bands(x: Tensor, share: float) -> Tensor:
    """A span of neighbouring bands of each row set to 0.

    The width is uniform from 0 to ``share`` of the bands, the place uniform.

    :param x: spectra with mean 0 in each band, [N, T, M].
    :param share: of the bands, the widest span, in [0, 1].

    Source: Park et al. 2019, section 2 (frequency masking).
    """
    limits = torch.full((len(x),), float(x.shape[2]), device=x.device)
    start, end = _spans(limits, (limits * share).floor())
    place = torch.arange(x.shape[2], device=x.device)[None]
    return x * ~((place >= start) & (place < end))[:, None, :]


def hide_times(x: Tensor, lengths: Tensor, share: float) -> Tensor:
    """A span of neighbouring steps of each row set to 0.

    The width is uniform from 0 to ``share`` of the row's own steps, the place uniform.

    :param x: spectra with mean 0 in each band, [N, T, M].
    :param lengths: [N] long.
    :param share: of the row's steps, the widest span, in [0, 1].

    Source: Park et al. 2019, section 2 (time masking, with the upper bound p).
    """
    limits = lengths.float()
    start, end = _spans(limits, (limits * share).floor())
    place = torch.arange(x.shape[1], device=x.device)[None]
    return x * ~((place >= start) & (place < end))[:, :, None]


def warp_bands(x: Tensor, factors: Tensor, centres: Tensor, top: float) -> Tensor:
    """The voice of another vocal tract: a band shows what stood at a factor times its frequency.

    The warp is the factor itself up to 85 % of the highest frequency, and a straight line from there on that
    meets the highest frequency. Between bands it is interpolated.

    :param x: log power, [N, T, M].
    :param factors: by row, above 0, 1 is none, [N].
    :param centres: of the bands, in Hz, rising, [M].
    :param top: the highest frequency, in Hz.

    Source: Jaitly & Hinton 2013, eq. 1 (vocal tract length perturbation, on the filters' centres; the knee
    there is at 4800 of 8000 Hz).
    """
    bands = len(centres)
    if bands < 2:
        return x
    a = factors[:, None]
    knee = _KNEE * top * torch.clamp(a, max=1.0) / a
    beyond = top - (top - knee * a) / (top - knee) * (top - centres)
    f = torch.where(centres <= knee, centres * a, beyond)
    low = (torch.searchsorted(centres, f.contiguous()) - 1).clamp(0, bands - 2)
    part = ((f - centres[low]) / (centres[low + 1] - centres[low])).clamp(0.0, 1.0)
    mix = x.new_zeros(len(x), bands, bands)
    mix.scatter_(1, low[:, None], (1 - part)[:, None])
    mix.scatter_add_(1, low[:, None] + 1, part[:, None])
    return torch.bmm(x, mix)


def change_tempo(x: Tensor, lengths: Tensor, factors: Tensor) -> tuple[Tensor, Tensor]:
    """The rows faster or slower by a factor, interpolated between steps.

    :param x: [N, T, M].
    :param lengths: [N] long.
    :param factors: by row, above 0; 2 is twice as fast, [N].
    :returns: the rows [N, T', M] and their lengths [N], round(length / factor), at least 1 where there is
        something.

    Source: Ko et al. 2015 (speed perturbation; here the spectrum's steps alone, the pitch stays).
    """
    scaled = (lengths / factors).round().long().clamp(min=1)
    new = torch.where(lengths > 0, scaled, 0)
    steps = torch.arange(max(int(new.max()), 1), device=x.device)
    place = torch.minimum(steps * factors[:, None], (lengths - 1).clamp(min=0)[:, None])
    low = place.floor().long()
    high = torch.minimum(low + 1, (lengths - 1).clamp(min=0)[:, None])
    part = (place - low)[:, :, None]
    wide = (-1, -1, x.shape[2])
    before, after = (x.gather(1, where[:, :, None].expand(wide)) for where in (low, high))
    return before + part * (after - before), new


@dataclass(frozen=True)
class SpecAugment:
    """What is changed by chance in training, each row by a draw of its own.

    :param band_masks: spans of bands that are hidden.
    :param band_share: the widest of them, as a share of the bands, in [0, 1].
    :param time_masks: spans of steps that are hidden.
    :param time_share: the widest of them, as a share of the row's steps, in [0, 1].
    :param warp: largest change of the frequencies of a voice, in [0, 0.5]: factors are uniform in 1 - warp
        to 1 + warp.
    :param tempo: largest change of the tempo, in [0, 1]: factors are uniform in the logarithm from
        1 / (1 + tempo) to 1 + tempo.
    :raises ConfigError: a value is out of its range.
    """

    band_masks: int = 0
    band_share: float = 0.2
    time_masks: int = 0
    time_share: float = 0.2
    warp: float = 0.0
    tempo: float = 0.0

    def __post_init__(self) -> None:
        for option in fields(self):
            value, whole = getattr(self, option.name), option.name.endswith("masks")
            most = {"warp": 0.5}.get(option.name, 20 if whole else 1)
            kind = int if whole else int | float
            if isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value <= most:
                raise ConfigError(
                    f"the option '{option.name}' of sounds is a {'whole ' if whole else ''}number from 0 to "
                    f"{most:g}",
                    found=repr(value),
                )

    def voices(self, x: Tensor, lengths: Tensor, centres: Tensor, top: float) -> tuple[Tensor, Tensor]:
        """Log power [N, T, M] of other voices and tempi, and the lengths of the rows."""
        if self.warp:
            factors = 1 + self.warp * (2 * torch.rand(len(x), device=x.device) - 1)
            x = warp_bands(x, factors.to(x.dtype), centres.to(x), top)
        if self.tempo:
            spread = torch.log1p(torch.tensor(self.tempo, device=x.device))
            factors = (spread * (2 * torch.rand(len(x), device=x.device) - 1)).exp()
            x, lengths = change_tempo(x, lengths, factors.to(x.dtype))
        return x, lengths

    def masks(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Spectra [N, T, M] with mean 0 in each band, spans of them hidden."""
        for _ in range(self.band_masks):
            x = hide_bands(x, self.band_share)
        for _ in range(self.time_masks):
            x = hide_times(x, lengths, self.time_share)
        return x
