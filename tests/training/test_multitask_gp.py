"""The multi-task Gaussian process against Kronecker algebra, scikit-learn and finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from umbel.data.prepare import Prepared, prepare
from umbel.data.problem import Problem
from umbel.errors import ConfigError, KindError
from umbel.training.learners import multitask_gp as module
from umbel.training.learners.gaussian_process import GaussianProcess
from umbel.training.learners.multitask_gp import MOST_LABELS, MultitaskGP
from umbel.training.learners.task_labels import some_labels
from umbel.training.solvers.multitask_gp import Coregional, evidence, fit_coregional, posterior


def _model(seed: int, tasks: int = 3, lengths: int = 2, slope: float = 0.0) -> Coregional:
    rng = np.random.default_rng(seed)
    positive = [np.exp(0.5 * rng.normal(size=n)) for n in (lengths, tasks, tasks)]
    return Coregional(positive[0], slope, rng.normal(size=(tasks, 2)), positive[1], 0.3 * positive[2])


def _labels(seed: int, tasks: int = 3, rows: int = 40) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    task = rng.integers(0, tasks, rows)
    return rng.normal(size=(rows, 2)), rng.normal(size=rows), task, rng.uniform(0.5, 2, rows)


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_with_all_labels_known_it_is_the_kronecker_product(slope: float) -> None:
    rng, model = np.random.default_rng(0), _model(0, slope=slope)
    X, new, Y = rng.normal(size=(12, 2)), rng.normal(size=(5, 2)), rng.normal(size=(3, 12))

    def kernel(A: np.ndarray, C: np.ndarray) -> np.ndarray:
        far = np.square((A[:, None] - C) / model.lengths).sum(axis=2)
        return np.exp(-far / 2) + slope * A @ C.T / 2

    B = model.loadings @ model.loadings.T + np.diag(model.own)
    K = np.kron(B, kernel(X, X)) + np.kron(np.diag(model.noise), np.eye(12))
    cross = np.kron(B, kernel(new, X))
    mean = cross @ np.linalg.solve(K, Y.ravel())
    full = np.kron(B, kernel(new, new)) - cross @ np.linalg.solve(K, cross.T)
    variance = np.diag(full) + np.repeat(model.noise, 5)

    order = rng.permutation(36)
    task, row = np.repeat(np.arange(3), 12)[order], np.tile(np.arange(12), 3)[order]
    known = posterior(model, X[row], Y.ravel()[order], task, np.ones(36))
    found = known.predict(np.tile(new, (3, 1)), np.repeat(np.arange(3), 5))
    np.testing.assert_allclose(found[0], mean, atol=1e-8)
    np.testing.assert_allclose(found[1], variance, atol=1e-8)


@pytest.mark.parametrize("slope", [0.0, 0.4])
@pytest.mark.parametrize("lengths", [1, 2])
def test_the_gradient_equals_finite_differences(slope: float, lengths: int) -> None:
    model, labels = _model(1, lengths=lengths, slope=slope), _labels(1)
    value, slopes = evidence(model, *labels)
    begin = model.packed()
    numeric = approx_fprime(begin, lambda v: evidence(model.unpacked(v), *labels)[0], 1e-6)
    np.testing.assert_allclose(slopes, numeric, rtol=1e-4, atol=1e-4)
    assert evidence(model.unpacked(begin), *labels)[0] == pytest.approx(value)


def test_evidence_is_the_log_density_of_the_answers() -> None:
    model = _model(2)
    X, y, task, w = _labels(2)
    K = np.array([[model.tasks[p, q] for q in task] for p in task]) * model.kernel(X, X)
    oracle = multivariate_normal(np.zeros(len(y)), K + np.diag(model.noise[task] / w)).logpdf(y)
    assert evidence(model, X, y, task, w)[0] == pytest.approx(oracle)


def test_tasks_that_share_nothing_are_scikit_learns_process_each() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    X, y, task, w = _labels(3)
    model = replace(_model(3), loadings=np.zeros((3, 1)))
    known, new = posterior(model, X, y, task, w), np.random.default_rng(3).normal(size=(6, 2))
    for p in range(3):
        mine = task == p
        kernel = ConstantKernel(model.own[p]) * RBF(model.lengths)
        oracle = GaussianProcessRegressor(kernel, alpha=model.noise[p] / w[mine], optimizer=None)
        mean, spread = oracle.fit(X[mine], y[mine]).predict(new, return_std=True)
        found = known.predict(new, np.full(6, p))
        np.testing.assert_allclose(found[0], mean, atol=1e-8)
        np.testing.assert_allclose(found[1], spread**2 + model.noise[p], atol=1e-8)


def test_the_search_ends_where_the_gradient_does() -> None:
    X, _, task, w = _labels(4, tasks=2, rows=120)
    common = np.sin(2 * X[:, 0]) * np.array([1.0, -1.0])[task]
    y = common + 0.2 * np.random.default_rng(4).normal(size=120) / np.sqrt(w)
    start = Coregional(np.ones(1), 0.0, np.array([[0.7], [0.6]]), np.full(2, 0.3), np.full(2, 0.1))
    found, value = fit_coregional(X, y, task, w, start=start, noise_spread=np.inf)
    assert value > evidence(start, X, y, task, w)[0] + 20
    assert np.abs(evidence(found, X, y, task, w)[1]).max() < 0.05
    assert found.tasks[0, 1] < -0.9 * np.sqrt(found.tasks[0, 0] * found.tasks[1, 1])
    np.testing.assert_allclose(found.noise, 0.04, rtol=0.5)


def test_a_noise_is_not_lost_on_a_task_of_few_labels() -> None:
    rng = np.random.default_rng(11)
    task = np.array([0] * 60 + [1] * 4)
    X = rng.normal(size=(64, 1))
    y = np.sin(X[:, 0]) + 0.4 * rng.normal(size=64)
    start = Coregional(np.ones(1), 0.0, np.array([[0.7], [0.6]]), np.full(2, 0.3), np.full(2, 0.1))
    free, held = (
        fit_coregional(X, y, task, np.ones(64), start=start, noise_spread=s)[0].noise for s in (np.inf, 0.5)
    )
    assert free[1] < 0.01
    np.testing.assert_allclose(held, 0.16, rtol=0.7)
    close, _ = fit_coregional(X, y, task, np.ones(64), start=start, noise_spread=1e-3)
    assert close.noise[0] == pytest.approx(close.noise[1], rel=0.01)


def test_a_task_without_labels_is_a_draw_from_the_others_loadings() -> None:
    model = _model(5)
    full = model.completed(np.array([True, False, True]))
    mean = model.loadings[[0, 2]].mean(axis=0)
    np.testing.assert_allclose(full.tasks[0, 2], model.tasks[0, 2])
    for p in (1, 3):
        np.testing.assert_allclose(full.tasks[p, [0, 2]], model.loadings[[0, 2]] @ mean)
        squares = np.square(model.loadings[[0, 2]]).sum(axis=1).mean()
        np.testing.assert_allclose(full.tasks[p, p], squares + model.own[[0, 2]].mean())
        assert full.noise[p] == pytest.approx(model.noise[[0, 2]].mean())


def _curves(rows: int = 150, few: int = 12) -> Prepared:
    """A well known curve, its mirror image with few labels, and a curve of its own."""
    rng = np.random.default_rng(6)
    x = rng.uniform(-3, 3, size=rows)
    Y = np.column_stack([np.sin(2 * x), 5 - 2 * np.sin(2 * x), np.cos(x)])
    Y = Y + 0.1 * rng.normal(size=Y.shape)
    Y[few * 3 : rows - 50, 1] = np.nan
    Y[: few * 2, 1] = np.nan
    frame = pd.DataFrame(np.column_stack([x, Y]), columns=["x", "one", "mirror", "other"])
    targets = dict.fromkeys(["one", "mirror", "other"], "regression")
    return prepare(frame, Problem.of(targets, types={"x": "number"}), seed=0)


def test_a_task_with_few_labels_gains_over_its_own_process() -> None:
    data = _curves()
    train, test = data.dataset.take(np.arange(100)), data.dataset.take(np.arange(100, 150))
    assert train.known("mirror").sum() == 12
    joint = MultitaskGP().fit(train, data.valid)
    found = joint.predict(test)["mirror"]
    alone = GaussianProcess().fit(train, data.valid).predict(test)["mirror"]
    y = test.values("mirror")
    assert np.square(y - found.value).mean() < 0.2 * np.square(y - alone.value).mean()
    assert 0.7 < (np.abs(y - found.value) < 1.96 * found.spread).mean() <= 1
    note = joint.notes["all"]
    assert note["tasks"] == ["mirror", "one", "other"]
    assert note["correlations"][0][1] < -0.9
    assert note["labels"] == note["parameters_from_labels"] == 212


def _schools(groups: int = 8) -> Prepared:
    rng = np.random.default_rng(7)
    school = rng.integers(0, groups, 160)
    X = rng.normal(size=(160, 2))
    size = 1 + 0.5 * rng.normal(size=groups)
    y = 20 + 4 * size[school] * np.sin(X[:, 0]) + 0.5 * rng.normal(size=160)
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(school=[f"s{s}" for s in school], score=y)
    return prepare(frame, Problem.of({"score": "regression"}, by="school"), seed=0)


def test_the_rank_is_no_higher_than_the_labels_ask_for() -> None:
    data = _schools(groups=30)  # about four labels in each
    learner = MultitaskGP(rank=3).fit(data.train, data.valid)
    found, y = learner.predict(data.test)["score"], data.test.values("score")
    note = learner.notes["score"]
    assert note["rank"] == 1
    assert note["bic"]["1"] < note["bic"]["2"]
    assert "3" not in note["bic"]
    assert np.square(y - found.value).mean() < 1.0
    rng = np.random.default_rng(10)
    X = rng.normal(size=(120, 1))
    waves = np.column_stack([np.sin(3 * X[:, 0]), np.cos(3 * X[:, 0])])
    Y = waves @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(120, 5))  # five tasks of two waves
    frame = pd.DataFrame(np.column_stack([X, Y]), columns=list("xabcde"))
    targets = dict.fromkeys("abcde", "regression")
    plane = prepare(frame, Problem.of(targets, types={"x": "number"}), seed=0)
    two = MultitaskGP(rank=2, restarts=0).fit(plane.dataset.take(np.arange(40)), plane.valid)
    assert two.notes["all"]["rank"] == 2


def test_an_unseen_group_is_answered_and_less_sure() -> None:
    data = _schools()
    learner = MultitaskGP(lengths="each", linear=True, restarts=0).fit(data.train, data.valid)
    seen, y = learner.predict(data.test)["score"], data.test.values("score")
    unseen = learner.predict(replace(data.test, groups=np.full_like(data.test.groups, -1), _cache={}))[
        "score"
    ]
    assert unseen.spread.mean() > seen.spread.mean()
    constant = np.square(y - data.train.values("score").mean()).mean()
    assert np.square(y - seen.value).mean() < np.square(y - unseen.value).mean() < constant
    note = learner.notes["score"]
    assert note["lengths"][1] > 2 * note["lengths"][0]  # only the first input tells anything
    assert set(note["noise"]) == {f"s{s}" for s in range(8)}


def test_parameters_of_some_labels_answer_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _schools(groups=30)
    monkeypatch.setattr(module, "KERNEL_LABELS", 80)
    learner = MultitaskGP(restarts=0).fit(data.train, data.valid)
    found, y = learner.predict(data.test)["score"], data.test.values("score")
    assert learner.notes["score"]["parameters_from_labels"] == 80
    assert learner.notes["score"]["labels"] == len(data.train)
    constant = np.square(y - data.train.values("score").mean()).mean()
    assert np.square(y - found.value).mean() < 0.2 * constant
    mine = data.train.group[some_labels(np.arange(len(data.train)), 80, "score")]
    left = ~np.isin(data.test.group, mine)  # groups whose labels chose no parameter, but answer
    assert left.any()
    assert np.square(y - found.value)[left].mean() < 0.5 * constant


def test_a_heavier_answer_has_less_noise() -> None:
    model, (X, y, task, w) = _model(8), _labels(8)
    light, heavy = (posterior(model, X, y, task, w * a).predict(X[:1], task[:1]) for a in (1, 100))
    assert heavy[1] < light[1]
    assert abs(heavy[0] - y[0]) < abs(light[0] - y[0])


def test_more_labels_than_an_exact_process_can_take_are_refused_with_their_number() -> None:
    rng = np.random.default_rng(9)
    frame = pd.DataFrame(rng.normal(size=(1200, 4)), columns=["x", "one", "two", "three"])
    data = prepare(frame, Problem.of(dict.fromkeys(["one", "two", "three"], "regression")), seed=0)
    wide = data.dataset.take(np.arange(MOST_LABELS // 3 + 1))
    with pytest.raises(KindError, match=f"{MOST_LABELS + 3} known labels"):
        MultitaskGP().fit(wide, data.valid)
    assert MultitaskGP.serves(data.dataset.take(np.arange(MOST_LABELS // 3))) == ""


def test_what_it_does_not_serve_it_says() -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40) % 7 / 7, "z": [0, 1] * 20})
    one = prepare(frame[["x", "y"]], Problem.of("y", types={"x": "number"}))
    assert MultitaskGP.serves(one.train) == "there is only one task"
    two = prepare(frame, Problem.of({"y": "regression", "z": "binary"}, types={"x": "number"}))
    assert "only gaussian" in MultitaskGP.serves(two.train)


def test_labels_of_a_row_are_drawn_together() -> None:
    rows = np.tile(np.arange(50), 3)
    some = some_labels(rows, 60, "example")
    assert len(some) == 60
    assert (np.bincount(rows[some], minlength=50) % 3 == 0).all()
    assert some_labels(rows, 150, "example").tolist() == list(range(150))
    assert len(some_labels(np.zeros(9, dtype=int), 2, "example")) == 9


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="'each'"):
        MultitaskGP(lengths="every")
    with pytest.raises(ConfigError, match="rank"):
        MultitaskGP(rank=0)
    with pytest.raises(ConfigError, match="restarts"):
        MultitaskGP(restarts=-1)
    with pytest.raises(ConfigError, match="linear"):
        MultitaskGP(linear="yes")
