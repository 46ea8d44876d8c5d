"""The contract of a kind: what an answer looks like, and everything that follows from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from umbel.registry import Registry
from umbel.tasks.prediction import Encoded, Prediction

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

__all__ = ["KINDS", "Kind", "Response", "Rule"]

Response = Literal["bernoulli", "categorical", "ordered", "gaussian", "poisson", "simplex", "sequence"]
"""The exponential family behind a kind: what a linear model or a tree needs to know of it. A ``sequence`` is
a row of categorical answers, each given the true ones before it."""

Rule = dict[str, Any]
"""How a decision is taken from a prediction (thresholds, cut points): JSON, chosen on validation."""


class Kind(ABC):
    """One kind of answer: its likelihood, head width, predictions, decisions and metrics.

    A kind is made with keyword options, fitted on the training rows of its column (classes, location
    and scale), and saved as JSON. A subclass registers itself with ``@KINDS.register(name)``.

    The raw outputs of a head are ``[B, width + free]``: ``width`` of them depend on the row, ``free``
    are scalars of the task that the head learns and repeats for each row (a noise, a dispersion, the
    cut points of grades), so that ``nll`` is a pure function of ``(raw, target)``. A kind whose response is
    ``sequence`` has a head of its own that reads the answers: its raw outputs are [B, T], see
    :class:`~umbel.tasks.tokens.Tokens`.

    A subclass also has ``example()``, options and a small column with a missing cell: the contract suite
    finds every registered kind and runs it on its own example.
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]
    """Names of the metrics people expect; the first is the primary one."""
    response: ClassVar[Response]
    free: int = 0
    """Raw outputs that are learned scalars of the task, the same for every row."""

    @property
    @abstractmethod
    def width(self) -> int:
        """Raw outputs that depend on the row (known once fitted)."""

    @abstractmethod
    def fit(self, column: pd.Series) -> None:
        """Learn the classes or the scale from the training rows of the column.

        :raises KindError: a value does not fit the kind (column, row and value are named), or the
            target is constant or wholly missing.
        """

    @abstractmethod
    def encode(self, column: pd.Series) -> Encoded:
        """Answers as numbers; a missing cell becomes weight 0.

        :raises KindError: a value does not fit the kind, or is a class that training never saw.
        """

    @abstractmethod
    def nll(self, raw: Tensor, target: Tensor) -> Tensor:
        """Negative log likelihood of each label, differentiable.

        :param raw: [B, width + free].
        :param target: [B] (or [B, L], [B, C]) as :meth:`encode` gives it, as a tensor.
        :returns: [B], or [B, L] where each label has a loss of its own. Entries whose label is
            unknown are finite and to be ignored.
        """

    @abstractmethod
    def predict(self, raw: Tensor) -> Prediction:
        """Raw outputs [B, width + free] to probabilities, or mean and spread."""

    @abstractmethod
    def constant(self, values: NDArray[Any], weights: NDArray[Any]) -> Prediction:
        """The best prediction without inputs, by maximum likelihood: a prediction of one row."""

    def at(self, constant: Prediction, values: NDArray[Any]) -> Prediction:
        """What :meth:`constant` gave, for rows: one answer for all of them.

        :param values: encoded answers of B rows. Only a sequence looks at them, as what is said of it is the
            probability of each true token.
        """
        return constant.repeat(len(values))

    @abstractmethod
    def link(self, value: NDArray[Any]) -> NDArray[np.float64]:
        """Predictions in the space where they may be averaged and stacked, [B, K]."""

    @abstractmethod
    def unlink(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """The inverse of :meth:`link` (scores [B, K] to ``Prediction.value``)."""

    @abstractmethod
    def fit_rule(
        self,
        prediction: Prediction,
        values: NDArray[Any],
        weights: NDArray[Any],
        *,
        metric: str | None = None,
        costs: Sequence[Sequence[float]] | None = None,
    ) -> Rule:
        """Choose how decisions are taken, on validation rows.

        :param metric: the decision metric to maximise; the kind's own default where None.
        :param costs: cost of deciding column j where the truth is row i; replaces ``metric``.
        """

    @abstractmethod
    def decide(self, prediction: Prediction, rule: Rule | None = None) -> NDArray[Any]:
        """Decisions in encoded terms: class index [B], 0/1 [B] or [B, L], or the mean [B]."""

    @abstractmethod
    def to_columns(
        self, name: str, prediction: Prediction, rule: Rule | None = None
    ) -> dict[str, NDArray[Any]]:
        """Columns of the table that ``umbel predict`` writes, in the user's own terms.

        :param name: the task's name; the decision has it, the rest is ``name_probability``,
            ``name_mean``, ``name_low`` and so on.
        """

    def start(self) -> NDArray[np.float64]:
        """Raw outputs of the best prediction without inputs, [width + free]: where a head may begin.

        Zeros where the likelihood itself counts from that prediction (regression, count, ordinal).
        """
        return np.zeros(self.width + self.free)

    def mix(self, predictions: Sequence[Prediction], weights: Sequence[float]) -> Prediction:
        """Weighted average of several predictions in the link space.

        The spread is that of the mixture: mean variance plus variance of the means.

        :param predictions: of the same rows.
        :param weights: non-negative, summing to 1.
        """
        share = np.asarray(weights, dtype=float)
        scores = sum(w * self.link(p.value) for w, p in zip(share, predictions, strict=True))
        value = self.unlink(np.asarray(scores))
        if any(p.spread is None for p in predictions):
            return Prediction(value)
        variance = sum(
            w * (np.asarray(p.spread) ** 2 + (p.value - value) ** 2)
            for w, p in zip(share, predictions, strict=True)
        )
        return Prediction(value, np.sqrt(np.asarray(variance)))

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The keyword options that make this kind again (JSON)."""

    @property
    @abstractmethod
    def fitted(self) -> dict[str, Any]:
        """What :meth:`fit` learned (JSON)."""

    @fitted.setter
    @abstractmethod
    def fitted(self, state: Mapping[str, Any]) -> None: ...

    @property
    def state(self) -> dict[str, Any]:
        """All of the kind as JSON; :func:`from_state` makes it again."""
        return {"kind": self.name, "options": self.options, "fitted": self.fitted}

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Kind:
        """The kind that :attr:`state` tells of."""
        kind: Kind = KINDS.get(state["kind"])(**state["options"])
        kind.fitted = state["fitted"]
        return kind


KINDS: Registry[Any] = Registry("kind", "umbel.tasks")
"""All kinds of answer, by name."""
