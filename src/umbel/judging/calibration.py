"""Does a stated probability come true as often as stated?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.judging.metrics import METRICS, Answers, Undefined
from umbel.judging.metrics.likelihoods import BINS, confidence
from umbel.judging.scorecard import Candidate, Job, jobs
from umbel.judging.section import Figure, Section, Series, TableData
from umbel.judging.truth import Truth
from umbel.judging.words import number

__all__ = ["Reliability", "calibration_section", "coverage", "reliability"]

_MOST_FIGURES = 12


@dataclass(frozen=True)
class Reliability:
    """A reliability curve: bins that hold rows, [K].

    :param stated: mean stated probability of each bin.
    :param observed: share that came true.
    :param low, high: 95 % interval of the share.
    :param count: weight of the bin.
    """

    stated: NDArray[np.float64]
    observed: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.float64]


def reliability(
    probability: NDArray[np.float64],
    outcome: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    *,
    bins: int = BINS,
) -> Reliability:
    """Observed share by stated probability, over bins of equal width.

    :param probability: [N] in [0, 1].
    :param outcome: [N], 0 or 1.
    :param weights: [N] non-negative; 1 where None.

    Source: Murphy & Winkler 1977; the intervals are Wilson's (1927).

    >>> curve = reliability(np.array([0.1, 0.1, 0.9, 0.9]), np.array([0.0, 0.0, 1.0, 0.0]))
    >>> curve.stated.round(2).tolist(), curve.observed.tolist()
    ([0.1, 0.9], [0.0, 0.5])
    """
    weights = np.ones(len(probability)) if weights is None else weights
    within = np.minimum((probability * bins).astype(int), bins - 1)
    count = np.bincount(within, weights=weights, minlength=bins)
    there = count > 0
    n = count[there].astype(np.float64)
    stated = np.bincount(within, weights=weights * probability, minlength=bins)[there] / n
    observed = np.bincount(within, weights=weights * outcome, minlength=bins)[there] / n
    z = 1.959964
    middle = (observed + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(observed * (1 - observed) / n + z**2 / (4 * n**2))
    low, high = np.minimum(middle - half, observed), np.maximum(middle + half, observed)
    return Reliability(stated, observed, np.clip(low, 0, 1), np.clip(high, 0, 1), n)


def coverage(
    values: NDArray[np.float64],
    mean: NDArray[np.float64],
    spread: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often central Gaussian intervals hold the truth.

    :param values, mean, spread, weights: [N], spread > 0.
    :returns: stated levels .1 to .9 and .95, and the share of rows inside.

    Source: Kuleshov et al. 2018, "Accurate uncertainties for deep learning using calibrated regression".
    """
    from scipy.special import ndtri

    levels = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
    z = np.abs(values - mean) / spread
    inside = z[:, None] <= ndtri(0.5 + levels / 2)
    return levels, weights @ inside / weights.sum()


def calibration_section(truth: Truth, candidates: Mapping[str, Candidate]) -> Section:
    """Reliability curves of some models, one figure per task, and their calibration errors.

    In the rows layout the groups of a target are pooled. Texts are left out: of them the likelihood is told.

    :param candidates: the models shown, e.g. joint and average.
    """
    figures: list[Figure] = []
    rows: list[list[Any]] = []
    for job in jobs(truth):
        if (truth.tasks.by_rows and not job.pooled) or job.kind.response == "sequence":
            continue
        series = []
        for model, candidate in candidates.items():
            if job.target not in candidate.predictions or not len(job.rows):
                continue
            answers = _answers(truth, job, candidate)
            curve = _series(model, answers, job)
            if curve is not None:
                series.append(curve)
            if job.kind.response in ("gaussian", "poisson", "simplex"):
                continue
            error = METRICS.get("calibration_error").on(answers)
            if not error.undefined:
                rows.append(
                    [job.name, model, number(float(error(np.ones((len(answers), 1)))[0])), len(answers)]
                )
        if series and len(figures) < _MOST_FIGURES:
            levels = job.kind.response == "gaussian"
            figures.append(
                Figure(
                    "calibration",
                    f"Calibration of {job.name}",
                    series,
                    x_label="level of the stated interval" if levels else "stated probability",
                    y_label="share of rows inside" if levels else "observed share",
                    caption="On the diagonal what is stated comes true as often as stated.",
                )
            )
    tables = []
    if rows:
        caption = f"Expected calibration error over {BINS} bins of equal width; 0 is perfect."
        tables.append(TableData(["task", "model", "calibration error", "rows"], rows, caption))
    text = [
        "Binary tasks: the probability of the positive class. Classes and grades: of the likeliest one. "
        "Labels: all known labels pooled. Numbers: how often central intervals of the predicted spread hold "
        "the truth."
    ]
    return Section("Calibration", text if figures or rows else [], tables, figures)


def _answers(truth: Truth, job: Job, candidate: Candidate) -> Answers:
    said = candidate.predictions[job.target].take(job.rows)
    return Answers(
        np.asarray(truth.values[job.target])[job.rows],
        said,
        job.kind.decide(said, candidate.rules.get(job.target)),
        np.asarray(truth.weights[job.target], dtype=float)[job.rows],
    )


def _series(model: str, answers: Answers, job: Job) -> Series | None:
    if not np.isfinite(answers.prediction.value).all():
        return None
    if job.kind.response == "gaussian":
        spread = answers.prediction.spread
        if spread is None or not (spread > 0).all():
            return None
        stated, observed = coverage(answers.values, answers.prediction.value, spread, answers.weights)
        return Series(model, stated, observed)
    if job.kind.response == "poisson":
        return None
    try:
        probability, outcome, weights, _ = confidence(answers)
    except Undefined:
        return None
    curve = reliability(probability, outcome, weights)
    return Series(model, curve.stated, curve.observed, curve.low, curve.high)
