"""The baseline, against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from tests.families.tracing.model.classic_logs import small_log, strange_log

from umbel.errors import ConfigError
from umbel.families.tracing.model.running_rate import RunningRate


def test_it_is_the_formula() -> None:
    train, test = small_log(40), strange_log(small_log(20, seed=1, partial=True))
    stated = RunningRate(strength=3.0, share=0.4, calibration="none").fit(train, train).predict(test)
    average = train.correct.mean()
    sets = [train.concept_sets[s].tolist() for s in train.sets]
    rates = []
    for c in range(4):
        own = train.correct[[c in one for one in sets]]
        rates.append((own.sum() + 10 * average) / (len(own) + 10))
    for step in range(test.steps):
        before = test.correct[step - test.place[step] : step]
        known = [rates[c] for c in test.concept_sets[test.sets[step]] if c < 4]
        base = np.mean(known) if known else average
        expected = 0.4 * (before.sum() + 3 * average) / (len(before) + 3) + 0.6 * base
        assert stated[step] == pytest.approx(expected, abs=1e-12)


def test_strength_and_share_are_chosen_on_validation_students() -> None:
    train, valid = small_log(60), small_log(40, seed=1)
    model = RunningRate(calibration="none").fit(train, valid)
    y = valid.correct

    def loss(**options: float) -> float:
        p = RunningRate(calibration="none", **options).fit(train, valid).predict(valid)
        return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())

    assert model.notes["loss"] == pytest.approx(
        loss(strength=model.notes["strength"], share=model.notes["share"])
    )
    assert model.notes["loss"] <= min(
        loss(strength=s, share=w) for s in (1.0, 8.0, 32.0) for w in (0.2, 0.5, 0.8)
    )


def test_refusals() -> None:
    for options in ({"strength": 0.0}, {"share": 1.5}, {"strength": float("nan")}):
        with pytest.raises(ConfigError, match="running_rate"):
            RunningRate(**options)
