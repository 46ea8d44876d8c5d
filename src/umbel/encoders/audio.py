"""Recordings: log-mel spectra, and convolutions over them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.batch import Padded
from umbel.data.cells import rows_named
from umbel.data.schema import Column, ColumnType
from umbel.data.sounds import OnError, read_sounds
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.media import MediaEncoder
from umbel.encoders.sound_net import SoundNet
from umbel.encoders.sound_plain import moments, pad_rows, summary, summary_names
from umbel.encoders.spec_augment import SpecAugment
from umbel.encoders.spectra import LogMel, MelScale
from umbel.errors import ConfigError, DataError, near

__all__ = ["Audio"]

Longer = Literal["stop", "cut"]
_CHOICES: dict[str, tuple[str, ...]] = {"longer": get_args(Longer), "on_error": get_args(OnError)}


@ENCODERS.register("audio", source="log-mel, Davis & Mermelstein 1980; SpecAugment, Park et al. 2019")
class Audio(MediaEncoder):
    """Sounds as log-mel spectra under a small convolutional net, with SpecAugment.

    Each band is standardised by the training rows. A recording of another sampling rate is resampled; an
    array without one is taken to have ``rate``. Two recordings of one row go through the same layers.

    :param rate: the sampling rate that all are brought to, in Hz.
    :param window, hop: of the spectrum, in seconds.
    :param mels: bands, M.
    :param low, high: the lowest and highest frequency, in Hz; half of ``rate`` where ``high`` is None.
    :param scale: the mel formula, htk or slaney.
    :param floor: power that is added to each band before the logarithm.
    :param centred: take each recording's own mean off each of its bands: microphone, loudness and the mean
        colour of a voice are gone (cepstral mean normalisation; Atal 1974).
    :param resample: whether recordings of another rate are resampled, or refused.
    :param longest: seconds of the longest recording.
    :param longer: a longer one is an error (stop), or only its beginning is heard (cut).
    :param on_error: a recording that cannot be read is an error (stop), or counts as missing (skip).
    :param channels: of the first convolution, a multiple of 4.
    :param depth: convolutions.
    :param segments: even segments of time, over each of which a mean is taken after the convolutions.
    :param width: features of one column.
    :param dropout: share of the pooled numbers dropped in training, in [0, 1).
    :param band_masks, band_share, time_masks, time_share, warp, tempo: what is changed by chance in training,
        see :class:`~umbel.encoders.spec_augment.SpecAugment`.
    :raises ConfigError: an option is out of its range.
    """

    name: ClassVar[str] = "audio"
    reads: ClassVar[ColumnType] = "audio"
    plane: ClassVar[bool] = True

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        rate: int = 16000,
        window: float = 0.025,
        hop: float = 0.010,
        mels: int = 40,
        low: float = 20.0,
        high: float | None = None,
        scale: MelScale = "htk",
        floor: float = 1e-6,
        centred: bool = False,
        resample: bool = True,
        longest: float = 30.0,
        longer: Longer = "stop",
        on_error: OnError = "stop",
        channels: int = 16,
        depth: int = 3,
        segments: int = 4,
        width: int = 64,
        dropout: float = 0.2,
        band_masks: int = 0,
        band_share: float = 0.2,
        time_masks: int = 0,
        time_share: float = 0.2,
        warp: float = 0.0,
        tempo: float = 0.0,
    ) -> None:
        super().__init__(columns)
        self.spectrum = LogMel(rate, window, hop, mels, low, high, scale, floor)
        self.augment = SpecAugment(band_masks, band_share, time_masks, time_share, warp, tempo)
        self.centred, self.resample = centred, resample
        self.longest, self.longer, self.on_error, self.dropout = longest, longer, on_error, dropout
        if any(column.skip for column in self.columns):
            self.on_error = "skip"
        self.channels, self.depth, self.segments, self.features = channels, depth, segments, width
        self._check()
        self.loc, self.scale = np.zeros(mels), np.ones(mels)
        self.plain_loc, self.plain_scale = np.zeros(0), np.ones(0)

    def _check(self) -> None:
        """:raises ConfigError: an option is none of its choices, or out of its range."""
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(
                    f"the option '{name}' of sounds must be one of its choices",
                    found=repr(value),
                    remedy=near(value, choices),
                )
        for name, value, kind, least, most, rule in (
            ("channels", self.channels, int, 4, 1 << 20, "a multiple of 4"),
            ("depth", self.depth, int, 1, 20, "a whole number from 1 to 20"),
            ("segments", self.segments, int, 1, 100, "a whole number from 1 to 100"),
            ("width", self.features, int, 1, 1 << 20, "a whole number above 0"),
            ("dropout", self.dropout, int | float, 0, 1 - 1e-9, "a share in [0, 1)"),
            ("longest", self.longest, int | float, 1e-3, 1e6, "a time in seconds, from 0.001"),
        ):
            good = isinstance(value, kind) and not isinstance(value, bool) and least <= value <= most
            if not good or (name == "channels" and value % 4):
                raise ConfigError(f"the option '{name}' of sounds is {rule}", found=repr(value))

    def _spectra(self, frame: pd.DataFrame) -> list[NDArray[np.float32] | None]:
        """Log-mel spectra [T, M], row after row and within a row column after column; None where missing."""
        each = [self._column(frame[column.name], column.name) for column in self.columns]
        return [cell for row in zip(*each, strict=True) for cell in row]

    def _column(self, cells: pd.Series, name: str) -> list[NDArray[np.float32] | None]:
        """
        :raises DataError: a recording cannot be read, or is too long.
        """
        found: list[NDArray[np.float32] | None] = []
        spectrum, most = self.spectrum, int(self.longest * self.spectrum.rate)
        # the index has the rows' numbers in their table, of which a frame has a part only
        sounds = read_sounds(
            cells.tolist(),
            spectrum.rate,
            column=name,
            rows=cells.index.tolist(),
            on_error=self.on_error,
            change_rate=self.resample,
        )
        for row, sound in enumerate(sounds):
            if sound is None:
                found.append(None)
                continue
            if len(sound) > most and self.longer == "stop":
                path = f" '{cells.iloc[row]}'" if isinstance(cells.iloc[row], str) else ""
                at = rows_named([cells.index[row]])
                raise DataError(
                    f"a recording lasts {self.longest:g} seconds at most",
                    found=f"column '{name}', {at}:{path} {len(sound) / spectrum.rate:.1f} s",
                    remedy="a larger 'longest', longer: cut, or shorter recordings",
                )
            logs = spectrum(torch.from_numpy(sound[:most])).numpy()
            found.append(logs - logs.mean(axis=0) if self.centred else logs)
        return found

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn mean and deviation of each band, and those of the plain view."""
        spectra = self._spectra(frame)
        known = [cell for cell in spectra if cell is not None]
        self._learn(np.concatenate(known) if known else np.zeros((0, self.spectrum.bands), np.float32))
        x = self._padded(spectra, len(frame))
        numbers = self._summary(x)[x.lengths.flatten() > 0].numpy()
        self.plain_loc, self.plain_scale = moments(numbers)

    def _learn(self, steps: NDArray[np.float32]) -> None:  # of all training rows, [steps, M]
        self.loc, self.scale = moments(steps)

    def _padded(self, spectra: Sequence[NDArray[np.float32] | None], rows: int) -> Padded:
        return pad_rows(spectra, self.loc, self.scale, rows, len(self.columns))

    def transform(self, frame: pd.DataFrame) -> Padded:
        """Standardised log-mel spectra, [B, K, T, M], and their steps."""
        return self._padded(self._spectra(frame), len(frame))

    def lacks(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Rows without any recording [B]; under ``on_error: skip``, without any that can be read."""
        lacking: NDArray[np.bool_] = super().lacks(frame)
        if self.on_error != "skip":
            return lacking
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # transform tells of the same rows
            read = [self._column(frame[column.name], column.name) for column in self.columns]
        unread = [all(cell is None for cell in row) for row in zip(*read, strict=True)]
        both: NDArray[np.bool_] = lacking | np.array(unread, dtype=bool)
        return both

    def build(self) -> None:
        """Make the net."""
        self.net = SoundNet(
            len(self.seen),
            channels=self.channels,
            depth=self.depth,
            width=self.features,
            plane=self.plane,
            segments=self.segments,
            share=self.dropout,
        )

    @property
    def width(self) -> int:
        """Features of one column."""
        return self.features

    @property
    def seen(self) -> list[str]:
        """What the numbers of a step are called."""
        return [f"{hertz:.0f} Hz" for hertz in self.spectrum.centres]

    def front(self, x: Tensor) -> Tensor:
        """What the net sees of standardised spectra [N, T, M]: they themselves."""
        return x

    def embed(self, x: Padded | Any) -> Tensor:
        """Features [B * K, width]."""
        values, lengths = x.values.flatten(0, 1).to(self.net.last.weight.dtype), x.lengths.flatten()
        if self.training:
            loc, scale = (torch.from_numpy(a).to(values) for a in (self.loc, self.scale))
            if self.augment.warp or self.augment.tempo:  # power stands at its frequency, not its deviation
                centres, logs = torch.from_numpy(self.spectrum.centres), values * scale + loc
                logs, lengths = self.augment.voices(logs, lengths, centres, self.spectrum.top)
                values = (logs - loc) / scale
            values = self.augment.masks(values, lengths)
        features: Tensor = self.net(self.front(values), lengths)
        return features

    def _summary(self, x: Padded) -> Tensor:
        return summary(self.front(x.values.flatten(0, 1)), x.lengths.flatten())

    @property
    def plain_names(self) -> list[str]:
        """By column: mean and deviation over time, then the mean of each eighth of it, of each band."""
        return summary_names([column.name for column in self.columns], self.seen)

    def plain(self, x: Any) -> Tensor:
        """Standardised mean, deviation and segment means, [B, W]; 0 where a cell is missing."""
        loc, scale = (torch.from_numpy(a).float() for a in (self.plain_loc, self.plain_scale))
        numbers = (self._summary(x) - loc) / scale
        shape = (len(x), len(self.plain_names))
        return torch.where(x.lengths.view(-1, 1) > 0, numbers, 0.0).view(shape)

    def state(self) -> dict[str, Any]:
        """Means and deviations."""
        return {key: getattr(self, key) for key in ("loc", "scale", "plain_loc", "plain_scale")}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take means and deviations back."""
        for key in ("loc", "scale", "plain_loc", "plain_scale"):
            setattr(self, key, np.asarray(state[key], dtype=np.float64))
