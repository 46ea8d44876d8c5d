from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from umbel.errors import ConfigError, ModelFileError
from umbel.families.tracing.estimator import KnowledgeTracer
from umbel.families.tracing.model.tracer import TRACERS
from umbel.families.tracing.source.audit import LeakError
from umbel.families.tracing.source.merge import expand
from umbel.families.tracing.source.simulate import simulate
from umbel.families.tracing.source.split import split_students
from umbel.families.tracing.study import study


def test_a_table_is_fitted_saved_and_loaded(tmp_path: Path) -> None:
    log = simulate("none", students=60, concepts=3, questions=3, steps=12).log
    table = pd.DataFrame(
        {
            "pupil": [log.students[i] for i in log.student],
            "question": [log.questions[q] for q in log.question],
            "skill": [log.concepts[log.concept_sets[s][0]] for s in log.sets],
            "correct": log.correct,
        }
    )
    tracer = KnowledgeTracer("irt", seed=3, reading={"columns": {"student": "pupil"}}).fit(table)
    tracer.save(tmp_path / "model")
    again = KnowledgeTracer.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(table), tracer.predict(table))
    assert (again.seed, again.reading) == (3, {"columns": {"student": "pupil"}})
    scores = again.evaluate(table)
    assert set(scores["metric"]) == {"auc", "log_loss", "accuracy", "calibration_error"}


def test_a_log_that_leaks_is_refused() -> None:
    made = simulate("none", students=80, concepts=4, questions=4, steps=12).log
    from dataclasses import replace

    from umbel.families.tracing.source.log import Concepts

    pairs = Concepts.of([(0, 1), (1, 2), (2, 3), (0, 3)])
    with pytest.raises(LeakError, match="one step"):
        KnowledgeTracer("pfa").fit(expand(replace(made, concept_sets=pairs)))


def test_unknown_models_and_options_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'rasch_lstm'"):
        KnowledgeTracer("rash_lstm")
    with pytest.raises(ConfigError, match="form_of"):
        KnowledgeTracer("irt", form_of="2pl")
    with pytest.raises(ConfigError, match="follows students"):
        KnowledgeTracer("sakt").begin()
    with pytest.raises(ModelFileError):
        KnowledgeTracer.load(tmp_path)


def test_a_study_judges_models_on_students_none_has_seen() -> None:
    log = simulate("chain", students=150, concepts=4, questions=4, steps=20, seed=6).log
    parts = split_students(log, seed=0)
    told = []
    found = study(parts, TRACERS.get("irt")(), resamples=60, note=told.append)
    assert told == ["irt", "running_rate", "pfa", "bkt", "scores"]
    assert set(found.forecasts) == {"irt", "running_rate", "pfa", "bkt"}
    assert found.model.name == "irt"
    assert all(len(p) == parts.test.steps for p in found.forecasts.values())
    rows = found.scores.frame()
    assert set(rows["model"]) == set(found.forecasts)
    assert "on students it has not seen" in found.recommendation
    assert found.facts["entities"] == {"train": 96, "valid": 24, "test": 30}
    assert set(found.costs) == set(found.models)


def test_a_stack_is_reported_beside_its_members() -> None:
    log = simulate("none", students=90, concepts=3, questions=3, steps=12, seed=7).log
    stack = TRACERS.get("stack")(members=["running_rate", "pfa"])
    found = study(split_students(log, seed=0), stack, baselines=[], resamples=20)
    assert set(found.forecasts) == {"stack", "running_rate (member)", "pfa (member)"}


def test_expanded_rows_score_the_same_only_when_merged() -> None:
    from dataclasses import replace

    from umbel.families.tracing.judge.scores import score
    from umbel.families.tracing.source.log import Concepts
    from umbel.families.tracing.source.merge import merge

    made = simulate("none", students=150, concepts=4, questions=4, steps=15, seed=8).log
    log = replace(made, concept_sets=Concepts.of([(0, 1), (1, 2), (2, 3), (0, 3)]))
    parts = split_students(merge(log).log, seed=0)
    model = TRACERS.get("dkt")(epochs=6, width=16, rate=1e-2).fit(parts.train, parts.valid)
    stated = model.predict(parts.test)
    wide = expand(parts.test)
    assert wide.steps == 2 * parts.test.steps
    np.testing.assert_allclose(model.predict(merge(wide).log), stated, rtol=0, atol=1e-6)
    fair = score(stated, parts.test.correct)["auc"]
    leaking = score(model.predict(wide), wide.correct)["auc"]
    assert fair is not None
    assert leaking is not None
    assert abs(leaking - fair) > 0.01  # every second row is told its answer by the row before
