"""Numbers as how far they have come through the bins of their training quantiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.data.schema import Column
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.number_embeddings import NumberEmbedding
from umbel.errors import ConfigError

__all__ = ["Piecewise"]


@ENCODERS.register("piecewise", source="piecewise linear encoding (PLE), Gorishniy et al. 2022, equation 1")
class Piecewise(NumberEmbedding):
    """Each number is 1 in every bin that lies below it, 0 in those above, and its share of its own bin.

    The bins' edges are quantiles of the training rows; below the first and above the last edge the share goes
    on past 0 and 1. A layer of its own and a ReLU follow for each feature.

    :param bins: per feature at most (fewer where quantiles are equal).
    :param width: numbers per feature.
    :param clip: standard scores are held within plus and minus this; None leaves them be.
    :param ranks: also the share of training rows below the cell.
    :param drop: share of the embedded features dropped in training, in [0, 1).
    :raises ConfigError: an option is out of its range.
    """

    name: ClassVar[str] = "piecewise"

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        bins: int = 16,
        width: int = 8,
        clip: float | None = 4.0,
        ranks: bool = False,
        drop: float = 0.0,
    ) -> None:
        super().__init__(columns, clip=clip, ranks=ranks, width=width, drop=drop)
        if bins < 1:
            raise ConfigError("a piecewise encoding has at least one bin", found=f"bins: {bins!r}")
        self.bins = bins
        self.edges: NDArray[np.float64] = np.zeros((0, bins + 1))

    def fit(self, frame: pd.DataFrame) -> None:
        """Learn scales and edges."""
        super().fit(frame)
        scores = self.transform(frame).double().numpy()
        levels = np.linspace(0, 1, self.bins + 1)
        self.edges = np.array([np.quantile(one, levels) if len(one) else levels for one in scores.T]).reshape(
            -1, self.bins + 1
        )

    def build(self) -> None:
        """One layer per feature, and the edges beside it."""
        super().build()
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        size = high - low
        # a bin of no size is a step: nothing lies within it
        self.register_buffer("low", torch.from_numpy(low).float(), persistent=False)
        self.register_buffer("size", torch.from_numpy(size).float(), persistent=False)

    @property
    def spread(self) -> int:
        """One number per bin."""
        return self.bins

    def spread_out(self, x: Tensor) -> Tensor:
        """[B, D] to [B, D, bins]."""
        low, size = self.get_buffer("low").to(x.dtype), self.get_buffer("size").to(x.dtype)
        past = x[:, :, None] - low
        step = (past >= 0).to(x.dtype)
        share = torch.where(size > 1e-6, past / size.clamp(min=1e-6), step)
        inner = share.clamp(0, 1)
        first = torch.minimum(share[:, :, :1], inner.new_ones(()))
        if self.bins == 1:
            return share
        last = torch.maximum(share[:, :, -1:], inner.new_zeros(()))
        return torch.cat([first, inner[:, :, 1:-1], last], dim=2)

    def state(self) -> dict[str, Any]:
        """Scales and edges."""
        return {**super().state(), "edges": self.edges}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take scales and edges back."""
        super().restore(state)
        self.edges = np.asarray(state["edges"]).reshape(-1, self.bins + 1)
