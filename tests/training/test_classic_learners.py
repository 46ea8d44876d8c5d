"""Classical learners against scikit-learn, and what each promises beyond the common laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from classic_tables import CASES, hidden, split
from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.encoders.design import fitted_design
from umbel.errors import ConfigError, KindError, ModelFileError
from umbel.training.learners.boosted import Boosted
from umbel.training.learners.classic import answers
from umbel.training.learners.constant import Constant
from umbel.training.learners.estimators import from_bytes, to_bytes
from umbel.training.learners.forest import Forest
from umbel.training.learners.gaussian_process import GaussianProcess
from umbel.training.learners.group_code import GroupCode
from umbel.training.learners.hierarchical import Hierarchical
from umbel.training.learners.linear import Linear
from umbel.training.learners.mean_regularised import MeanRegularised


def test_the_linear_learner_is_scikit_learns_ridge_and_logistic_at_its_strength() -> None:
    train, valid, test = split(CASES["all labels known"].make())
    learner = Linear(knots=0).fit(train, valid)
    design = fitted_design(train)
    X, X_test = design.transform(train), design.transform(test)
    found = learner.predict(test)
    ridge = Ridge(alpha=learner.notes["height"]["strength"][0]).fit(X, train.values("height"))
    np.testing.assert_allclose(found["height"].value, ridge.predict(X_test), rtol=1e-6)
    logistic = LogisticRegression(C=1 / learner.notes["sick"]["strength"][0], tol=1e-10, max_iter=1000)
    logistic.fit(X, train.values("sick"))
    np.testing.assert_allclose(found["sick"].value, logistic.predict_proba(X_test)[:, 1], atol=1e-4)


def test_a_group_of_constant_labels_gets_its_smoothed_rate() -> None:
    train, valid, test = split(CASES["groups of labels"].make())
    mine = (train.group == 0) & train.known("sick")
    values = train.answers["sick"].values.copy()
    values[train.rows[mine]] = 1
    changed = replace(train.answers["sick"], values=values)
    train = replace(train, answers={"sick": changed}, _cache={})
    found = Linear().fit(train, valid).predict(test)["sick"].value[test.group == 0]
    n = mine.sum()
    np.testing.assert_allclose(found, (n + 0.5) / (n + 1))


def test_the_gaussian_process_equals_scikit_learn() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    train, valid, test = split(CASES["numbers"].make())
    learner = GaussianProcess(restarts=0).fit(train, valid)
    design, note = fitted_design(train), learner.notes["height"]
    own = answers(train, "height")
    kernel = ConstantKernel(note["size"]) * RBF(note["length"]) + WhiteKernel(note["noise"])
    oracle = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True)
    oracle.fit(design.transform(train)[own.rows], own.values)
    mean, spread = oracle.predict(design.transform(test), return_std=True)
    found = learner.predict(test)["height"]
    np.testing.assert_allclose(found.value, mean, rtol=1e-8)
    np.testing.assert_allclose(found.spread, spread, rtol=1e-6)


def test_an_answer_of_weight_two_has_half_the_noise_in_the_gaussian_process() -> None:
    train, valid, test = split(CASES["numbers"].make())
    plain = GaussianProcess(restarts=0).fit(train, valid).predict(test)["height"]
    known = train.answers["height"]
    heavy = replace(known, weights=np.where(known.weights > 0, 1 + 1e-9, 0).astype(np.float64))
    near = replace(train, answers={**train.answers, "height": heavy}, _cache={})
    found = GaussianProcess(restarts=0).fit(near, valid).predict(test)["height"]
    np.testing.assert_allclose(found.value, plain.value, rtol=1e-5)
    double = replace(known, weights=known.weights * 2)
    sure = replace(train, answers={**train.answers, "height": double}, _cache={})
    assert (GaussianProcess(restarts=0).fit(sure, valid).predict(test)["height"].spread <= plain.spread).all()


def test_a_process_does_not_serve_labels_or_many_rows() -> None:
    train, valid, _ = split(CASES["all labels known"].make())
    with pytest.raises(KindError, match="only gaussian"):
        GaussianProcess().fit(train, valid)


def _schools(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    school = np.repeat(np.arange(30), 20)
    X = rng.normal(size=(600, 5))
    W = np.array([1.0, -1, 0.5, 0, 0]) + 0.2 * rng.normal(size=(30, 5))
    y = (X * W[school]).sum(axis=1) + 0.5 * rng.normal(size=30)[school] + rng.normal(size=600)
    frame = pd.DataFrame(X, columns=list("abcde"))
    return frame.assign(school=[f"s{s}" for s in school], score=y)


def test_joint_linear_models_gain_on_related_groups_and_know_their_spread() -> None:
    data = prepare(_schools(), Problem.of({"score": "regression"}, by="school"), seed=0)
    y = data.test.values("score")

    def error(learner: object) -> float:
        found = learner.fit(data.train, data.valid).predict(data.test)["score"]
        assert found.spread is not None
        assert 0.8 < (np.abs(y - found.value) < 1.645 * found.spread).mean() <= 1
        return float(np.square(y - found.value).mean())

    alone, constant = error(Linear()), error(Constant())
    for joint in (MeanRegularised(), Hierarchical(), Hierarchical(form="full"), Boosted()):
        assert error(joint) < constant
    assert error(MeanRegularised()) < alone
    assert error(Hierarchical()) < alone


def test_an_unseen_group_is_less_sure_under_hierarchical_bayes() -> None:
    data = prepare(_schools(), Problem.of({"score": "regression"}, by="school"), seed=0)
    learner = Hierarchical().fit(data.train, data.valid)
    groups = np.full_like(data.test.groups, -1)
    seen = learner.predict(data.test)["score"]
    unseen = learner.predict(replace(data.test, groups=groups, _cache={}))["score"]
    assert unseen.spread.mean() > seen.spread.mean()


def test_an_unknown_form_is_an_error() -> None:
    with pytest.raises(ConfigError, match="'diagonal'"):
        Hierarchical(form="diag")


def test_a_training_rows_own_answer_is_not_in_its_group_code() -> None:
    train, _, _ = split(CASES["groups of numbers"].make())
    own = answers(train, "height")
    group, entity = train.group[own.rows], train.entity[own.rows]
    code, inner = GroupCode.fit(own, group, entity, 3)
    values = own.values.copy()
    values[0] += 1000
    _, other = GroupCode.fit(replace(own, values=values), group, entity, 3)
    assert inner[0] == other[0]
    assert (inner != other).any()
    unseen = code.transform(np.array([-1]))[0, 0]
    assert unseen == pytest.approx(np.average(own.values, weights=own.weights))


def test_boosting_keeps_the_trees_of_the_best_validation_loss() -> None:
    train, valid, _ = split(CASES["all labels known"].make(rows=400))
    learner = Boosted(patience=5).fit(train, valid)
    model = learner._members["height"].models[0]
    best = int(np.argmax(model.validation_score_))
    assert learner.notes["height"]["trees"] == [best] == [len(model._predictors)]
    assert best < len(model.validation_score_) - 1


def test_the_forest_says_which_labels_it_lacks() -> None:
    train, _, _ = split(CASES["groups of numbers"].make())
    assert "rows layout" in Forest.serves(train)
    data = CASES["all labels known"].make()
    few = hidden(data, np.arange(30, 120))
    assert "25%" in Forest.serves(few)


def test_bytes_of_a_foreign_type_or_of_a_damaged_file_are_refused() -> None:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(ModelFileError, match="trusted"):
        from_bytes(skops.io.dumps(FunctionTransformer(np.linalg.inv)))
    good = to_bytes(Ridge())
    with pytest.raises(ModelFileError):
        from_bytes(good[: len(good) // 2])
