"""What a model says of a task, in the task's own terms, for every kind of model alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoded", "Prediction"]


@dataclass(frozen=True)
class Encoded:
    """The answers of one target column as numbers.

    :param values: [B] or [B, L] (multilabel) or [B, C] (distribution) or [B, T] (tokens); 0 where unknown.
    :param weights: the shape of the task's loss, [B], [B, L] or [B, T]; 0 is unlabelled, 1 is labelled, any
        other real number is an importance.
    """

    values: NDArray[Any]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """What is predicted for B rows of one target.

    :param value: the mean of the answer: [B] expected number, or probability of the positive class;
        [B, C] class probabilities (multiclass, ordinal, distribution); [B, L] label probabilities; [B, T]
        the probability that each true token of a sequence was given, after the true ones before it.
    :param spread: [B] standard deviation of the answer, where the kind has one.
    :param tokens: [B, T] int64, sequences that the model wrote by itself, where the kind has them and the
        model writes.
    """

    value: NDArray[np.float64]
    spread: NDArray[np.float64] | None = None
    tokens: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.value)

    def take(self, positions: NDArray[Any]) -> Prediction:
        """The same for some of the rows (positions or a mask)."""
        return Prediction(
            self.value[positions],
            None if self.spread is None else self.spread[positions],
            None if self.tokens is None else self.tokens[positions],
        )

    def repeat(self, count: int) -> Prediction:
        """A prediction of one row, for ``count`` rows."""
        return Prediction(
            np.repeat(self.value, count, axis=0),
            None if self.spread is None else np.repeat(self.spread, count, axis=0),
            None if self.tokens is None else np.repeat(self.tokens, count, axis=0),
        )

    def put(self, positions: NDArray[Any], other: Prediction) -> Prediction:
        """A copy in which the rows at ``positions`` are those of ``other``."""
        value = self.value.copy()
        value[positions] = other.value
        spread = None if self.spread is None else self.spread.copy()
        if spread is not None and other.spread is not None:
            spread[positions] = other.spread
        tokens = None if self.tokens is None else self.tokens.copy()
        if tokens is not None and other.tokens is not None:
            tokens[positions] = other.tokens
        return Prediction(value, spread, tokens)
