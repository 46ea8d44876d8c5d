"""The net: fits, predicts, saves; and as a linear model equals scikit-learn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from neural_tables import NUMBERS, dataset, frame
from umbel.data.dataset import Dataset
from umbel.errors import ConfigError, DataError
from umbel.tasks import Encoded
from umbel.training.learner import LEARNERS, Learner, Predictions
from umbel.training.learners.net import Net
from umbel.training.packing import pack, unpack

FRAME = frame(240, seed=1)
ALL = ("height", "weight", "sick", "grade", "tags", "visits", "sort")
SMALL = {"width": 8, "embedding": 4, "epochs": 3, "batch_size": 64, "lr": 1e-2}
LINEAR = {
    "depth": 0,
    "embedding": 0,
    "wide": "none",
    "optimizer": "lbfgs",
    "dtype": "float64",
    "epochs": 40,
    "stopping": "none",
    "task_weighting": "labels",
    "prior": "gaussian",
}


def halves(data: Dataset) -> tuple[Dataset, Dataset]:
    odd = np.arange(len(data)) % 4 == 0
    return data.take(~odd), data.take(odd)


def equal(one: Predictions, other: Predictions) -> None:
    for target, prediction in one.items():
        np.testing.assert_array_equal(prediction.value, other[target].value)
        if prediction.spread is not None:
            np.testing.assert_array_equal(prediction.spread, other[target].spread)


def numbers() -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """A table without missing cells, and its standardised inputs."""
    table = frame(150, seed=5, missing=0.0)
    table["a"] = table["a"].fillna(0.3)
    x = table[["a", "b"]].to_numpy()
    return table, (x - x.mean(axis=0)) / x.std(axis=0)


@pytest.mark.parametrize("by", [None, "school"])
@pytest.mark.parametrize("stopping", ["restore", "shared", "head", "none"])
def test_every_kind_is_learned_and_comes_back_from_its_state(by: str | None, stopping: str) -> None:
    train, valid = halves(dataset(FRAME, ALL, by=by))
    net = Net(**SMALL, stopping=stopping)
    assert isinstance(net, Learner)
    found = net.fit(train, valid).predict(valid)
    for target in train.tasks.targets:
        assert len(found[target.name]) == len(valid)
        assert np.isfinite(found[target.name].value).all()
    value, arrays = pack(net.state())
    again = LEARNERS.get("net")(**json.loads(json.dumps(net.options)))
    again.restore(unpack(json.loads(json.dumps(value)), arrays), train.tasks, train.schema)
    equal(found, again.predict(valid))
    assert again.parameters == net.parameters > 0
    json.dumps(dict(net.notes))
    assert set(net.notes["epochs"]) == set(ALL)


def test_it_learns() -> None:
    train, valid = halves(dataset(frame(600, seed=2, missing=0.1), ("height", "sick")))
    net = Net(width=16, embedding=4, epochs=12, batch_size=64, lr=1e-2, dropout=0.1).fit(train, valid)
    known = valid.known("height")
    truth = valid.values("height")[known]
    residual = truth - net.predict(valid)["height"].value[known]
    assert 1 - residual.var() / truth.var() > 0.7
    curve = net.notes["curves"]["height"]
    assert min(curve) < 0.8
    assert curve.index(min(curve)) + 1 == net.notes["epochs"]["height"][0]


def test_the_same_seed_gives_the_same_net_and_leaves_chance_alone() -> None:
    train, valid = halves(dataset(FRAME))
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = Net(**SMALL).fit(train, valid).predict(valid)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(4)
    equal(one, Net(**SMALL).fit(train, valid).predict(valid))
    other = Net(**SMALL, seed=1).fit(train, valid).predict(valid)
    assert not np.array_equal(one["height"].value, other["height"].value)


def test_members_are_averaged() -> None:
    train, valid = halves(dataset(FRAME, ("height",)))
    both = Net(**SMALL, members=2).fit(train, valid)
    first = Net(**SMALL).fit(train, valid)
    assert both.parameters == 2 * first.parameters
    mean = both.predict(valid)["height"].value
    second = 2 * mean - first.predict(valid)["height"].value
    assert not np.allclose(second, mean)
    assert len(both.notes["epochs"]["height"]) == 2


def test_rows_of_a_group_never_seen_get_an_answer() -> None:
    data = dataset(FRAME, ("height",), by="school")
    train, valid = halves(data)
    net = Net(**SMALL).fit(train, valid)
    unseen = Dataset(
        data.source, data.schema, data.tasks, data.rows, data.answers, data.entities,
        np.full(len(data), -1),
    )  # fmt: skip
    assert np.isfinite(net.predict(unseen)["height"].value).all()


def test_predict_reads_no_answer() -> None:
    train, valid = halves(dataset(FRAME))
    net = Net(**SMALL).fit(train, valid)
    hidden = FRAME.copy()
    hidden[["height", "weight"]] = np.nan
    none = {n: Encoded(np.zeros_like(e.values), np.zeros_like(e.weights)) for n, e in valid.answers.items()}
    blank = Dataset(hidden, valid.schema, valid.tasks, valid.rows, none, valid.entities)
    equal(net.predict(valid), net.predict(blank))


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_other_precisions(dtype: str) -> None:
    train, valid = halves(dataset(FRAME, ALL))
    exact = Net(**SMALL).fit(train, valid).predict(valid)
    found = Net(**SMALL, dtype=dtype).fit(train, valid).predict(valid)
    spread = exact["height"].value.std()
    assert np.abs(found["height"].value - exact["height"].value).mean() < 0.5 * spread


@pytest.mark.parametrize("scale", [0.3, 2.0])
def test_a_linear_map_net_is_ridge(scale: float) -> None:
    from sklearn.linear_model import Ridge

    table, x = numbers()
    train = dataset(table, ("height",), columns=NUMBERS)
    net = Net(**LINEAR, prior_scale=scale).fit(train, train)
    found = net.predict(train)["height"]
    y = train.values("height")
    spread = float(np.asarray(found.spread)[0])
    assert spread == pytest.approx(np.sqrt(((y - found.value) ** 2).mean()), rel=1e-4)
    # the prior is on weights of the standardised target, the noise is in its own units
    unit = train.tasks.targets[0].kind.fitted["scale"]
    ridge = Ridge(alpha=(spread / unit / scale) ** 2).fit(x, y)
    np.testing.assert_allclose(found.value, ridge.predict(x), atol=1e-4 * unit)


@pytest.mark.parametrize("scale", [0.3, 2.0])
def test_a_linear_map_net_is_logistic_regression(scale: float) -> None:
    from sklearn.linear_model import LogisticRegression

    table, x = numbers()
    train = dataset(table, ("sick",), columns=NUMBERS)
    net = Net(**LINEAR, prior_scale=scale).fit(train, train)
    oracle = LogisticRegression(C=scale**2, tol=1e-8, max_iter=1000).fit(x, train.values("sick"))
    np.testing.assert_allclose(net.predict(train)["sick"].value, oracle.predict_proba(x)[:, 1], atol=1e-5)
    state = next(iter(net.state()["members"][0]["states"].values()))
    weight = state["heads.of_sick.weight"]["__tensor__"]
    np.testing.assert_allclose(weight, oracle.coef_, atol=1e-4)


def test_two_linear_tasks_at_once_are_each_as_alone() -> None:
    table, _ = numbers()
    both = Net(**LINEAR).fit(*(dataset(table, ("height", "sick"), columns=NUMBERS),) * 2)
    rows = dataset(table, ("height", "sick"), columns=NUMBERS)
    for name in ("height", "sick"):
        alone = Net(**LINEAR).fit(rows.only(name), rows.only(name))
        mine, its = both.predict(rows)[name].value, alone.predict(rows)[name].value
        np.testing.assert_allclose(mine, its, atol=1e-4 * its.std())


def test_wide_parts_see_names_and_words() -> None:
    train, valid = halves(dataset(FRAME, ("sick",)))
    net = Net(**{**LINEAR, "wide": "all", "prior": None, "epochs": 5}).fit(train, valid)
    state = next(iter(net.state()["members"][0]["states"].values()))
    assert np.abs(state["wide.weights.names"]["__tensor__"]).max() > 0.05


def test_wrong_options_are_told() -> None:
    for options, told in (
        ({"stopping": "restor"}, "restore"),
        ({"dropout": 1.0}, "dropout"),
        ({"lr": 0.0}, "lr"),
        ({"epochs": 0}, "epochs"),
        ({"dtype": "float16"}, "bfloat16"),
    ):
        with pytest.raises(ConfigError, match=told):
            Net(**options)
    train, valid = halves(dataset(FRAME))
    for options, told in (
        ({"activation": "rely"}, "relu"),
        ({"balancing": "equall"}, "equal"),
        ({"sharing": "hart"}, "hard"),
        ({"schedule": "cosin"}, "cosine"),
        ({"encoders": {"names": {"widht": 3}}}, "widht"),
        ({"device": "cuda:77"}, "cuda:77"),
    ):
        with pytest.raises(ConfigError, match=told):
            Net(**{**SMALL, **options}).fit(train, valid)


def test_no_label_at_all_is_told() -> None:
    data = dataset(FRAME, ("height",))
    none = data.take(~data.known("height"))
    with pytest.raises(DataError, match="'height'"):
        Net(**SMALL).fit(none, none)


def test_without_validation_labels_the_last_epoch_counts() -> None:
    data = dataset(FRAME, ("height",))
    known = data.known("height")
    net = Net(**SMALL).fit(data.take(known), data.take(~known))
    assert net.notes["epochs"] == {"height": [3]}


@pytest.mark.parametrize("how", ["tempered", "uniform", "round_robin"])
@pytest.mark.parametrize("by", [None, "school"])
def test_tasks_with_few_labels_may_come_more_often(how: str, by: str | None, tmp_path: Path) -> None:
    table = frame(120, seed=6)
    table.loc[12:, "sick"] = np.nan
    data = dataset(table, ("height", "sick"), by=by)
    options = {"epochs": 3, "width": 6, "batch_size": 16, "sampling": how, "diagnose": False}
    valid = data.take(np.arange(30))
    one = Net(**options).fit(data, valid).predict(data)["sick"].value
    other = Net(**{**options, "sampling": "proportional"}).fit(data, valid).predict(data)["sick"].value
    assert np.isfinite(one).all()
    assert not np.array_equal(one, other)
    again = Net(**options, checkpoint=str(tmp_path), every=2).fit(data, valid)
    np.testing.assert_array_equal(again.predict(data)["sick"].value, one)
