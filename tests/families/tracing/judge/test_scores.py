from __future__ import annotations

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from umbel.families.tracing.judge.scores import equal_mass_error, score, score_rows, scores_by
from umbel.families.tracing.judge.sections import attempts, forecast_sections, practices
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.simulate import simulate


def told() -> tuple[AnswerLog, np.ndarray, np.ndarray]:
    log = simulate("none", students=60, concepts=3, questions=4, steps=15, seed=9).log
    chance = np.random.default_rng(1)
    good = np.clip(0.5 + 0.25 * (2 * log.correct - 1) + 0.2 * chance.normal(size=log.steps), 0.02, 0.98)
    return log, good, np.clip(chance.random(log.steps), 0.02, 0.98)


def test_scores_are_those_of_scikit_learn() -> None:
    log, good, _ = told()
    found = score(good, log.correct)
    assert np.isclose(found["auc"], roc_auc_score(log.correct, good))
    assert np.isclose(found["log_loss"], log_loss(log.correct, good))
    assert np.isclose(found["accuracy"], ((good >= 0.5) == log.correct).mean())


def test_the_calibration_error_is_the_mean_gap_of_equal_parts() -> None:
    p = np.linspace(0.01, 0.99, 30)
    y = (np.arange(30) % 3 == 0).astype(float)
    wanted = np.mean([abs(p[i : i + 2].mean() - y[i : i + 2].mean()) for i in range(0, 30, 2)])
    assert np.isclose(equal_mass_error(p, y), wanted)


def test_a_better_model_gains_and_no_model_gains_on_itself() -> None:
    log, good, bad = told()
    rows = score_rows(log, {"good": good, "same": bad.copy(), "bad": bad}, resamples=100)
    auc = {row["model"]: row for row in rows if row["metric"] == "auc"}
    assert auc["good"]["verdict"] == "gains"
    assert auc["good"]["gain_low"] > 0.1
    assert auc["good"]["low"] < auc["good"]["value"] < auc["good"]["high"]
    assert auc["same"]["verdict"] == "no evidence"
    assert auc["same"]["gain"] == 0
    assert "gain" not in auc["bad"]
    loss = {row["model"]: row for row in rows if row["metric"] == "log_loss"}
    assert loss["good"]["gain"] > 0  # a smaller loss is a gain


def test_partly_right_answers_have_a_log_loss() -> None:
    found = score(np.array([0.3, 0.8]), np.array([0.5, 1.0]))
    wanted = -(0.5 * np.log(0.3) + 0.5 * np.log(0.7) + np.log(0.8)) / 2
    assert np.isclose(found["log_loss"], wanted)


def test_attempts_and_practices_count_what_came_before() -> None:
    log, _, _ = told()
    tried, met = attempts(log), practices(log)
    for t in range(0, log.steps, 37):
        mine = np.arange(log.offsets[log.student[t]], t)
        assert tried[t] == (log.question[mine] == log.question[t]).sum()
        assert met[t] == (log.sets[mine] == log.sets[t]).sum()


def test_groups_are_scored_apart() -> None:
    log, good, _ = told()
    lines = scores_by(log, good, np.where(log.place < 5, 0, 1), ["early", "late"])
    assert [line[0] for line in lines] == ["early", "late"]
    assert lines[0][1] == (log.place < 5).sum()
    early = log.place < 5
    assert np.isclose(lines[0][4], roc_auc_score(log.correct[early], good[early]))


def test_sections_hold_every_answer() -> None:
    log, good, bad = told()
    found = {s.title: s for s in forecast_sections(log, {"good": good, "bad": bad}, "good")}
    assert set(found) == {
        "Calibration", "By answer number", "First and repeated attempts", "Learning curves", "By concept",
    }  # fmt: skip
    assert sum(row[1] for row in found["By answer number"].tables[0].rows) == log.steps
    assert sum(row[1] for row in found["First and repeated attempts"].tables[0].rows) == log.steps
    assert sum(row[1] for row in found["By concept"].tables[0].rows) == log.steps
