"""Late fusion: an expert per modality, whose predictions are multiplied or averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from umbel.data.dataset import Dataset
from umbel.data.schema import COLUMN_TYPES, Column, Schema
from umbel.encoders.by_type import ENCODER_OF, encoder_of
from umbel.errors import ConfigError, DataError, near
from umbel.tasks import Kind, Prediction, TaskSet
from umbel.training.learner import LEARNERS, Learner, Predictions, State
from umbel.training.learners.classic import no_texts
from umbel.training.making import freeze, make, thaw

__all__ = ["LateFusion", "pooled"]

How = Literal["product", "average"]
_CLASSES = ("bernoulli", "categorical", "ordered", "simplex")


def pooled(kind: Kind, experts: list[Prediction], prior: Prediction, how: How) -> Prediction:
    """What several experts of the same rows say together.

    ``product``: experts that see different things of one answer are independent given it, so that for classes
    p(y) times the product of p(y | x_m) / p(y), normalised; for a Gaussian answer their means weighted by
    precision. ``average``: the mean of their probabilities (of classes), or their mixture. A count is the
    mean of the experts on the log scale either way.

    :param experts: at least one.
    :param prior: the best prediction without inputs, of one row.

    Source: Hinton 2002, "Training products of experts"; Bordley 1982 for the prior's part; Genest &
    Zidek 1986 for both pools.
    """
    if len(experts) == 1:
        return experts[0]
    if kind.response in _CLASSES:
        if how == "average":
            return Prediction(np.mean([expert.value for expert in experts], axis=0))
        base = kind.link(prior.value)
        scores = sum((kind.link(expert.value) - base for expert in experts), base)
        return Prediction(kind.unlink(np.asarray(scores)))
    if kind.response == "gaussian" and how == "product":
        spreads = [np.asarray(expert.spread) for expert in experts if expert.spread is not None]
        if len(spreads) == len(experts):
            precision = np.stack([1 / np.maximum(spread, 1e-9) ** 2 for spread in spreads])
            values = np.stack([expert.value for expert in experts])
            total = precision.sum(axis=0)
            return Prediction((precision * values).sum(axis=0) / total, total**-0.5)
    return kind.mix(experts, [1 / len(experts)] * len(experts))


@LEARNERS.register(
    "late_fusion", source="late fusion, Baltrušaitis et al. 2019; product of experts, Hinton 2002"
)
class LateFusion:
    """One learner per modality (type of input column), pooled row by row over the modalities it has.

    An expert learns from the rows that have its modality; a row that lacks it is answered by the others, and
    one that has none by the best constant. Side inputs go to every expert.

    :param how: ``product`` or ``average`` of what the experts say, see :func:`pooled`.
    :param learner: what each expert is.
    :param options: its options.
    :raises ConfigError: ``how`` is neither, or the learner does not know an option.
    """

    name: ClassVar[str] = "late_fusion"
    joint: ClassVar[bool] = True

    def __init__(
        self,
        *,
        how: How = "product",
        learner: str = "net",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if how not in ("product", "average"):
            raise ConfigError(
                "late fusion is a product or an average",
                found=f"how: {how!r}",
                remedy=near(str(how), ["product", "average"]),
            )
        self.how, self.learner, self.given = how, learner, dict(options or {})
        make(learner, self.given)
        self.experts: dict[str, Learner] = {}
        self.schemas: dict[str, Schema] = {}
        self.priors: Predictions = {}

    @property
    def stops(self) -> bool:
        """As the learner that each expert is."""
        return bool(getattr(make(self.learner, self.given), "stops", False))

    @staticmethod
    def serves(train: Dataset) -> str:
        """Why it cannot serve: there are no inputs, or a target is a text."""
        return no_texts(train) if train.schema.columns else "late fusion needs at least one input column"

    @property
    def options(self) -> dict[str, Any]:
        """See :class:`Learner`."""
        return {"how": self.how, "learner": self.learner, "options": self.given}

    @property
    def parameters(self) -> int:
        """Sum over the experts."""
        return sum(expert.parameters for expert in self.experts.values())

    @property
    def notes(self) -> Mapping[str, Any]:
        """What each modality's expert chose."""
        return {"experts": {name: dict(expert.notes) for name, expert in self.experts.items()}}

    def fit(self, train: Dataset, valid: Dataset) -> LateFusion:
        """Fit an expert per modality; see :class:`Learner`.

        :raises DataError: no training row with a known label has a modality.
        """
        self.schemas = _by_modality(train.schema)
        self.experts = {}
        for name, schema in self.schemas.items():
            mine, check = (_having(rows, schema) for rows in (train, valid))
            if not any(mine.known(target.name).any() for target in train.tasks.targets):
                raise DataError(
                    "each modality has training rows with a known label",
                    found=f"none has '{name}' ({', '.join(schema.names)})",
                    remedy="leave its columns out",
                )
            expert = make(self.learner, self.given)
            self.experts[name] = expert.fit(mine, check if len(check) else mine)
        self.priors = {
            target.name: target.kind.constant(train.values(target.name), train.weights(target.name))
            for target in train.tasks.targets
        }
        return self

    def predict(self, rows: Dataset) -> Predictions:
        """What the experts of each row's modalities say together; see :class:`Learner`."""
        has = {name: _has(rows, schema) for name, schema in self.schemas.items()}
        answers: dict[str, Predictions] = {}
        for name, there in has.items():
            if there.any():
                seen = rows.seeing(self.schemas[name])
                answers[name] = self.experts[name].predict(seen if there.all() else seen.take(there))
        # place of each row among the rows that its expert was asked for
        places = {name: np.cumsum(there) - 1 for name, there in has.items()}
        patterns, which = np.unique(np.stack(list(has.values()), axis=1), axis=0, return_inverse=True)
        found: Predictions = {}
        for target in rows.tasks.targets:
            prior = self.priors[target.name]
            answer = prior.repeat(len(rows))
            for k, pattern in enumerate(patterns):
                mine = np.flatnonzero(which.ravel() == k)
                said = [
                    answers[name][target.name].take(places[name][mine])
                    for name, there in zip(has, pattern, strict=True)
                    if there
                ]
                if said and len(mine):
                    answer = answer.put(mine, pooled(target.kind, said, prior, self.how))
            found[target.name] = answer
        return found

    def state(self) -> State:
        """See :class:`Learner`."""
        priors = {
            target: {"value": prior.value, "spread": prior.spread} for target, prior in self.priors.items()
        }
        return {"experts": {n: freeze(expert) for n, expert in self.experts.items()}, "priors": priors}

    def restore(self, state: State, tasks: TaskSet, schema: Schema) -> None:
        """See :class:`Learner`."""
        self.schemas = _by_modality(schema)
        self.experts = {n: thaw(state["experts"][n], tasks, own) for n, own in self.schemas.items()}
        self.priors = {
            target: Prediction(
                np.asarray(prior["value"]),
                None if prior["spread"] is None else np.asarray(prior["spread"]),
            )
            for target, prior in state["priors"].items()
        }


def _by_modality(schema: Schema) -> dict[str, Schema]:
    """The columns of each modality, and those of the side with each of them."""
    below, side = schema.split()
    found: dict[str, Schema] = {}
    for column in sorted(below.columns, key=lambda c: COLUMN_TYPES.index(c.type)):
        name = ENCODER_OF[column.type]
        before: tuple[Column, ...] = found[name].columns if name in found else ()
        found[name] = Schema((*before, column))
    return {name: Schema((*own.columns, *side.columns)) for name, own in found.items()}


def _has(rows: Dataset, schema: Schema) -> NDArray[np.bool_]:
    """Rows that have the modality of a schema, [B]; numbers and levels are never lacking."""
    columns = list(schema.split()[0].columns)
    if columns[0].type in ("number", "category"):
        return np.ones(len(rows), dtype=bool)
    names = [column.name for column in columns]
    return ~encoder_of(columns[0].type, columns).lacks(rows.frame(names))


def _having(rows: Dataset, schema: Schema) -> Dataset:
    """The rows that have the modality of a schema, with its columns alone."""
    there = _has(rows, schema)
    seen = rows.seeing(schema)
    return seen if there.all() else seen.take(there)
