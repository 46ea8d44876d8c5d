"""Strategies side by side: equal rows, equal tuning, ensembles chosen on held-out rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.errors import ConfigError, UmbelError
from umbel.training.compare import compare
from umbel.training.config import Config
from umbel.training.estimator import MultiTask
from umbel.training.held import held_out
from umbel.training.learners.average import Average, greedy_weights
from umbel.training.learners.chosen import Chosen
from umbel.training.learners.cross_fit import CrossFit
from umbel.training.learners.independent import Independent
from umbel.training.learners.stacked import Stacked
from umbel.training.loading import load
from umbel.training.making import freeze, make, thaw
from umbel.training.skill import losses, mean_skill, skill

SMALL = {"epochs": 3, "width": 16, "depth": 2, "batch_size": 64}


def table(count: int = 240, seed: int = 0) -> pd.DataFrame:
    """Two numbers and a yes or no that share what they depend on; some labels are missing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 4))
    z = X @ rng.normal(size=(4, 2))
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["r1"] = z[:, 0] + 0.5 * rng.normal(size=count)
    frame["r2"] = z.sum(axis=1) + 0.5 * rng.normal(size=count)
    frame["b1"] = np.where(z[:, 0] + rng.normal(size=count) > 0, "yes", "no")
    frame.loc[rng.random(count) < 0.3, "r2"] = np.nan
    return frame


def grouped(count: int = 240) -> pd.DataFrame:
    """One target, four groups with slopes around a common one."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(count, 3)), columns=list("abc"))
    group = rng.integers(0, 4, count)
    slope = np.array([1.0, -1.0, 0.5]) + 0.3 * rng.normal(size=(4, 3))
    frame["score"] = (frame[list("abc")].to_numpy() * slope[group]).sum(axis=1) + 0.3 * rng.normal(size=count)
    frame["school"] = [f"s{g}" for g in group]
    return frame


@pytest.fixture(scope="module")
def data() -> Prepared:
    return prepare(table(), Problem.of(["r1", "r2", "b1"]), seed=0)


def test_skill_is_r2_for_numbers_and_zero_for_the_constant(data: Prepared) -> None:
    from sklearn.metrics import r2_score

    target = data.valid.tasks.target("r2")
    known = data.valid.known("r2")
    found = make("linear").fit(data.train, data.valid).predict(data.valid)["r2"]
    values, weights = data.valid.values("r2"), data.valid.weights("r2")
    assert skill(target.kind, found, values, weights) == pytest.approx(
        r2_score(values[known], found.value[known])
    )
    constant = target.kind.constant(values[known], weights[known]).repeat(len(values))
    assert skill(target.kind, constant, values, weights) == pytest.approx(0)
    assert skill(target.kind, found, values, weights * 0) is None


def test_losses_are_those_of_scikit_learn(data: Prepared) -> None:
    from sklearn.metrics import log_loss

    kind = data.valid.tasks.target("b1").kind
    chance = np.array([0.2, 0.7, 0.9])
    answer = np.array([0.0, 1.0, 0.0])
    assert losses(kind, chance, answer).mean() == pytest.approx(log_loss(answer, chance))


def test_greedy_weights_find_the_good_member(data: Prepared) -> None:
    kind = data.train.tasks.target("r1").kind
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4000)
    good, bad = truth + 0.1 * rng.normal(size=4000), rng.normal(size=4000)
    weights = greedy_weights(kind, [good[:, None], bad[:, None]], truth, np.ones(4000))
    assert weights.sum() == pytest.approx(1)
    assert weights[0] > 0.95
    other = truth + 0.1 * rng.normal(size=4000)
    twins = greedy_weights(kind, [good[:30, None], other[:30, None]], truth[:30], np.ones(30))
    assert twins.min() > 0.1, "members that are hardly told apart share their weight"
    none = greedy_weights(kind, [good[:, None], bad[:, None]], truth, np.zeros(4000))
    assert none.tolist() == [0.5, 0.5]


def test_independent_learners_see_their_own_task_alone(data: Prepared) -> None:
    many = Independent(learner="linear").fit(data.train, data.valid)
    alone = make("linear").fit(data.train.only("r1"), data.valid.only("r1"))
    np.testing.assert_array_equal(
        many.predict(data.test)["r1"].value, alone.predict(data.test.only("r1"))["r1"].value
    )
    assert many.parameters == sum(m.parameters for m in many.members.values())


def test_independent_by_group_answers_unseen_groups() -> None:
    frame = grouped()
    whole = prepare(frame, Problem.of("score", by="school"), seed=0)
    fitted = Independent(learner="linear").fit(whole.train, whole.valid)
    model = MultiTask("score", by="school", model="linear", folds=0).fit(frame)
    new = frame.head(4).assign(school="never seen")
    assert np.isfinite(fitted.predict(model.rows(new))["score"].value).all()


def test_cross_fitting_holds_every_row_out_once(data: Prepared) -> None:
    fitted = CrossFit(learner="linear", folds=4).fit(data.train, data.valid)
    assert len(fitted.held.rows) == len(data.train) + len(data.valid)
    assert len(fitted.members) == 4, "a linear model does not stop"
    assert mean_skill(fitted.held.rows, fitted.held.predictions) > 0.4
    plain = make("linear").fit(fitted.held.rows, data.valid)
    inside = mean_skill(fitted.held.rows, plain.predict(fitted.held.rows))
    assert mean_skill(fitted.held.rows, fitted.held.predictions) < inside, "held out, not fitted on"


@pytest.mark.parametrize("form", [Average, Stacked, Chosen])
def test_ensembles_are_saved_whole(data: Prepared, form: type) -> None:
    members = {name: make(name).fit(data.train, data.valid) for name in ("linear", "constant")}
    held = {name: held_out(member, data.valid) for name, member in members.items()}
    ensemble = form().of(members, held)
    again = thaw(freeze(ensemble), data.train.tasks, data.train.schema)
    for target, found in ensemble.predict(data.test).items():
        np.testing.assert_array_equal(found.value, again.predict(data.test)[target].value)
    assert mean_skill(data.test, ensemble.predict(data.test)) > 0.3


def test_chosen_takes_the_better_member(data: Prepared) -> None:
    members = {name: make(name).fit(data.train, data.valid) for name in ("constant", "linear")}
    held = {name: held_out(member, data.valid) for name, member in members.items()}
    assert set(Chosen().of(members, held).choice.values()) == {"linear"}
    assert Chosen(whole=True).of(members, held).used == ["linear"]


def test_compare_shows_every_model_on_the_same_rows() -> None:
    config = Config.read(
        {
            "problem": {"targets": ["r1", "r2", "b1"]},
            "model": {"name": "net", "options": SMALL, "folds": 0},
            "compare": {"resamples": 50},
        }
    )
    found = compare(table(), config)
    frame = found.scores.frame()
    models = ["constant", "linear", "boosted", "independent", "joint", "average", "stacked"]
    assert list(dict.fromkeys(frame["model"])) == models
    assert set(frame["task"]) == {"r1", "r2", "b1"}
    assert found.facts["rows"]["train"] + found.facts["rows"]["valid"] + found.facts["rows"]["test"] == 240
    assert found.recommendation
    assert set(found.costs) == set(models)
    assert {s.title for s in found.sections} >= {"Learning curves", "Cost", "Calibration"}
    joint = frame[frame["model"] == "joint"]
    assert joint["verdict"].isin(["gains", "no evidence", "loses"]).all()


def test_compare_over_splits_has_the_corrected_interval() -> None:
    config = Config.read(
        {
            "problem": {"targets": "score", "by": "school"},
            "model": {"name": "mean_regularised", "folds": 0},
            "compare": {"resamples": 50, "splits": 3, "baselines": ["constant", "linear"], "ensembles": []},
        }
    )
    frame = compare(grouped(), config).scores.frame().set_index(["task", "model"])
    assert {"all", "s0", "s3"} <= set(frame.index.get_level_values("task"))
    row = frame.loc[("all", "joint")]
    assert row["gain_low"] < row["gain"] < row["gain_high"]


def test_auto_says_what_it_chose_and_at_what_cost(tmp_path: Path) -> None:
    frame = table()
    model = MultiTask(["r1", "r2", "b1"], options=SMALL, folds=0).fit(frame)
    assert set(model.notes_["choice"]) == {"r1", "r2", "b1"}
    assert model.notes_["cpu_seconds"]["net"] > 0
    assert model.notes_["left_out"]
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").predict(frame).equals(model.predict(frame))
    assert set(model.rules_) == {"r1", "r2", "b1"}
    assert 0 < model.rules_["b1"]["threshold"] < 1
    scores = model.evaluate(frame, resamples=50)
    assert {"auc", "r2"} <= set(scores["metric"])


def test_the_estimator_is_one_of_scikit_learns() -> None:
    from sklearn.base import clone
    from sklearn.model_selection import cross_val_score

    frame = table()
    model = MultiTask(model="linear", folds=0)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(seed=3).seed == 3
    scores = cross_val_score(model, frame[list("abcd")], frame["r1"], cv=3)
    assert scores.mean() > 0.6
    fitted = MultiTask(model="linear", folds=0).fit(frame[list("abcd")].to_numpy(), frame["b1"].to_numpy())
    assert set(fitted.predict(frame[list("abcd")].to_numpy())) == {"yes", "no"}


def test_wrong_use_is_told() -> None:
    frame = table()
    with pytest.raises(ConfigError, match="did you mean 'linear'"):
        MultiTask(["r1"], model="linaer").fit(frame)
    with pytest.raises(ConfigError, match="did you mean 'width'"):
        MultiTask(["r1"], model="net", options={"widht": 3}).fit(frame)
    with pytest.raises(UmbelError, match="call fit"):
        MultiTask(["r1"]).predict(frame)
    with pytest.raises(ConfigError, match="neither targets nor y"):
        MultiTask().fit(frame)
    alone = Config.read({"problem": {"targets": ["r1"]}, "model": {"name": "linear"}})
    with pytest.raises(ConfigError, match="shares between the tasks"):
        compare(frame, alone)


def test_a_saved_model_does_not_tell_where_it_was_made(tmp_path: Path) -> None:
    place = str(tmp_path / "checkpoint")
    model = MultiTask(["r1", "b1"], model="net", options={**SMALL, "checkpoint": place}, folds=3)
    frame = table(90)
    model.fit(frame).save(tmp_path / "model")
    assert str(tmp_path) not in (tmp_path / "model/model.json").read_text()
    assert load(tmp_path / "model").predict(frame).equals(model.predict(frame))


def test_decisions_follow_the_users_costs() -> None:
    frame = table(400)
    plain = MultiTask({"b1": "binary"}, model="linear", folds=0).fit(frame)
    costly = {"b1": {"kind": "binary", "costs": [[0, 1], [20, 0]]}}  # a missed yes costs twenty
    careful = MultiTask(costly, model="linear", folds=0).fit(frame)
    assert (careful.predict(frame)["b1"] == "yes").mean() > (plain.predict(frame)["b1"] == "yes").mean()
    exact = MultiTask({"b1": {"kind": "binary", "decide_by": "accuracy"}}, model="linear", folds=0)
    assert exact.fit(frame).rules_["b1"] != plain.rules_["b1"]
    with pytest.raises(ConfigError, match="accuracy"):
        MultiTask({"b1": {"kind": "binary", "decide_by": "acuracy"}}, model="linear").fit(frame)
