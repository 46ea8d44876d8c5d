"""Recordings: cepstra (MFCC), and convolutions over time."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.schema import Column
from umbel.encoders.audio import Audio
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.sound_plain import moments
from umbel.encoders.spectra import dct_matrix
from umbel.errors import ConfigError

__all__ = ["Mfcc"]


@ENCODERS.register("mfcc", source="mel-frequency cepstra, Davis & Mermelstein 1980")
class Mfcc(Audio):
    """Sounds as mel-frequency cepstra under convolutions over time.

    The cosine transform of the log-mel spectrum, standardised by the training rows; the first coefficient is
    the loudness. Hiding bands and warping frequencies happen before the transform.

    :param coefficients: of each step, at most the number of bands.
    :param options: those of :class:`~umbel.encoders.audio.Audio`; ``channels`` are those of every
        convolution.
    :raises ConfigError: an option is unknown or out of its range.
    """

    name: ClassVar[str] = "mfcc"
    plane: ClassVar[bool] = False

    def __init__(self, columns: Sequence[Column], *, coefficients: int = 20, **options: Any) -> None:
        super().__init__(columns, **options)
        bands = self.spectrum.bands
        if isinstance(coefficients, bool) or not isinstance(coefficients, int):
            coefficients = 0
        if not 1 <= coefficients <= bands:
            raise ConfigError(
                "the option 'coefficients' of cepstra is a whole number from 1 to the number of bands",
                found=repr(coefficients),
                remedy=f"at most {bands}, or more mels",
            )
        self.coefficients = coefficients
        self.cepstral_loc, self.cepstral_scale = np.zeros(coefficients), np.ones(coefficients)

    @property
    def _transform(self) -> NDArray[np.float64]:
        """[M, coefficients]."""
        return dct_matrix(self.spectrum.bands, self.coefficients)

    def _learn(self, steps: NDArray[np.float32]) -> None:
        super()._learn(steps)
        self.cepstral_loc, self.cepstral_scale = moments((steps @ self._transform).astype(np.float32))

    @property
    def seen(self) -> list[str]:
        """What the numbers of a step are called."""
        return [f"cepstrum {c}" for c in range(self.coefficients)]

    def front(self, x: Tensor) -> Tensor:
        """Standardised cepstra [N, T, coefficients] of standardised spectra [N, T, M]."""
        matrix = self.scale[:, None] * self._transform / self.cepstral_scale
        start = (self.loc @ self._transform - self.cepstral_loc) / self.cepstral_scale
        return x @ torch.from_numpy(matrix).to(x) + torch.from_numpy(start).to(x)

    def state(self) -> dict[str, Any]:
        """Means and deviations, of the cepstra too."""
        own = {"cepstral_loc": self.cepstral_loc, "cepstral_scale": self.cepstral_scale}
        return {**super().state(), **own}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take means and deviations back."""
        super().restore(state)
        for key in ("cepstral_loc", "cepstral_scale"):
            setattr(self, key, np.asarray(state[key], dtype=np.float64))


def _signature() -> inspect.Signature:
    """Of the constructor, with the options of the other one spelt out: they are looked up by name."""
    own, theirs = inspect.signature(Mfcc), inspect.signature(Audio)
    kept = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    return own.replace(parameters=[*kept, *(p for n, p in theirs.parameters.items() if n != "columns")])


Mfcc.__signature__ = _signature()  # type: ignore[attr-defined]  # inspect looks for it, a type has no such thing
