"""One model of knowledge beside simple ones, on students that none of them has seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.families.tracing.judge.scores import score_rows
from umbel.families.tracing.judge.sections import forecast_sections
from umbel.families.tracing.model.stack import Stack
from umbel.families.tracing.model.tracer import TRACERS, Tracer
from umbel.families.tracing.source.audit import audit_log, refuse_leaks
from umbel.families.tracing.source.split import Parts
from umbel.judging.section import Section
from umbel.judging.words import interval, number, signed
from umbel.training.checkpoint import Store

__all__ = ["BASELINES", "Study", "study"]

BASELINES: tuple[dict[str, Any], ...] = (
    {"name": "running_rate"},
    {"name": "pfa"},
    {"name": "bkt", "forget": True},
)
"""What stands beside every model: a student's rate so far, a linear model, and each concept by itself."""


@dataclass
class Frame:
    """Scores that give a table.

    :param rows: with the columns of ``scores.csv``.
    """

    rows: list[dict[str, Any]]

    def frame(self) -> pd.DataFrame:
        """The table."""
        return pd.DataFrame(self.rows)


@dataclass
class Study:
    """What was found.

    :param models: the fitted models by name; the first is the one asked for.
    :param forecasts: of the test students' answers, [N] by name.
    :param scores: per metric and model: value, interval, gain over the baseline, verdict.
    :param sections: what a report shows beside the scores.
    :param recommendation: in plain words.
    :param costs: by model: CPU-seconds of the fit, learned numbers.
    :param facts: sizes, seed, what was chosen.
    """

    models: dict[str, Tracer]
    forecasts: dict[str, NDArray[np.float64]]
    scores: Frame
    sections: list[Section]
    recommendation: str
    costs: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> Tracer:
        """The model that was asked for."""
        return next(iter(self.models.values()))


def study(
    parts: Parts,
    model: Tracer,
    *,
    baselines: Sequence[Mapping[str, Any]] = BASELINES,
    seed: int = 0,
    resamples: int = 400,
    show: bool | None = False,
    store: Store | None = None,
    note: Callable[[str], None] = lambda step: None,
) -> Study:
    """Fit a model and its baselines, forecast every answer of the test students once, and judge.

    :param parts: training, validation and test students.
    :param model: not fitted yet.
    :param baselines: options of the models beside it, each with its ``name``; gains are measured against the
        best of them on validation.
    :param seed: of the baselines and of the resamples.
    :param store: where the model's checkpoints go.
    :param note: is told each step.
    :raises LeakError: the logs leak.
    """
    refuse_leaks(audit_log(train=parts.train, valid=parts.valid, test=parts.test))
    models: dict[str, Tracer] = {}
    costs: dict[str, dict[str, Any]] = {}
    for one in (model, *(_made({"seed": seed, **options}) for options in baselines)):
        if one is not model and (one.name in models or one.serves(parts.train)):
            continue
        note(one.name)
        begun = time.process_time()
        one.fit(parts.train, parts.valid, show=show, store=store if one is model else None)
        models[one.name] = one
        costs[one.name] = {"cpu_seconds": time.process_time() - begun, "parameters": one.parameters}
    note("scores")
    forecasts = {name: one.predict(parts.test) for name, one in models.items()}
    if isinstance(model, Stack):  # an ensemble is reported beside its members
        forecasts |= {f"{name} (member)": p for name, p in model.by_member(parts.test).items()}
    against = _best(models, parts)
    rows = score_rows(parts.test, forecasts, reference=against, resamples=resamples, seed=seed)
    return Study(
        models,
        forecasts,
        Frame(rows),
        forecast_sections(parts.test, forecasts, model.name),
        _words(rows, model.name, against),
        costs,
        {
            "rows": {side: log.steps for side, log in parts._asdict().items()},
            "entities": {side: len(log) for side, log in parts._asdict().items()},
            "seed": seed,
            "chosen": {name: one.notes for name, one in models.items() if one.notes},
        },
    )


def _made(options: dict[str, Any]) -> Tracer:
    return TRACERS.get(options.pop("name"))(**options)


def _best(models: Mapping[str, Tracer], parts: Parts) -> str:
    """The baseline with the lowest log loss on validation students; the model itself where it is alone."""
    from umbel.families.tracing.judge.scores import score

    names = list(models)[1:] or list(models)
    losses = {n: score(models[n].predict(parts.valid), parts.valid.correct)["log_loss"] for n in names}
    return min(names, key=lambda name: losses[name] or np.inf)


def _words(rows: Sequence[Mapping[str, Any]], name: str, against: str) -> str:
    row = next((r for r in rows if r["model"] == name and r["metric"] == "auc"), None)
    if row is None:
        return f"{name} was fitted; the test answers are all alike, so there is no AUC."
    told = f"{name} ranks a right answer above a wrong one in {number(row['value'])} of all pairs (AUC)."
    if "gain" not in row or name == against:
        return told
    span = interval(row.get("gain_low"), row.get("gain_high"))
    sure = {"gains": "It forecasts better than", "loses": "It forecasts worse than"}
    begin = sure.get(str(row.get("verdict")), "There is no evidence that it forecasts better than")
    return f"{begin} {against}: AUC {signed(row['gain'])} {span} on students it has not seen. {told}"
