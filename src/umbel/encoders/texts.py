"""What encoders of text have in common: cells as texts, rows that lack them, options that are checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.schema import Column, ColumnType
from umbel.encoders.encoder import Encoder
from umbel.errors import ConfigError

__all__ = ["TextEncoder", "texts_of"]


def texts_of(column: pd.Series) -> list[str]:
    """The cells as texts; a missing cell, or one of blanks only, is the empty text.

    >>> texts_of(pd.Series(["a b", None, "  "]))
    ['a b', '', '']
    """
    return [cell if isinstance(cell, str) and not cell.isspace() else "" for cell in column.tolist()]


class TextEncoder(Encoder):
    """An encoder of text columns; a row lacks the modality where all its texts are missing or blank."""

    reads: ClassVar[ColumnType] = "text"

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__(columns)
        self.cut = [0] * len(self.columns)
        """Training texts longer than the window, by column, [S]; 0 where there is no window."""

    def texts(self, frame: pd.DataFrame) -> list[list[str]]:
        """The texts of each column, [S] lists of B."""
        return [texts_of(frame[column.name]) for column in self.columns]

    def lacks(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Rows whose texts are all missing or blank, [B]."""
        full = [np.array([text != "" for text in texts], dtype=bool) for texts in self.texts(frame)]
        return np.asarray(~np.logical_or.reduce(full), dtype=bool)

    def whole(self, option: str, value: int, *, least: int, most: float = math.inf) -> int:
        """
        :returns: the value of an option.
        :raises ConfigError: it is no whole number from ``least`` to ``most``.
        """
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        upper = "" if most == math.inf else f", at most {most:g}"
        raise ConfigError(
            f"the option '{option}' of the encoder '{self.name}' is a whole number, at least {least}{upper}",
            found=repr(value),
            remedy=f"{option}: {least}",
        )

    def share(self, option: str, value: float) -> float:
        """
        :returns: the value of an option.
        :raises ConfigError: it is no number in [0, 1).
        """
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1:
            return float(value)
        raise ConfigError(
            f"the option '{option}' of the encoder '{self.name}' is a share in [0, 1)",
            found=repr(value),
            remedy=f"{option}: 0.1",
        )

    def choice(self, option: str, value: str, choices: Sequence[str]) -> str:
        """
        :returns: the value of an option.
        :raises ConfigError: it is none of the choices.
        """
        if value in choices:
            return value
        raise ConfigError(
            f"the option '{option}' of the encoder '{self.name}' is one of its choices",
            found=repr(value),
            remedy="one of " + ", ".join(choices),
        )
