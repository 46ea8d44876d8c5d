"""How good forecasts of answers are, with intervals over students, and where they fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.families.tracing.source.log import AnswerLog
from umbel.judging.bootstrap import Percentile, Resamples
from umbel.judging.metrics import METRICS, Answers, Undefined
from umbel.judging.verdict import verdict
from umbel.tasks import Prediction

__all__ = ["BINS", "equal_mass_error", "score", "score_rows", "scores_by"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 15
"""Bins with equally many answers in which calibration is read."""
MEASURES = ("auc", "log_loss", "accuracy")


def equal_mass_error(probability: Floats, correct: Floats, *, bins: int = BINS) -> float:
    """Mean distance between stated probability and observed share, over bins with equally many answers.

    Source: Nguyen & O'Connor 2015, "Posterior calibration and exploratory analysis".

    :param probability: [N] in [0, 1].
    :param correct: [N] in [0, 1].

    >>> equal_mass_error(np.array([0.2, 0.2, 0.9, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]), bins=2)
    0.15
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(probability[p].mean() - correct[p].mean()) * len(p) for p in parts]
    return round(float(np.sum(gaps) / max(len(order), 1)), 12)


def _answers(probability: Floats, correct: Floats) -> Answers:
    return Answers(
        correct, Prediction(probability), (probability >= 0.5).astype(np.int64), np.ones(len(correct))
    )


def score(probability: Floats, correct: Floats) -> dict[str, float | None]:
    """AUC, log loss, accuracy and calibration error of all answers together; None where one has no value.

    :param probability: forecasts, [N].
    :param correct: answers, [N].
    """
    found: dict[str, float | None] = {}
    for name in MEASURES:
        value = _statistic(name, probability, correct)
        found[name] = None if value is None else float(value(np.ones((len(correct), 1)))[0])
    found["calibration_error"] = equal_mass_error(probability, correct) if len(correct) else None
    return found


def _statistic(name: str, probability: Floats, correct: Floats) -> Any:
    if name == "log_loss" and not np.isin(correct, (0, 1)).all():
        return lambda counts: _surprise(probability, correct) @ counts / counts.sum(axis=0)
    try:
        found = METRICS.get(name).on(_answers(probability, correct))
    except Undefined:
        return None
    return None if found.undefined else found


def _surprise(probability: Floats, correct: Floats) -> Floats:
    """-log likelihood of answers that may be partly right."""
    found: Floats = -(correct * np.log(probability) + (1 - correct) * np.log1p(-probability))
    return found


def score_rows(
    log: AnswerLog,
    forecasts: Mapping[str, Floats],
    *,
    reference: str | None = None,
    resamples: int = 400,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Scores of several models on the same answers, as rows of ``scores.csv``.

    Intervals are of a bootstrap over students, the same resamples for all models, so gains are paired.

    :param forecasts: probabilities by model, [N] each.
    :param reference: the model that gains are measured against; the last where None.
    :param resamples: of the bootstrap.
    :param seed: of the resamples.
    """
    against = reference if reference is not None else list(forecasts)[-1]
    draws = Resamples(log.student, resamples, seed)
    everything = np.arange(log.steps)
    units, rule = draws.units(everything), Percentile()
    rows: list[dict[str, Any]] = []
    for name in MEASURES:
        values: dict[str, Floats] = {}
        for model, probability in forecasts.items():
            statistic = _statistic(name, probability, log.correct)
            if statistic is not None:
                values[model] = np.concatenate([statistic(counts) for _, counts in draws.blocks(everything)])
        sign = METRICS.get(name).sign
        for model, found in values.items():
            low, high = rule(found[1:], units) or (None, None)
            row: dict[str, Any] = {
                "task": "correct", "metric": name, "model": model,
                "value": float(found[0]), "low": low, "high": high,
            }  # fmt: skip
            if model != against and against in values:
                gains = sign * (found - values[against])
                span = rule(gains[1:], units)
                row["gain"] = float(gains[0])
                if span is not None:
                    row |= {"gain_low": span[0], "gain_high": span[1], "verdict": verdict(*span)}
            rows.append(row)
    for model, probability in forecasts.items():
        rows.append(
            {
                "task": "correct",
                "metric": "calibration_error",
                "model": model,
                "value": equal_mass_error(probability, log.correct),
            }
        )
    return rows


def scores_by(log: AnswerLog, probability: Floats, group: Ints, names: list[str]) -> list[list[Any]]:
    """Scores within groups of answers.

    :param probability: forecasts, [N].
    :param group: of each answer, [N]; -1 in none.
    :param names: of the groups.
    :returns: a line for each group: name, answers, share right, mean forecast, AUC, log loss.
    """
    lines: list[list[Any]] = []
    for number, name in enumerate(names):
        here = np.flatnonzero(group == number)
        if not len(here):
            continue
        p, y = probability[here], log.correct[here]
        found = score(p, y)
        lines.append([name, len(here), float(y.mean()), float(p.mean()), found["auc"], found["log_loss"]])
    return lines
