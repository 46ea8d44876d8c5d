"""Forecasts mended on validation students, so that what is stated comes true as often as stated."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

__all__ = ["Calibration", "Calibrator", "fit_calibrator", "fit_logistic"]

Calibration = Literal["platt", "isotonic", "none"]
Floats = NDArray[np.float64]

EDGE = 1e-6
"""Forecasts are held within [EDGE, 1 - EDGE]: one sure mistake must not cost without bound."""


class Calibrator:
    """A growing map of probabilities, linear between its knots in the logits.

    :param knots: logits stated, [K], ascending; empty for no change.
    :param values: logits meant, [K].
    :param slope, shift: of Platt's form, applied where there are no knots.
    """

    def __init__(
        self,
        slope: float = 1.0,
        shift: float = 0.0,
        knots: Floats | None = None,
        values: Floats | None = None,
    ) -> None:
        self.slope, self.shift = slope, shift
        self.knots = np.zeros(0) if knots is None else knots
        self.values = np.zeros(0) if values is None else values

    def __call__(self, probability: Floats) -> Floats:
        """Calibrated probabilities, the shape of those that came."""
        stated = logit(np.clip(probability, EDGE, 1 - EDGE))
        if len(self.knots):
            meant = np.interp(stated, self.knots, self.values)
        else:
            meant = self.slope * stated + self.shift
        return np.asarray(np.clip(expit(meant), EDGE, 1 - EDGE))

    @property
    def state(self) -> dict[str, Any]:
        """All of it."""
        return {"slope": self.slope, "shift": self.shift, "knots": self.knots, "values": self.values}

    @staticmethod
    def from_state(state: dict[str, Any]) -> Calibrator:
        """What :attr:`state` tells of."""
        return Calibrator(state["slope"], state["shift"], state["knots"], state["values"])


def fit_calibrator(how: Calibration, probability: Floats, correct: Floats) -> Calibrator:
    """The calibration of forecasts by answers that the model has not seen.

    ``platt``: a slope and a shift of the logit by maximum likelihood (Platt 1999). ``isotonic``: the growing
    step map of least squared error (Zadrozny & Elkan 2002), its steps joined by lines.

    :param probability: forecasts, [N].
    :param correct: answers in [0, 1], [N].
    :returns: no change where all answers are alike, or there are none.
    """
    if how == "none" or not len(correct) or np.ptp(correct) == 0:
        return Calibrator()
    stated = logit(np.clip(probability, EDGE, 1 - EDGE))
    if how == "platt":
        slope, shift = _platt(stated, correct)
        return Calibrator(slope, shift)
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=EDGE, y_max=1 - EDGE, out_of_bounds="clip").fit(stated, correct)
    knots, values = np.asarray(fitted.X_thresholds_), np.asarray(fitted.y_thresholds_)
    return Calibrator(knots=knots.astype(np.float64), values=logit(values.astype(np.float64)))


def _platt(stated: Floats, correct: Floats) -> tuple[float, float]:
    """Slope and shift; a little ridge on the slope keeps separable answers finite."""
    design = np.stack([stated, np.ones_like(stated)], axis=1)
    slope, shift = fit_logistic(design, correct, np.array([1.0, 0.0]), np.array([1e-3, 0.0]))
    if slope <= 0:  # forecasts that say less than nothing become the average, never their opposite
        share = float(np.clip(correct.mean(), EDGE, 1 - EDGE))
        return 0.0, float(logit(share))
    return float(slope), float(shift)


def fit_logistic(design: Floats, correct: Floats, around: Floats, ridge: Floats) -> Floats:
    """Weights of a logistic regression by Newton's method, for a few columns and answers in [0, 1].

    :param design: [N, F].
    :param correct: [N].
    :param around: where the weights are held near, and begin, [F].
    :param ridge: how strongly, [F], as the precision of a Gaussian prior.
    :returns: [F].
    """
    found = around.astype(np.float64)
    for _ in range(50):
        p = expit(design @ found)
        gradient = design.T @ (p - correct) + ridge * (found - around)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(ridge + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        found = found - step
        if np.abs(step).max() < 1e-10:
            break
    return np.asarray(found)
