from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from umbel.errors import ConfigError
from umbel.families.tracing.model.calibration import Calibrator, fit_calibrator, fit_logistic
from umbel.families.tracing.model.running_rate import RunningRate


def told(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    truth = expit(chance.normal(size=count))
    return expit(2.0 * logit(truth) + 0.7), (chance.random(count) < truth).astype(float)


def test_platt_undoes_what_was_stretched_and_moved() -> None:
    stated, correct = told(40_000)
    found = fit_calibrator("platt", stated, correct)
    assert abs(found.slope - 0.5) < 0.03
    assert abs(found.shift + 0.35) < 0.03


def test_logistic_weights_are_those_of_scikit_learn() -> None:
    stated, correct = told()
    x = logit(stated)
    design = np.stack([x, np.ones_like(x)], axis=1)
    ours = fit_logistic(design, correct, np.zeros(2), np.array([1.0, 0.0]))
    theirs = LogisticRegression(C=1.0, tol=1e-10).fit(x[:, None], correct)
    np.testing.assert_allclose(ours, [theirs.coef_[0, 0], theirs.intercept_[0]], rtol=1e-4)


@pytest.mark.parametrize("how", ["platt", "isotonic"])
def test_calibrated_forecasts_come_true_as_stated(how: str) -> None:
    stated, correct = told(60_000)
    half = len(stated) // 2
    found = fit_calibrator(how, stated[:half], correct[:half])(stated[half:])
    for part in np.array_split(np.argsort(found), 8):
        assert abs(found[part].mean() - correct[half:][part].mean()) < 0.04
    order = np.argsort(stated[half:])
    assert (np.diff(found[order]) >= -1e-12).all()


def test_nothing_changes_where_all_answers_are_alike_or_none_is_asked() -> None:
    stated = np.array([0.2, 0.9])
    for how, correct in (("platt", np.ones(2)), ("none", np.array([0.0, 1.0]))):
        np.testing.assert_allclose(fit_calibrator(how, stated, correct)(stated), stated)


def test_forecasts_that_mislead_become_the_average() -> None:
    stated, correct = told()
    found = fit_calibrator("platt", 1 - stated, correct)(stated)
    np.testing.assert_allclose(found, correct.mean(), rtol=1e-6)


def test_it_is_saved_whole() -> None:
    stated, correct = told()
    found = fit_calibrator("isotonic", stated, correct)
    np.testing.assert_array_equal(Calibrator.from_state(found.state)(stated), found(stated))


def test_there_is_no_other_way() -> None:
    with pytest.raises(ConfigError, match="calibration"):
        RunningRate(calibration="plat")
