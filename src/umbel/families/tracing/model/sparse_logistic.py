"""Logistic regression on sparse features, its strength chosen on validation answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit

from umbel.errors import ConfigError

__all__ = ["Chosen", "Logistic", "chosen_logistic", "fit_logistic", "strengths_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """A fitted regression.

    :param weights: [W].
    :param intercept: the logit where all features are 0.
    """

    weights: Floats
    intercept: float

    def __call__(self, X: sparse.csr_array) -> Floats:
        """Probability of a right answer, [N]."""
        return np.asarray(expit(X @ self.weights + self.intercept), dtype=np.float64)


def fit_logistic(
    X: sparse.csr_array,
    correct: Floats,
    strength: float,
    *,
    start: Logistic | None = None,
    most: int = 300,
    tolerance: float = 1e-9,
) -> Logistic:
    """Minimise half the squared weights plus ``strength`` times the summed loss; the intercept is free.

    The form is that of scikit-learn's ``LogisticRegression(C=strength)``. Answers between 0 and 1 are taken
    as shares of a right answer. The search (L-BFGS) sees each weight in units of its own curvature, so that
    counts up to hundreds may stand beside rare questions; what it finds is the same.

    :param X: [N, W].
    :param correct: [N] in [0, 1].
    :param strength: above 0; more of it trusts the answers more.
    :param start: where the search begins; zero weights by default.
    :param most: iterations at most.
    :param tolerance: end when an iteration gains less than this share of the loss.
    """
    wide = X.shape[1]
    rate = float(np.clip(correct.mean(), 0.01, 0.99)) if len(correct) else 0.5
    curved = rate * (1 - rate) * strength
    unit = 1 / np.sqrt(np.append(curved * (X.power(2).sum(axis=0)) + 1, curved * len(correct) + 1e-9))
    begin = np.append(np.zeros(wide), np.log(rate / (1 - rate)))
    if start is not None:
        begin = np.append(start.weights, start.intercept)
    Xt = X.T.tocsr()

    def loss(z: Floats) -> tuple[float, Floats]:
        w, b = z[:wide] * unit[:wide], z[wide] * unit[wide]
        logit = X @ w + b
        value = strength * (np.logaddexp(0.0, logit) - correct * logit).sum() + 0.5 * w @ w
        wrong = strength * (expit(logit) - correct)
        gradient = np.append(Xt @ wrong + w, wrong.sum()) * unit
        return float(value) / scale, gradient / scale

    scale = strength * max(1, len(correct))
    found = minimize(
        loss,
        begin / unit,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": most, "ftol": tolerance, "gtol": 1e-9},
    ).x
    return Logistic(found[:wide] * unit[:wide], float(found[wide] * unit[wide]))


@dataclass(frozen=True)
class Chosen:
    """A regression and how its strength was chosen.

    :param model: the fitted regression.
    :param strength: what was chosen.
    :param losses: mean validation loss of each strength, in nats.
    """

    model: Logistic
    strength: float
    losses: dict[float, float]

    @property
    def notes(self) -> dict[str, object]:
        """What was chosen and why, JSON."""
        return {"strength": self.strength, "tried": {str(s): loss for s, loss in self.losses.items()}}


def chosen_logistic(
    X: sparse.csr_array,
    correct: Floats,
    held: sparse.csr_array,
    held_correct: Floats,
    strengths: Sequence[float],
    *,
    tolerance: float = 1e-9,
) -> Chosen:
    """The strength of least validation loss; each fit begins where the one before ended.

    :param X, correct: training answers, [N, W] and [N].
    :param held, held_correct: validation answers.
    :param strengths: those to try; they are tried in ascending order.
    :param tolerance: of each fit.
    """
    losses: dict[float, float] = {}
    models: dict[float, Logistic] = {}
    now: Logistic | None = None
    for strength in sorted(strengths):
        now = models[strength] = fit_logistic(X, correct, strength, start=now, tolerance=tolerance)
        p = np.clip(now(held), 1e-6, 1 - 1e-6)
        losses[strength] = -float((held_correct * np.log(p) + (1 - held_correct) * np.log1p(-p)).mean())
    best = min(losses, key=lambda strength: losses[strength])
    return Chosen(models[best], best, losses)


def strengths_of(of: str, strength: float | Sequence[float]) -> tuple[float, ...]:
    """The strengths to try.

    :param of: whose option it is.
    :param strength: one, or several.
    :raises ConfigError: none, or one that is not above 0.

    >>> strengths_of("pfa", 0.1)
    (0.1,)
    """
    found = tuple(float(s) for s in (strength if isinstance(strength, Sequence) else [strength]))
    if not found or not all(0 < s < np.inf for s in found):
        raise ConfigError(
            f"'strength' of '{of}' is above 0, one number or several",
            found=repr(strength),
            remedy="strength: [0.01, 0.1, 1.0]",
        )
    return found
