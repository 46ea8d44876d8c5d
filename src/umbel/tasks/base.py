"""What all kinds do alike: keep their options and what they learned, read raw outputs, refuse a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.errors import ConfigError, KindError, near
from umbel.tasks.cells import Label, key_of
from umbel.tasks.kind import Kind, Rule

__all__ = [
    "ClassWeights",
    "KeptKind",
    "check_choice",
    "check_costs",
    "check_metric",
    "check_smoothing",
    "check_top",
    "decided",
    "label_weights",
    "plain_weights",
    "raw_numbers",
]

ClassWeights = Mapping[Any, float] | str | None
"""A weight for the loss of each class, ``"balanced"`` (inverse to its frequency), or None."""


class KeptKind(Kind):
    """A kind whose options and fitted state are kept as JSON, as they were given and learned.

    A subclass hands its keyword options to ``super().__init__`` and calls :meth:`_keep` in ``fit``;
    :meth:`_ready` derives from them what the likelihood needs.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._fitted: dict[str, Any] = {}

    @property
    def options(self) -> dict[str, Any]:
        """The keyword options that make this kind again (JSON)."""
        return dict(self._options)

    @property
    def fitted(self) -> dict[str, Any]:
        """What ``fit`` learned (JSON)."""
        return dict(self._fitted)

    @fitted.setter
    def fitted(self, state: Mapping[str, Any]) -> None:
        self._fitted = dict(state)
        if self._fitted:
            self._ready()

    def _keep(self, **learned: Any) -> None:
        self.fitted = learned

    def _ready(self) -> None:
        """Derive what is needed from the options and the fitted state."""

    def _got(self, key: str) -> Any:
        """A part of the fitted state.

        :raises KindError: the kind is not fitted yet.
        """
        if key not in self._fitted:
            raise KindError(
                "a kind must be fitted before it is used",
                found=f"a {self.name} kind without its {key}",
                remedy="call fit(column) with the training rows",
            )
        return self._fitted[key]


def raw_numbers(raw: Tensor) -> Tensor:
    """Raw outputs of any precision on any device as float64 on the CPU, without a gradient."""
    return raw.detach().to("cpu", torch.float64)


def check_smoothing(value: float) -> float:
    """:raises ConfigError: a label smoothing is not in [0, 1)."""
    if not 0 <= value < 1:
        raise ConfigError(
            "label_smoothing must be in [0, 1)", found=str(value), remedy="0.05 or 0.1 is usual"
        )
    return float(value)


def check_choice(option: str, value: str, choices: Sequence[str]) -> str:
    """:raises ConfigError: an option is none of its choices."""
    if value not in choices:
        raise ConfigError(
            f"{option} must be one of {', '.join(choices)}", found=repr(value), remedy=near(value, choices)
        )
    return value


def check_top(value: Any) -> int:
    """:raises ConfigError: ``top_k`` is no whole number, or negative."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(
            "top_k must be a whole number, 0 or more", found=repr(value), remedy="0 for no such column"
        )
    return value


def plain_weights(weights: ClassWeights) -> dict[str, float] | str | None:
    """Class weights as JSON keeps them: by the text of the class.

    :raises ConfigError: a weight is negative or no number, or an unknown word came.
    """
    if weights is None or weights == "balanced":
        return weights if weights is None else "balanced"
    if isinstance(weights, str):
        raise ConfigError(
            "class_weights must be a weight for each class, or 'balanced'",
            found=f"'{weights}'",
            remedy="class_weights: balanced, or {no: 1, yes: 3}",
        )
    try:
        plain = {key_of(label): float(weight) for label, weight in weights.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            "class_weights must be numbers", found=str(weights), remedy="class_weights: {no: 1, yes: 3}"
        ) from error
    if any(not 0 <= weight < float("inf") for weight in plain.values()):
        raise ConfigError(
            "class_weights must not be negative or infinite",
            found=str(plain),
            remedy="0 leaves a class out of the loss",
        )
    return plain


def label_weights(
    weights: dict[str, float] | str | None, labels: Sequence[Label], shares: Sequence[float]
) -> list[float] | None:
    """A weight for each class, in the order of the labels; classes not named weigh 1.

    :param shares: of each class in the training rows, for ``"balanced"``: weight 1 / (C share).
    :raises ConfigError: a weight is for a class that there is not.

    >>> label_weights({"b": 3.0}, ["a", "b"], [0.5, 0.5])
    [1.0, 3.0]
    >>> label_weights("balanced", ["a", "b"], [0.75, 0.25])
    [0.6666666666666666, 2.0]
    """
    if weights is None:
        return None
    if isinstance(weights, str):
        return [1 / (len(labels) * share) if share > 0 else 0.0 for share in shares]
    keys = [key_of(label) for label in labels]
    for key in weights:
        if key not in keys:
            raise ConfigError(
                "class_weights must be for classes of the target", found=f"'{key}'", remedy=near(key, keys)
            )
    return [weights.get(key, 1.0) for key in keys]


def check_metric(kind: str, metric: str, served: Sequence[str]) -> None:
    """:raises ConfigError: decisions of the kind cannot be chosen for the metric."""
    if metric not in served:
        raise ConfigError(
            f"decisions of a {kind} target are chosen for one of {', '.join(served)}",
            found=f"'{metric}'",
            remedy=near(metric, served),
        )


def nothing_to_choose(kind: str, costs: object, metric: str, served: Sequence[str]) -> Rule:
    """The rule of a kind whose decision follows from the prediction alone: an empty one.

    :param costs: what came as a cost matrix; there can be none.
    :raises ConfigError: costs came, or decisions of the kind cannot be chosen for the metric.
    """
    if costs is not None:
        raise ConfigError("a cost matrix is for kinds with classes", found=f"a {kind} target")
    check_metric(kind, metric, served)
    return {}


def check_costs(kind: str, costs: Sequence[Sequence[float]], size: int) -> NDArray[np.float64]:
    """A cost matrix as an array, [C, C]: the truth is the row, the decision the column.

    :raises ConfigError: it has another shape, or a cost is no finite number.
    """
    try:
        matrix = np.asarray(costs, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.full((1, 1), np.nan)
    if matrix.shape != (size, size) or not np.isfinite(matrix).all():
        raise ConfigError(
            f"costs of this {kind} target must be {size} rows of {size} finite numbers "
            "(truth by row, decision by column)",
            found=str(costs),
            remedy=f"give {size} lists of {size} numbers, 0 on the diagonal",
        )
    return matrix


def decided(weights: NDArray[Any]) -> NDArray[np.bool_]:
    """Rows [B] whose answer is known, from weights [B]."""
    known: NDArray[np.bool_] = np.asarray(weights) != 0
    return known
