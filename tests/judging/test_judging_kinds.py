"""Judging with the real kinds: each one's metrics exist, and every section can be made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from umbel.judging.calibration import calibration_section
from umbel.judging.confusion import confusion_section
from umbel.judging.metrics import METRICS, measure
from umbel.judging.overlap import overlap_section
from umbel.judging.recommend import recommend
from umbel.judging.residuals import residual_section
from umbel.judging.scorecard import Candidate, judge
from umbel.judging.truth import Truth
from umbel.judging.verdicts import gain_section, verdict_section
from umbel.judging.words import label_names
from umbel.tasks import KINDS, Target, TaskSet

ROWS = 48


@pytest.fixture(scope="module")
def everything() -> tuple[Truth, dict[str, Candidate]]:
    """A target of every kind, its example repeated, and two models that guess."""
    targets, values, weights = [], {}, {}
    said: dict[str, dict[str, Any]] = {"independent": {}, "joint": {}}
    for entry in KINDS:
        options, column = entry.item.example()
        kind = entry.item(**options)
        longer = pd.concat([column] * ROWS, ignore_index=True).iloc[:ROWS]
        kind.fit(longer)
        encoded = kind.encode(longer)
        targets.append(Target(entry.name, kind))
        values[entry.name], weights[entry.name] = encoded.values, encoded.weights
        for seed, model in enumerate(said):
            chance = torch.Generator().manual_seed(seed)
            if kind.response == "sequence":  # its raw outputs are the true tokens' log probabilities
                raw = -torch.rand(encoded.values.shape, generator=chance)
            else:
                raw = torch.randn(ROWS, kind.width + kind.free, generator=chance)
            said[model][entry.name] = kind.predict(raw)
    truth = Truth(TaskSet(tuple(targets)), values, weights, np.arange(ROWS))
    return truth, {model: Candidate(found) for model, found in said.items()}


def test_every_metric_of_every_kind_has_a_value(everything: tuple[Truth, dict[str, Candidate]]) -> None:
    truth, models = everything
    card = judge(truth, models, resamples=60, metrics="all")
    for task in truth.tasks.tasks:
        for name in task.kind.metrics:
            score = card.score(task.name, "joint", name)
            assert score.value is not None, score
            assert np.isfinite([score.low, score.high, score.gain_low, score.gain_high]).all()
            assert measure(
                name,
                task.kind,
                truth.values[task.target],
                truth.weights[task.target],
                models["joint"].predictions[task.target],
            ) == pytest.approx(score.value)
    assert {card.primary[t.name] for t in truth.tasks.tasks} <= set(METRICS.names())
    assert set(card.verdicts("joint").values()) <= {"gains", "no evidence", "loses"}
    assert recommend(card).endswith(".")


def test_every_section_of_every_kind(everything: tuple[Truth, dict[str, Candidate]]) -> None:
    truth, models = everything
    card = judge(truth, models, resamples=60)
    assert len(verdict_section(card).tables[0].rows) == len(truth.tasks)
    assert len(gain_section(card).figures[0].series[0].x) == len(truth.tasks)
    assert overlap_section(truth).figures[0].matrix.shape == (len(truth.tasks), len(truth.tasks))
    assert residual_section(truth, models["joint"]).figures
    shown = {
        figure.title.removeprefix("Calibration of ") for figure in calibration_section(truth, models).figures
    }
    assert shown == {"binary", "multiclass", "multilabel", "ordinal", "regression"}
    named = {table.caption.split(":")[0] for table in confusion_section(truth, models["joint"]).tables}
    assert named == {"binary", "multiclass", "multilabel", "ordinal"}


@pytest.mark.parametrize("name", ["binary", "multiclass", "multilabel", "ordinal", "distribution"])
def test_labels_have_their_own_names(everything: tuple[Truth, dict[str, Candidate]], name: str) -> None:
    kind = everything[0].tasks.target(name).kind
    size = 2 if name == "binary" else kind.width + kind.free if name != "ordinal" else 3
    labels = label_names(kind, size)
    assert labels != [str(k) for k in range(size)]
    assert label_names(kind, size + 1) == [str(k) for k in range(size + 1)]
