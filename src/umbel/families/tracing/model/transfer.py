"""A linear model in which practice of any concept may help any other: its influences can be read off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.codes import Codes
from umbel.families.tracing.source.log import AnswerLog
from umbel.training.checkpoint import Store

__all__ = ["Transfer"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SHARED = 6
"""Numbers of a student that every concept looks at: 1, and five of how many answers, and how many right."""
MOST = 200
"""Concepts at most: the model has 2 C^2 weights, and its fit holds C matrices of (2 C)^2."""
CELLS = 2_000_000
"""Numbers of features that are held at a time."""
RIDGES = (100.0, 1000.0, 10_000.0)


@TRACERS.register(
    "transfer", source="umbel; after Pavlik, Cen & Koedinger 2009, Performance factors analysis (its counts)"
)
class Transfer(Tracer):
    """Performance factors of all concepts: a step's forecast is linear in what was done on every concept.

    The forecast of a concept i is ``shared(student) + sum over j of a_ij practice_j + b_ij answers_j`` with
    ``practice_j = ln(1 + n_j)`` and ``answers_j = ln(1 + right_j) - ln(1 + wrong_j)`` of the n_j answers on
    concept j before the step. It is a linear probability model: least squares, solved exactly, with squared
    a and b held down and the shared part free, so that what all concepts have in common (the student's
    ability, the time) stays out of the pairs. A step of several concepts is the mean of their forecasts, one
    of none is forecast by a fit of the shared part alone. Forecasts are held within [.01, .99].

    It forecasts no better than a network. It is here because 4,000 students suffice to tell its pairs apart
    where a network of as many questions still sees only ability.

    :param ridge: weight of the squared a and b, above 0; of several, the one of least validation error.

    Source: Pavlik, Cen & Koedinger 2009 for the counts; the pairs are umbel's.
    """

    name: ClassVar[str] = "transfer"

    def __init__(self, *, ridge: float | Sequence[float] = RIDGES, **rest: Any) -> None:
        found = tuple(float(one) for one in (ridge if isinstance(ridge, Sequence) else [ridge]))
        if not found or not all(0 < one < np.inf for one in found):
            raise ConfigError(
                "'ridge' of 'transfer' is above 0, one number or several",
                found=repr(ridge),
                remedy="ridge: [100.0, 1000.0]",
            )
        self.ridges = found
        super().__init__(ridge=list(found), **rest)
        self.codes = Codes((), ())
        self.weights: Floats = np.zeros((1, SHARED))
        """[C + 1, SHARED + 2 C]: of each concept, first of all together; shared, practice, answers."""

    @property
    def parameters(self) -> int:
        """The shared part of each concept and of all, and two of each pair."""
        concepts = len(self.codes.concepts)
        return SHARED * (concepts + 1) + 2 * concepts**2

    def serves(self, log: AnswerLog) -> str:
        """Too many concepts."""
        count = len(Codes.of(log).concepts)
        return f"{count} concepts, it serves {MOST} at most; take a network" if count > MOST else ""

    # ---- features ----

    def _designs(self, log: AnswerLog) -> Iterator[tuple[Ints, Ints, Floats]]:
        """Of some students at a time: step and concept (from 1; 0 for a step without one) of each line, and
        its features, [L], [L] and [L, SHARED + 2 C]."""
        coded = self.codes(log)
        count = len(self.codes.concepts)
        part = np.cumsum(log.lengths) // max(1, CELLS // (2 * count + SHARED))
        for one in np.unique(part[log.lengths > 0]):
            own = log.take(np.flatnonzero(part == one))
            first = int(log.offsets[np.flatnonzero(part == one)[0]])
            step, concept = coded.concept_sets.spread(coded.sets[first : first + own.steps])
            right = own.correct
            tried, won = np.zeros((2, own.steps, count))
            np.add.at(tried, (step, concept - 1), 1.0)
            np.add.at(won, (step, concept - 1), right[step])
            tried, won = _before(tried, own), _before(won, own)
            alone = np.setdiff1d(np.arange(own.steps), step)
            step, concept = np.concatenate([step, alone]), np.concatenate([concept, 0 * alone])
            done, good = own.place.astype(np.float64), _before(right[:, None], own)[:, 0]
            rate = (good + 1) / (done + 2)
            signed = np.log1p(good) - np.log1p(np.maximum(done - good, 0))
            log_done = np.log1p(done)
            shared = np.stack(
                [np.ones_like(done), log_done, np.sqrt(done), rate, rate * log_done, signed], axis=1
            )
            said = np.log1p(won) - np.log1p(np.maximum(tried - won, 0))
            yield step + first, concept, np.concatenate([shared, np.log1p(tried), said], axis=1)[step]

    def _sums(self, log: AnswerLog) -> tuple[Floats, Floats]:
        """X'X and X'y of each concept's lines, and of all lines, [C + 1, W, W] and [C + 1, W]."""
        count = len(self.codes.concepts)
        wide = SHARED + 2 * count
        gram, cross = np.zeros((count + 1, wide, wide)), np.zeros((count + 1, wide))
        for step, concept, X in self._designs(log):
            y = log.correct[step]
            gram[0] += X.T @ X
            cross[0] += X.T @ y
            for c in np.unique(concept[concept > 0]):
                mine = X[concept == c]
                gram[c] += mine.T @ mine
                cross[c] += mine.T @ y[concept == c]
        return gram, cross

    # ---- fitted, and forecasts ----

    def _fit(self, train: AnswerLog, valid: AnswerLog, show: bool | None, store: Store | None) -> None:
        self.codes = Codes.of(train)
        gram, cross = self._sums(train)
        held_gram, held_cross = self._sums(valid)
        errors: dict[float, float] = {}
        for ridge in self.ridges:
            found = self._solved(gram, cross, ridge)
            each = np.einsum("cw,cwv,cv->c", found, held_gram, found) - 2 * (found * held_cross).sum(axis=1)
            errors[ridge] = float(each[1:].sum())  # but for a constant
            if errors[ridge] == min(errors.values()):
                self.weights, self.notes["ridge"] = found, ridge
        self.notes["tried"] = {str(ridge): error for ridge, error in errors.items()}

    def _solved(self, gram: Floats, cross: Floats, ridge: float) -> Floats:
        wide = gram.shape[1]
        held = np.where(np.arange(wide) < SHARED, 1e-3, ridge)  # the little keeps one student solvable
        found = np.linalg.solve(gram + np.diag(held), cross[..., None])[..., 0]
        found[0] = 0.0
        few = slice(0, SHARED)
        found[0, few] = np.linalg.solve(gram[0, few, few] + 1e-3 * np.eye(SHARED), cross[0, few])
        return np.asarray(found, dtype=np.float64)

    def _predict(self, log: AnswerLog) -> Floats:
        total, lines = np.zeros(log.steps), np.zeros(log.steps)
        for step, concept, X in self._designs(log):
            said = np.einsum("lw,lw->l", X, self.weights[concept])
            np.add.at(total, step, said)
            np.add.at(lines, step, 1.0)
        return np.clip(total / np.maximum(lines, 1.0), 0.01, 0.99)

    # ---- saved ----

    def _state(self) -> dict[str, Any]:
        return {"codes": self.codes.state, "weights": self.weights}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.codes = Codes.from_state(state["codes"])
        self.weights = np.asarray(state["weights"], dtype=np.float64)


def _before(values: Floats, log: AnswerLog) -> Floats:
    """Sums over each student's earlier steps, [N, K]."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    return np.asarray(total[:-1] - total[log.offsets[:-1]][log.student], dtype=np.float64)
