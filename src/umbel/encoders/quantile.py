"""Number columns by their place among the training rows, as normal scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from umbel.data.schema import Column
from umbel.encoders.encoder import ENCODERS
from umbel.encoders.numbers import Numbers, ranks_of, read_numbers

__all__ = ["Quantile"]


@ENCODERS.register("quantile", source="normal scores, van der Waerden 1952")
class Quantile(Numbers):
    """Each number is the normal quantile of the share of training rows below it, with missing indicators.

    Whatever the units and however skewed a column, its features are spread like a normal variable and no
    cell is far out. The shares are told by 257 training quantiles of the column.

    :param clip: scores are held within plus and minus this; None leaves them be.
    """

    name: ClassVar[str] = "quantile"

    def __init__(self, columns: Sequence[Column], *, clip: float | None = None) -> None:
        super().__init__(columns, clip=clip, ranks=True)

    def _raw(self, frame: Any) -> Iterator[Any]:
        from scipy.special import ndtri

        for j, column in enumerate(self.columns):
            x = read_numbers(frame[column.name])
            empty = np.isnan(x)
            x[empty] = self.fills[j]
            edge = 0.5 / self.knots.shape[1]
            yield ndtri(np.clip(ranks_of(x, self.knots[j]), edge, 1 - edge))
            if self.missing[j]:
                yield empty.astype(np.float64)

    @property
    def wide(self) -> int:
        """Columns of the linear view, W."""
        return len(self.columns) + int(self.missing.sum())
