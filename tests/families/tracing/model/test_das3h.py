"""DAS3H, against features of a plain loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.families.tracing.model.classic_logs import small_log, strange_log

from umbel.errors import ConfigError, DataError
from umbel.families.tracing.model.das3h import DAS3H
from umbel.families.tracing.source.log import AnswerLog

HOUR = 3600.0


def slow_features(log: AnswerLog, at: np.ndarray, widths: tuple[float, ...], ability: bool) -> np.ndarray:
    """Question, concepts, then by window wins and attempts of each concept, then of all answers."""
    rows = []
    sets = [set(log.concept_sets[s].tolist()) for s in log.sets]
    for step in range(log.steps):
        row = [float(log.question[step] == q) for q in range(12)] + [float(c in sets[step]) for c in range(4)]
        for c in [*range(4)] if not ability else [*range(4), None]:
            for width in widths:
                before = [
                    log.correct[other]
                    for other in range(step - log.place[step], step)
                    if at[step] - at[other] <= width and (c is None or c in sets[other])
                ]
                there = c is None or c in sets[step]
                row += [there * np.log1p(sum(before)), there * np.log1p(len(before))]
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("ability", [True, False])
@pytest.mark.parametrize("windows", ["time", "steps"])
def test_it_equals_scikit_learn_on_features_of_a_loop(windows: str, ability: bool) -> None:
    train, test = (small_log(25, seed=s, times=windows == "time") for s in (0, 1))
    widths = (HOUR, 24 * HOUR, 168 * HOUR, 720 * HOUR, np.inf) if windows == "time" else (10, 50, 200, np.inf)
    model = DAS3H(strength=0.2, ability=ability, calibration="none").fit(train, train)
    assert model.notes["windows"] == windows
    X, Z = (
        slow_features(log, log.place if log.time is None else log.time, widths, ability)
        for log in (train, test)
    )
    other = LogisticRegression(C=0.2, tol=1e-10, max_iter=5000, solver="newton-cg").fit(X, train.correct)
    assert np.allclose(model.predict(test), other.predict_proba(Z)[:, 1], atol=2e-3)
    assert model.parameters == X.shape[1] + 1


def test_a_step_that_is_not_known_is_forecast_from_the_other_answers() -> None:
    log = small_log(60)
    model = DAS3H(strength=1.0).fit(log, log)
    strange = strange_log(log)
    bare = (strange.question < 0) & (strange.place > 5)
    good, bad = (model.predict(strange.answered(np.full(log.steps, x)))[bare] for x in (1.0, 0.0))
    assert bare.any()
    assert (good > bad).all()


def test_times_are_needed_where_they_were_fitted() -> None:
    log = small_log(20, times=True)
    model = DAS3H(windows="time", strength=1.0).fit(log, log)
    with pytest.raises(DataError, match="without times"):
        model.predict(replace(log, time=None))
    with pytest.raises(DataError, match="windows: time"):
        DAS3H(windows="time").fit(replace(log, time=None), log)
    gaps = np.where(np.arange(log.steps) % 2, np.nan, log.time)
    assert DAS3H(strength=1.0).fit(replace(log, time=gaps), log).notes["windows"] == "steps"
    assert np.isfinite(model.predict(replace(log, time=gaps))).all()


def test_refusals() -> None:
    with pytest.raises(ConfigError, match="windows"):
        DAS3H(windows="weeks")
