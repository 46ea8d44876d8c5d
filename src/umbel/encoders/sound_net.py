"""Convolutions over spectra of unequal length; what stands behind a row's end is never looked at."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.encoders.dropout import dropout

__all__ = ["MaskedNorm", "SoundNet", "evenly", "steps_of"]


def steps_of(lengths: Tensor, most: int) -> Tensor:
    """Which steps lie within a row, [N, most] bool.

    :param lengths: [N] long.
    """
    return torch.arange(most, device=lengths.device)[None] < lengths[:, None]


def evenly(x: Tensor, lengths: Tensor, parts: int) -> Tensor:
    """The mean over each of some even segments of a row's time, [N, parts, M].

    Segment s of n steps goes from floor(s n / parts) to ceil((s + 1) n / parts): segments of a row shorter
    than ``parts`` share steps. A row of no steps is 0.

    :param x: [N, T, M].
    :param lengths: [N] long, at most T.

    >>> evenly(torch.tensor([[[1.0], [2.0], [6.0], [9.0]]]), torch.tensor([3]), 2).flatten().tolist()
    [1.5, 4.0]
    """
    sums = functional.pad(x.double().cumsum(dim=1), (0, 0, 1, 0))
    s = torch.arange(parts, device=x.device)[None]
    start = s * lengths[:, None] // parts
    end = ((s + 1) * lengths[:, None] + parts - 1) // parts
    wide = (-1, -1, x.shape[2])
    total = sums.gather(1, end[:, :, None].expand(wide)) - sums.gather(1, start[:, :, None].expand(wide))
    return (total / (end - start).clamp(min=1)[:, :, None]).to(x.dtype)


class MaskedNorm(nn.Module):
    """Group norm whose mean and deviation are those of the steps within a row.

    :param channels: C.
    :param groups: of neighbouring channels; they divide C.

    Source: Wu & He 2018 (group normalisation).
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def reset_parameters(self) -> None:
        """Ones and zeros."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
        """Normalised, 0 behind the end of a row.

        :param x: [N, C, T, M].
        :param mask: [N, 1, T, 1], 1 within a row and 0 behind it.
        :param lengths: [N] long.
        """
        x = x.to(self.weight.dtype) * mask  # moments of half precision would be too rough
        each = x.shape[1] // self.groups
        shape = (len(x), self.groups, each)
        count = lengths.clamp(min=1)[:, None] * (each * x.shape[3])
        one = x.sum(dim=(2, 3)).view(shape).sum(dim=2) / count  # [N, groups]
        two = x.square().sum(dim=(2, 3)).view(shape).sum(dim=2) / count
        deviation = (two - one.square()).clamp(min=0.0).add(1e-5).rsqrt()
        scale = deviation.repeat_interleave(each, dim=1) * self.weight
        shift = self.bias - one.repeat_interleave(each, dim=1) * scale
        normed: Tensor = (x * scale[:, :, None, None] + shift[:, :, None, None]) * mask
        return normed


class SoundNet(nn.Module):
    """Spectra [N, T, M] to features [N, width]: convolutions, then means and the maximum over a row's time.

    ``depth`` convolutions, each followed by a group norm and a rectifier; all of them halve the time, but the
    last (where there are several). Over the plane of time and band they are 3 x 3 and halve the bands, too,
    and the channels double; over time alone they are 5 wide and see all bands as channels.

    :param bands: M.
    :param channels: of the first convolution, C; a multiple of 4.
    :param depth: convolutions, >= 1.
    :param width: features.
    :param plane: over time and band, or over time alone.
    :param segments: even segments of a row's time, each with a mean of its own; of one alone the order of
        what is far apart in time is lost.
    :param share: of the pooled numbers dropped in training, in [0, 1).
    """

    def __init__(
        self,
        bands: int,
        *,
        channels: int,
        depth: int,
        width: int,
        plane: bool,
        segments: int,
        share: float,
    ) -> None:
        super().__init__()
        self.plane, self.segments, self.share = plane, segments, share
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        before, left = (1, bands) if plane else (bands, 1)
        for k in range(depth):
            after = channels << k if plane else channels
            stride = 1 if k == depth - 1 and depth > 1 else 2
            kernel, strides, pad = ((3, 3), (stride, 2), (1, 1)) if plane else ((5, 1), (stride, 1), (2, 0))
            self.convolutions.append(nn.Conv2d(before, after, kernel, strides, pad, bias=False))
            self.norms.append(MaskedNorm(after, 4))
            before, left = after, (left + 1) // 2 if plane else left
        self.last = nn.Linear((segments + 1) * before * left, width)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Features [N, width].

        :param x: [N, T, M].
        :param lengths: [N] long; a row of no steps gives features that mean nothing.
        """
        mask = steps_of(lengths, x.shape[1])[:, None, :, None].to(x.dtype)
        x = (x[:, None] if self.plane else x.transpose(1, 2)[:, :, :, None]) * mask
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = convolution(x)
            if x.shape[2] != mask.shape[2]:
                lengths = (lengths + 1) // 2
                mask = steps_of(lengths, x.shape[2])[:, None, :, None].to(x.dtype)
            x = functional.relu(norm(x, mask, lengths))
        x = x.transpose(1, 2).flatten(2)  # [N, T, C * M], 0 behind a row's end, and nowhere below
        pooled = torch.cat([evenly(x, lengths, self.segments).flatten(1), x.amax(dim=1)], dim=1)
        features: Tensor = self.last(dropout(pooled, self.share, self.training))
        return functional.relu(features)
