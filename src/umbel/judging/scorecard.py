"""Judging: every model on the same known rows, one paired bootstrap, a verdict per task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError, near
from umbel.judging.bootstrap import Percentile, Resamples
from umbel.judging.metrics import METRICS, Answers, Statistic
from umbel.judging.scores import Score, Scorecard
from umbel.judging.truth import Truth
from umbel.judging.verdict import NO_EVIDENCE, UNDEFINED, verdict
from umbel.tasks import Kind, Prediction, Rule, TaskSet

__all__ = ["Candidate", "Job", "Score", "Scorecard", "jobs", "judge", "pooled_name"]


@dataclass(frozen=True)
class Candidate:
    """A model as it is judged: what it predicts and how it decides.

    :param predictions: by target column, for all rows; a target it cannot answer is left away.
    :param rules: by target column; the kind's own default where there is none.
    """

    predictions: Mapping[str, Prediction]
    rules: Mapping[str, Rule | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One line of the scorecard: a task, or all groups of a target pooled.

    :param rows: positions of the known rows.
    """

    name: str
    target: str
    kind: Kind
    rows: NDArray[np.int64]
    pooled: bool = False


def pooled_name(tasks: TaskSet, target: str) -> str:
    """Name of the line that pools all groups of a target (rows layout): ``all``."""
    name = "all" if len(tasks.targets) == 1 else f"{target} | all"
    taken = {task.name for task in tasks.tasks}
    while name in taken:
        name += " rows"
    return name


def jobs(truth: Truth) -> Iterator[Job]:
    """What is judged: each task on its known rows and, in the rows layout, each target on all of them."""
    for task in truth.tasks.tasks:
        yield Job(task.name, task.target, task.kind, truth.positions(task))
    if truth.tasks.by_rows:
        for target in truth.tasks.targets:
            rows = np.flatnonzero(truth.known(target.name))
            name = pooled_name(truth.tasks, target.name)
            yield Job(name, target.name, target.kind, rows, True)


def judge(
    truth: Truth,
    candidates: Mapping[str, Candidate],
    *,
    reference: str = "independent",
    resamples: int = 1000,
    seed: int = 0,
    metrics: Literal["primary", "all"] = "primary",
    level: float = 0.95,
) -> Scorecard:
    """Score models on the same rows and say which tasks gain over the reference.

    Entities are resampled once; values, gains and the mean relative gain of all models and tasks are
    read off the same resamples, so every difference is paired.

    :param truth: the known answers.
    :param candidates: by name, in the order of the report.
    :param reference: the model that gains are measured against.
    :param resamples: bootstrap resamples; 0 for point values only.
    :param metrics: ``all`` scores every metric of each kind, ``primary`` the first one.
    :param level: confidence of the intervals.
    :raises ConfigError: the reference is not among the candidates.
    """
    if reference not in candidates:
        raise ConfigError(
            "gains are measured against one of the models that are judged",
            found=f"'{reference}'",
            remedy=near(reference, candidates),
        )
    drawn = Resamples(truth.entity, resamples, seed)
    rule = Percentile(level)
    scores: list[Score] = []
    replicates: dict[tuple[str, str, str], NDArray[np.float64]] = {}
    work = list(jobs(truth))
    for job in work:
        names = job.kind.metrics if metrics == "all" else job.kind.metrics[:1]
        statistics = _statistics(truth, job, candidates, names)
        values = _read(drawn, job.rows, statistics)
        units = drawn.units(job.rows)
        for (metric, model), statistic in statistics.items():
            base = None if model == reference else values.get((metric, reference))
            value = values[metric, model]
            scores.append(_score(job.name, metric, model, statistic, value, base, reference, rule, units))
            if metric == job.kind.metrics[0]:
                replicates[job.name, metric, model] = value[1:]
    return Scorecard(
        tuple(scores),
        reference,
        {job.name: job.kind.metrics[0] for job in work},
        {
            job.name: tuple(t.name for t in truth.tasks.tasks if t.target == job.target)
            for job in work
            if job.pooled
        },
        {job.name: drawn.units(job.rows) for job in work},
        {job.name: len(job.rows) for job in work},
        rule,
        replicates,
    )


def _statistics(
    truth: Truth, job: Job, candidates: Mapping[str, Candidate], names: tuple[str, ...]
) -> dict[tuple[str, str], Statistic]:
    """By metric and model, the metric as a function of row counts."""
    values = np.asarray(truth.values[job.target])[job.rows]
    weights = np.asarray(truth.weights[job.target], dtype=float)[job.rows]
    found: dict[tuple[str, str], Statistic] = {}
    answers: dict[str, Answers] = {}
    for model, candidate in candidates.items():
        if job.target in candidate.predictions:
            said = candidate.predictions[job.target].take(job.rows)
            decided = job.kind.decide(said, candidate.rules.get(job.target))
            answers[model] = Answers(values, said, decided, weights)
    for name in names:
        for model, answer in answers.items():
            found[name, model] = METRICS.get(name).on(answer)
    return found


def _read(
    drawn: Resamples, rows: NDArray[np.int64], statistics: Mapping[tuple[str, str], Statistic]
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Each statistic on the sample (index 0) and on every resample, [1 + R]."""
    values = {key: np.full(drawn.count + 1, np.nan) for key in statistics}
    for span, counts in drawn.blocks(rows):
        for key, statistic in statistics.items():
            if not statistic.undefined:
                values[key][span] = statistic(counts)
    return values


def _score(
    task: str,
    metric: str,
    model: str,
    statistic: Statistic,
    value: NDArray[np.float64],
    base: NDArray[np.float64] | None,
    reference: str,
    rule: Percentile,
    units: int,
) -> Score:
    """A line of the scorecard from values [1 + R] of the model and of the reference."""
    judged = model != reference
    if not np.isfinite(value[0]):
        why = f"{UNDEFINED}: {statistic.undefined or 'no value on these rows'}"
        return Score(task, metric, model, None, verdict=why if judged else "", note=why)
    ends = rule(value[1:], units)
    notes = [statistic.note] if statistic.note else []
    lost = int((~np.isfinite(value[1:])).sum())
    if lost:
        notes.append(f"undefined in {lost} of {len(value) - 1} resamples")
    if ends is None and len(value) > 1:
        few = f"{units} entities are too few for an interval" if units < rule.fewest else "no interval"
        notes.append(few)
    said: dict[str, Any] = {}
    if judged:
        if base is None or not np.isfinite(base[0]):
            said["verdict"] = f"{UNDEFINED}: the {reference} model has no value to compare with"
        else:
            gain = METRICS.get(metric).gain(value, base)
            said["gain"] = float(gain[0])
            within = rule(gain[1:], units)
            if within is not None:
                said |= {
                    "gain_low": within[0],
                    "gain_high": within[1],
                    "verdict": verdict(*within),
                }
            elif len(value) > 1:
                said["verdict"] = NO_EVIDENCE
            else:
                said["verdict"] = f"{UNDEFINED}: no interval was asked for"
    low, high = ends or (None, None)
    return Score(task, metric, model, float(value[0]), low, high, note="; ".join(notes), **said)
