"""A text that is to be written: one token after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.errors import ConfigError, KindError
from umbel.tasks.base import KeptKind, nothing_to_choose, raw_numbers
from umbel.tasks.cells import bad_cells, check_variety
from umbel.tasks.kind import KINDS, Response, Rule
from umbel.tasks.losses import widen
from umbel.tasks.parts import empty_cell
from umbel.tasks.pieces import LEVELS, Level, join, split
from umbel.tasks.prediction import Encoded, Prediction
from umbel.tasks.speech import Decoder, Speech
from umbel.tasks.vocabulary import UNKNOWN, learn, numbered, trimmed

__all__ = ["Tokens"]

LONGEST = {"word": 50, "character": 200}
"""Tokens of a text that are looked at, where the option does not say."""
SMOOTHED = 0.01
"""What each token is counted more, so that none is impossible."""


@KINDS.register("tokens", source="Bengio et al. 2003 (a neural model of the next token); Cho et al. 2014")
class Tokens(KeptKind):
    """A text that is written: p(text | x) = prod over t of p(token_t | tokens before it, x).

    V tokens: the end (number 0), the unknown piece (1), and the pieces of the training texts. The head reads
    the answers, since the probability of a token needs the true tokens before it: its raw outputs are their
    log probabilities, [B, T], and a prediction's value is those probabilities. Where no answer is known they
    are 1 and say nothing. What the model writes by itself, without an answer, is ``Prediction.tokens``.

    :param level: ``"word"`` or ``"character"``.
    :param lower: capital letters are read as small ones.
    :param least: a piece must be seen so often in training, or it is the unknown one; at least 1.
    :param most: tokens at most, V; at least 3.
    :param longest: tokens of a text that are looked at, T at most; 50 words or 200 characters where None.
    :param decoder: options of the head, see :class:`~umbel.tasks.speech.Decoder`.
    :param write: how texts are written, see :class:`~umbel.tasks.speech.Speech`.

    >>> kind = Tokens(least=1)
    >>> kind.fit(pd.Series(["yes, please", "no"]))
    >>> kind.encode(pd.Series(["no, thanks", None])).values.tolist()
    [[3, 2, 1, 0], [0, 0, 0, 0]]
    """

    name = "tokens"
    metrics = ("perplexity", "token_log_loss")
    response: ClassVar[Response] = "sequence"

    def __init__(
        self,
        *,
        level: Level = "word",
        lower: bool = True,
        least: int = 2,
        most: int = 5000,
        longest: int | None = None,
        decoder: Mapping[str, Any] | None = None,
        write: Mapping[str, Any] | None = None,
    ) -> None:
        if level not in LEVELS:
            raise ConfigError(
                "tokens are of one level", found=repr(level), remedy="level: word, or character"
            )
        self._level = level
        super().__init__(
            level=level,
            lower=bool(lower),
            least=_whole("least", least, 1),
            most=_whole("most", most, 3),
            longest=None if longest is None else _whole("longest", longest, 1),
            decoder=Decoder.read(decoder or {}).options,
            write=Speech.read(write or {}).options,
        )

    @property
    def tokens(self) -> list[str]:
        """The V tokens by number."""
        found: list[str] = self._got("tokens")
        return found

    @property
    def width(self) -> int:
        """A logit for each token, V, of each next token; the raw outputs are [B, T]."""
        return len(self.tokens)

    @property
    def length(self) -> int:
        """T: tokens of the longest training text, with its end."""
        return int(self._got("length"))

    @property
    def decoder(self) -> Decoder:
        """How the head is made."""
        return Decoder.read(self._options["decoder"])

    @property
    def speech(self) -> Speech:
        """How texts are written."""
        return Speech.read(self._options["write"])

    def speak(self, **write: Any) -> None:
        """Write otherwise from now on: no fitted number depends on it.

        :param write: options of :class:`~umbel.tasks.speech.Speech`; those left away are as they were.
        :raises ConfigError: there is no such option, or its value is none it can have.
        """
        self._options["write"] = Speech.read({**self._options["write"], **write}).options

    def _pieces(self, column: pd.Series) -> list[list[str] | None]:
        """:raises KindError: a cell is no text."""
        odd = [i for i, cell in enumerate(column) if not isinstance(cell, str) and not empty_cell(cell)]
        if odd:
            raise KindError(
                "each cell of a tokens target must be a text",
                found=bad_cells(column, odd),
                remedy="make texts of these cells or empty them, or give the target another kind",
            )
        level, lower = self._level, self._options["lower"]
        cells = [split(cell, level, lower=lower) if isinstance(cell, str) else [] for cell in column]
        return [pieces or None for pieces in cells]

    def fit(self, column: pd.Series) -> None:
        """Learn the tokens, how long texts are, and how frequent each token is."""
        cells = self._pieces(column)
        texts = [pieces for pieces in cells if pieces is not None]
        distinct = len({tuple(pieces) for pieces in texts[:1] + [p for p in texts if p != texts[0]][:1]})
        check_variety(column, len(texts), distinct, join(texts[0], self._level) if texts else None)
        longest = self._options["longest"] or LONGEST[self._level]
        length = min(max(map(len, texts)), longest) + 1
        cut = [pieces[:length] for pieces in texts]
        tokens = learn(cut, least=self._options["least"], most=self._options["most"])
        values, weights = numbered(cut, tokens, length)
        counts = np.bincount(values[weights > 0], minlength=len(tokens))
        self._keep(tokens=tokens, length=length, counts=counts.tolist())

    def encode(self, column: pd.Series) -> Encoded:
        """Token numbers [B, T]: the text, its end, then 0; the weight is 1 up to the end, and 0 behind it."""
        tokens, length = self.tokens, self.length
        return Encoded(*numbered(self._pieces(column), tokens, length))

    def nll(self, raw: Tensor, target: Tensor) -> Tensor:
        """-log probability of each true token, [B, T]."""
        self._got("tokens")
        return -widen(raw)

    def predict(self, raw: Tensor) -> Prediction:
        """The probability given to each true token, [B, T]."""
        return Prediction(torch.exp(raw_numbers(raw).clamp(max=0.0)).numpy())

    def constant(self, values: NDArray[Any], weights: NDArray[Any]) -> Prediction:
        """Shares of the tokens, [1, V], each counted a hundredth more; :meth:`at` reads them at answers."""
        size = np.maximum(np.asarray(weights, dtype=np.float64), 0.0)
        counts: NDArray[Any] = np.bincount(values[size > 0], weights=size[size > 0], minlength=self.width)
        if counts.sum() <= 0:
            counts = np.asarray(self._got("counts"), dtype=np.float64)
        counts = counts + SMOOTHED
        return Prediction((counts / counts.sum())[None])

    def at(self, constant: Prediction, values: NDArray[Any]) -> Prediction:
        """The share of each true token, [B, T]."""
        return Prediction(constant.value[0][values])

    def start(self) -> NDArray[np.float64]:
        """Logarithms of the tokens' shares, [V]: where the head's output begins."""
        counts = np.asarray(self._got("counts"), dtype=np.float64) + SMOOTHED
        logs: NDArray[np.float64] = np.log(counts / counts.sum())
        return logs

    def link(self, value: NDArray[Any]) -> NDArray[np.float64]:
        """The probabilities as they are, [B, T]: only their mean, not that of logarithms, belongs to a model
        of sequences (a mixture of the next token's distributions)."""
        return np.asarray(value, dtype=np.float64)

    def unlink(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """The probabilities, [B, T]."""
        return np.asarray(scores, dtype=np.float64)

    def mix(self, predictions: Sequence[Prediction], weights: Sequence[float]) -> Prediction:
        """The mean of the probabilities; the text is that of the weightiest member that writes."""
        value = super().mix(predictions, weights).value
        writers = [k for k, p in enumerate(predictions) if p.tokens is not None and weights[k] > 0]
        chosen = max(writers, key=lambda k: weights[k], default=None)
        return Prediction(value, tokens=None if chosen is None else predictions[chosen].tokens)

    def fit_rule(
        self,
        prediction: Prediction,
        values: NDArray[Any],
        weights: NDArray[Any],
        *,
        metric: str | None = None,
        costs: Sequence[Sequence[float]] | None = None,
    ) -> Rule:
        """Nothing to choose: how texts are written is an option of the kind.

        :raises ConfigError: costs came, or another metric.
        """
        return nothing_to_choose(self.name, costs, metric or self.metrics[0], self.metrics)

    def decide(self, prediction: Prediction, rule: Rule | None = None) -> NDArray[Any]:
        """Tokens that were written, [B, T]; the unknown one alone where the model writes none."""
        if prediction.tokens is not None:
            return prediction.tokens
        nothing = np.zeros((len(prediction), self.length), dtype=np.int64)
        nothing[:, 0] = UNKNOWN
        return nothing

    def to_columns(
        self, name: str, prediction: Prediction, rule: Rule | None = None
    ) -> dict[str, NDArray[Any]]:
        """The text that was written; None where the model writes none."""
        texts: NDArray[Any] = np.full(len(prediction), None, dtype=object)
        if prediction.tokens is not None:
            written = prediction.tokens.tolist()
            texts[:] = [join(trimmed(row, self.tokens), self._level) for row in written]
        return {name: texts}

    @classmethod
    def example(cls) -> tuple[dict[str, Any], pd.Series]:
        """Options and a small column, for the contract suite."""
        texts = ["where to?", "home, please", None, "to the station", "home", "to the sea, please"]
        return {"least": 1, "decoder": {"units": 8}}, pd.Series(texts, name="reply", dtype=object)


def _whole(option: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(
            f"'{option}' of a tokens target is a whole number, {least} or more", found=repr(value)
        )
    return value
