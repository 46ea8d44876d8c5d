"""Answers of students of unknown ability: the likelihood of items with the abilities integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import log_expit, logsumexp, softmax

__all__ = ["Form", "Grid", "ItemAnswers", "ItemModel", "fit_items", "marginal"]

Form = Literal["1pl", "2pl"]
Floats = NDArray[np.float64]

CURVATURE = 0.2
"""p (1 - p) of a usual answer."""


@dataclass(frozen=True)
class Grid:
    """Points of ability with the weights of N(0, 1), evenly spaced.

    :param points: G of them.
    :param reach: the outermost ones, in standard deviations.
    """

    points: int = 61
    reach: float = 4.5

    @property
    def ability(self) -> Floats:
        """[G]."""
        return np.linspace(-self.reach, self.reach, self.points)

    @property
    def log_weight(self) -> Floats:
        """[G], of weights that sum to 1."""
        exponent = -0.5 * self.ability**2
        return np.asarray(exponent - logsumexp(exponent), dtype=np.float64)


@dataclass(frozen=True)
class ItemModel:
    """How slope and easiness of an item are made: of what all items share, of its concepts, of its question.

    The logit of a right answer is ``slope * ability + easiness``; easiness = X u, slope = exp(X v), where X
    [I, W] has a column of ones, then one per concept (its share of the item's set), then one per question.
    Each number but the first of u and of v is normal around 0 with the spread of its column. A question that
    is not known has zeros there: it is as easy as its concepts are. In the form ``1pl`` all slopes are alike.

    :param form: ``1pl`` or ``2pl``.
    :param ease: standard deviations of u, [W]; the first is for numerical safety only.
    :param steep: standard deviations of v, [W] in the form ``2pl``, [1] in the form ``1pl``.
    """

    form: Form
    ease: Floats
    steep: Floats

    def split(self, z: Floats) -> tuple[Floats, Floats]:
        """u [W] and v [W] or [1], of parameters in units of their spread."""
        return z[: len(self.ease)] * self.ease, z[len(self.ease) :] * self.steep

    def items(self, X: sparse.csr_array, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Slope and easiness of items, [I] and [I]."""
        log_slope = X @ v if self.form == "2pl" else np.full(X.shape[0], v[0])
        return np.exp(log_slope), np.asarray(X @ u)


@dataclass(frozen=True)
class ItemAnswers:
    """Answers summed by item and student.

    :param count: how many answers, [I, S].
    :param right: sum of the answers, [I, S].
    """

    count: sparse.csr_array
    right: sparse.csr_array

    @staticmethod
    def of(item: NDArray[np.int64], student: NDArray[np.int64], correct: Floats, items: int) -> ItemAnswers:
        """From N answers."""
        shape = (items, int(student.max(initial=0)) + 1)
        count = sparse.csr_array((np.ones(len(item)), (item, student)), shape=shape)
        return ItemAnswers(count, sparse.csr_array((correct, (item, student)), shape=shape))


def marginal(
    z: Floats, model: ItemModel, X: sparse.csr_array, answers: ItemAnswers, grid: Grid
) -> tuple[float, Floats]:
    """Minus the log posterior of items, abilities integrated over the grid, and its gradient.

    The gradient is that of the expected complete likelihood (Fisher's identity): per item and point of the
    grid, expected right answers minus what the model expects.

    :param z: parameters in units of their spread, [2 W] or [W + 1].
    :returns: the value in nats, and its gradient, shaped as z.

    Source: Bock & Aitkin 1981; priors on items: Mislevy 1986.
    """
    ability = grid.ability
    u, v = model.split(z)
    slope, ease = model.items(X, u, v)
    logit = slope[:, None] * ability + ease[:, None]
    wrong = log_expit(-logit)
    by_student = answers.count.T @ wrong + (answers.right.T @ ease)[:, None]
    by_student = by_student + (answers.right.T @ slope)[:, None] * ability + grid.log_weight
    value = -float(logsumexp(by_student, axis=1).sum()) + 0.5 * float(z @ z)
    weight = softmax(by_student, axis=1)
    left = answers.right @ weight - (answers.count @ weight) * (1 - np.exp(wrong))
    by_ease = X.T @ left.sum(axis=1)
    by_log_slope = (left @ ability) * slope
    by_steep = X.T @ by_log_slope if model.form == "2pl" else np.array([by_log_slope.sum()])
    gradient = z - np.concatenate([by_ease * model.ease, by_steep * model.steep])
    return value, np.asarray(gradient, dtype=np.float64)


def fit_items(
    model: ItemModel, X: sparse.csr_array, answers: ItemAnswers, grid: Grid, *, most: int = 100
) -> tuple[Floats, Floats, float]:
    """The most probable items (MAP), by L-BFGS on :func:`marginal`.

    The search sees each parameter in units of its own curvature (nearly: a fifth of the answers it takes part
    in, and its prior): an easiness that thousands of answers share and one of a rare question come out in as
    many steps.

    :param most: iterations at most.
    :returns: u, v and the value reached, in nats per answer.
    """
    count = np.asarray(answers.count.sum(axis=1)).ravel()
    total = max(1.0, float(count.sum()))
    curved = CURVATURE * (X.power(2).T @ count)
    steep = curved if model.form == "2pl" else curved[:1]
    unit = 1 / np.sqrt(1 + np.concatenate([curved * model.ease**2, steep * model.steep**2]))

    def scaled(y: Floats) -> tuple[float, Floats]:
        value, gradient = marginal(y * unit, model, X, answers, grid)
        return value / total, gradient * unit / total

    found = minimize(
        scaled,
        np.zeros(len(unit)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": most, "ftol": 1e-9, "gtol": 1e-8},
    )
    u, v = model.split(found.x * unit)
    return u, v, float(found.fun)
