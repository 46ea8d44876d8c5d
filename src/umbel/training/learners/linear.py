"""The tuned linear baseline: one linear model per task, each with a strength of its own."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.data.dataset import Dataset
from umbel.data.schema import Schema
from umbel.encoders.design import Design, DesignMatrix, fitted_design
from umbel.training.learner import LEARNERS, Predictions, State
from umbel.training.learners.classic import (
    Answers,
    Classic,
    answers,
    by_group,
    negative_weights,
    spread_of,
)
from umbel.training.learners.kneser_ney import BigramMember, fit_texts
from umbel.training.learners.linear_member import LinearMember, fit_member
from umbel.training.learners.linear_paths import Part
from umbel.training.solvers.ridge import ridge_leave_one_out

__all__ = ["Linear"]

_OWN = np.geomspace(1e-2, 1e5, 29)
"""Strengths a small group chooses from, by exact leave-one-out."""


@LEARNERS.register("linear", source="Hoerl & Kennard 1970 (ridge); Cox 1958 (logistic); McCullagh 1980")
class Linear(Classic):
    """Ridge, logistic, softmax, Poisson or cumulative-odds regression per task, strengths tuned.

    Grades: a ridge score of the grade, then cumulative odds on its held-out values. In the rows
    layout every group has its own model (for numbers: ridge with exact leave-one-out, on columns as
    they are or standardised, whichever leaves less error); unseen groups are answered by a model of
    all groups together. Texts: the interpolated Kneser-Ney bigram, the linear model of tokens.

    :param knots: inner knots of a spline per number column; None: 8 where the table is large enough.
    :param folds: of the training rows, where validation holds few labels.
    """

    name: ClassVar[str] = "linear"

    def __init__(self, *, knots: int | None = None, folds: int = 5) -> None:
        super().__init__()
        self.knots, self.folds = knots, folds
        self._design: DesignMatrix | None = None
        self._members: dict[str, LinearMember] = {}
        self._groups: dict[str, dict[int, LinearMember]] = {}
        self._texts: dict[str, BigramMember] = {}

    @staticmethod
    def serves(train: Dataset) -> str:
        """Every kind; see :class:`Learner`."""
        return negative_weights(train)

    def _fit(self, train: Dataset, valid: Dataset) -> None:
        self._design = fitted_design(train, knots=self._choose_knots(train))
        X, X_valid = self._inputs(train), self._inputs(valid)
        self._members, self._groups, self._texts = {}, {}, {}
        for target in train.tasks.targets:
            if target.kind.response == "sequence":
                told = fit_texts(train, valid, target.name)
                self._texts[target.name], self._notes[target.name] = told
                continue
            part = _part(train, X, answers(train, target.name))
            check = _part(valid, X_valid, answers(valid, target.name))
            self._members[target.name], note = fit_member(part, check, folds=self.folds)
            if train.tasks.by_rows:
                self._groups[target.name], more = self._fit_groups(train, X, target.name)
                note = {"unseen groups": note, **more}
            self._notes[target.name] = note

    def _choose_knots(self, train: Dataset) -> int:
        if self.knots is not None:
            return self.knots
        numbers = len(train.schema.of("number"))
        return 8 if len(train) >= 1000 and numbers * len(train) <= 2_000_000 else 0

    def _inputs(self, rows: Dataset) -> Design:
        assert self._design is not None, "predict comes after fit"
        X = self._design.transform(rows)
        if not sparse.issparse(X):
            return X
        return rows.cached(("single", self._design.mark), lambda: X.astype(np.float32))

    def _fit_groups(
        self, train: Dataset, X: Design, target: str
    ) -> tuple[dict[int, LinearMember], dict[str, Any]]:
        assert self._design is not None
        owns = {g: answers(train, target, g) for g in range(len(train.tasks.groups))}
        owns = {g: own for g, own in owns.items() if len(own)}
        gaussian = train.tasks.target(target).kind.response == "gaussian"
        if gaussian and not sparse.issparse(X):
            best: tuple[float, str, dict[int, LinearMember]] | None = None
            for scale, columns in (("standardised", np.ones(X.shape[1])), ("raw", self._design.scales)):
                found, error = _ridge_by_group(X, owns, columns)
                if best is None or error < best[0]:
                    best = (error, scale, found)
            assert best is not None
            return best[2], {"columns": best[1], "chosen_on": "leave-one-out within each group"}
        members: dict[int, LinearMember] = {}
        for group, own in owns.items():
            part = _part(train, X, own)
            few = len(np.unique(part.entities)) < 2 * self.folds or _alike(own)
            members[group] = (
                _constant_member(part) if few else fit_member(part, part.take(np.zeros(0, int)))[0]
            )
        return members, {"chosen_on": f"{self.folds} folds within each group"}

    def predict(self, rows: Dataset) -> Predictions:
        """See :class:`Learner`."""
        X = self._inputs(rows)
        found: Predictions = {}
        for target in rows.tasks.targets:
            if target.name in self._texts:
                found[target.name] = self._texts[target.name].predict(rows, target.name)
                continue
            answer = self._members[target.name].predict(X)
            for group, at in by_group(rows):
                own = None if group is None else self._groups.get(target.name, {}).get(group)
                if own is not None:
                    answer = answer.put(at, own.predict(X[at]))
            found[target.name] = answer
        return found

    @property
    def parameters(self) -> int:
        """See :class:`Learner`."""
        texts = sum(member.parameters for member in self._texts.values())
        if self._groups:
            return texts + sum(m.parameters for found in self._groups.values() for m in found.values())
        return texts + sum(member.parameters for member in self._members.values())

    def state(self) -> State:
        """See :class:`Learner`."""
        assert self._design is not None, "state comes after fit"
        return {
            "design": self._design.state(),
            "members": {name: member.state() for name, member in self._members.items()},
            "groups": {
                name: {str(g): m.state() for g, m in found.items()} for name, found in self._groups.items()
            },
            "texts": {name: member.state() for name, member in self._texts.items()},
        }

    def _restore(self, state: State, schema: Schema) -> None:
        self._design = DesignMatrix.restore(schema, state["design"])
        self._members = {n: LinearMember.from_state(s) for n, s in state["members"].items()}
        self._groups = {
            n: {int(g): LinearMember.from_state(s) for g, s in found.items()}
            for n, found in state["groups"].items()
        }
        self._texts = {n: BigramMember.from_state(s) for n, s in state.get("texts", {}).items()}


def _part(rows: Dataset, X: Design, own: Answers) -> Part:
    whole = len(own) == X.shape[0]
    return Part(X if whole else X[own.rows], own, rows.entity[own.rows])


def _alike(own: Answers) -> bool:
    return bool((own.values == own.values[:1]).all())


def _constant_member(part: Part) -> LinearMember:
    """The group's own constant answer as a linear model without coefficients."""
    own, response = part.own, part.own.kind.response
    answer = own.constant()
    value = answer.value.reshape(1, -1)
    extra: dict[str, NDArray[np.float64]] = {}
    scores = value[0]
    if response == "gaussian":
        extra["spread"] = np.array([1.0 if answer.spread is None else float(answer.spread[0])])
    elif response == "poisson":
        scores, extra["dispersion"] = np.log(np.maximum(value[0], 1e-6)), np.ones(1)
    elif response == "bernoulli":
        y, w = own.columns()
        rate = ((w * y).sum(axis=0) + 0.5) / (w.sum(axis=0) + 1.0)
        scores = np.log(rate / (1 - rate))
    elif response == "ordered":
        below = np.clip(np.cumsum(value[0])[:-1], 1e-6, 1 - 1e-6)
        scores, extra = np.zeros(1), {"slope": np.ones(1), "cuts": np.log(below / (1 - below))}
    else:
        scores = np.log(np.maximum(value[0], 1e-9))
    coefficients = np.zeros((part.X.shape[1], len(scores)))
    return LinearMember(response, coefficients, scores, extra, own.weights.ndim == 1)


def _ridge_by_group(
    X: NDArray[np.float64], owns: dict[int, Answers], scale: NDArray[np.float64]
) -> tuple[dict[int, LinearMember], float]:
    """Ridge per group with its own strength, and the weighted leave-one-out error of all groups."""
    total, members = 0.0, {}
    for group, own in owns.items():
        y, w = own.values.astype(float), own.weights
        if len(own) < 2:
            members[group] = LinearMember(
                "gaussian", np.zeros((X.shape[1], 1)), y[:1], {"spread": np.array([1.0])}
            )
            continue
        path, errors = ridge_leave_one_out(X[own.rows] * scale, y, _OWN, w)
        sums = w @ np.square(errors)
        a = int(np.argmin(sums))
        total += float(sums[a])
        spread = np.array([spread_of(errors[:, a], w)])
        W = path.coefficients[:, [a]] * scale[:, None]
        members[group] = LinearMember("gaussian", W, path.intercepts[[a]], {"spread": spread})
    return members, total
