"""Difficulty: the kinds' own likelihood as oracle, out of fold for certain, and hard where made hard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import rankdata, spearmanr

from classic_tables import CASES, hidden
from neural_tables import dataset, with_answers
from umbel.app.report.content import report_of
from umbel.app.report.page import render
from umbel.data.by_difficulty import split_by_difficulty
from umbel.data.dataset import Dataset
from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.data.schema import Column
from umbel.data.split import Split
from umbel.errors import ConfigError, DataError, KindError
from umbel.tasks import KINDS, Encoded, Prediction
from umbel.training.compare import compare
from umbel.training.config import Config
from umbel.training.difficulty import find_difficulty, make_ready, negative_log_likelihood, rank_mean
from umbel.training.estimator import MultiTask


@pytest.mark.parametrize(
    ("name", "more"),
    [(name, {}) for name in KINDS.names()] + [("count", {"distribution": "negative_binomial"})],
)
def test_the_likelihood_is_that_of_the_kind(name: str, more: dict) -> None:
    options, column = KINDS.get(name).example()
    kind = KINDS.get(name)(**options, **more)
    kind.fit(column)
    encoded = kind.encode(column)
    chance = torch.Generator().manual_seed(0)
    per_row = torch.randn(len(column), kind.width, generator=chance, dtype=torch.float64)
    per_task = torch.randn(1, kind.free, generator=chance, dtype=torch.float64).expand(len(column), -1)
    raw = torch.cat([per_row, per_task], dim=1)
    if kind.response == "sequence":  # raw are the log probabilities of the true tokens
        raw = -torch.rand(encoded.values.shape, generator=chance, dtype=torch.float64)
    mine = negative_log_likelihood(kind, kind.predict(raw), encoded.values)
    theirs = kind.nll(raw, torch.as_tensor(encoded.values)).numpy()
    known = encoded.weights != 0
    if kind.response == "gaussian":  # the kind's is in standard deviations
        theirs = theirs + np.log(kind.fitted["scale"])
    assert mine.shape == theirs.shape == encoded.weights.shape
    np.testing.assert_allclose(mine[known], theirs[known], rtol=1e-5, atol=1e-6)


def test_counts_without_spread_are_poisson() -> None:
    kind = KINDS.get("count")()
    counts = np.array([0.0, 2.0, 7.0])
    mean = np.array([0.5, 2.0, 3.0])
    plain = negative_log_likelihood(kind, Prediction(mean), counts)
    log_factorial = np.log([1.0, 2.0, 5040.0])
    np.testing.assert_allclose(plain, mean - counts * np.log(mean) + log_factorial)
    narrow = negative_log_likelihood(kind, Prediction(mean, np.sqrt(0.5 * mean)), counts)
    np.testing.assert_allclose(narrow, plain)


def test_rank_means_by_hand_and_by_scipy() -> None:
    nan = np.nan
    losses = {"a": np.array([1.0, 5.0, 5.0, nan, nan]), "b": np.array([nan, 0.1, 0.2, 0.3, nan])}
    a = (rankdata([1.0, 5.0, 5.0]) - 0.5) / 3
    b = (np.arange(1, 4) - 0.5) / 3
    want = [a[0], (a[1] + b[0]) / 2, (a[2] + b[1]) / 2, b[2], nan]
    np.testing.assert_allclose(rank_mean(losses), want)
    by_group = rank_mean({"a": np.array([9.0, 1.0, 2.0, 3.0])}, np.array([0, 1, 1, -1]))
    np.testing.assert_allclose(by_group, [0.5, 0.25, 0.75, 0.5])


@pytest.mark.parametrize("case", ["every kind, every input", "groups of numbers"])
def test_each_known_label_has_a_loss_and_each_row_a_rank(case: str) -> None:
    data = CASES[case].make()
    found = find_difficulty(data, folds=3)
    known_somewhere = np.zeros(len(data), dtype=bool)
    for target in data.tasks.targets:
        loss, known = found.losses[target.name], data.known(target.name)
        assert np.isfinite(loss[known]).all()
        assert np.isnan(loss[~known]).all()
        known_somewhere |= known
    np.testing.assert_array_equal(np.isnan(found.rows), ~known_somewhere)
    ranks = found.rows[known_somewhere]
    assert ranks.min() > 0
    assert ranks.max() < 1
    again = find_difficulty(data, folds=3)
    np.testing.assert_array_equal(again.rows, found.rows)
    np.testing.assert_allclose(rank_mean(found.losses, data.group), found.rows)


def _noisy(rows: int = 400) -> tuple[Dataset, np.ndarray]:
    """A line with little noise below 0 and much above; entities of two rows."""
    chance = np.random.default_rng(1)
    x = chance.normal(size=rows)
    spread = np.where(x > 0, 3.0, 0.3)
    source = pd.DataFrame(
        {"a": x, "height": 5 * x + spread * chance.normal(size=rows), "weight": x + chance.normal(size=rows)}
    )
    data = dataset(source, ["height", "weight"], columns=[Column("a", "number")])
    return replace(data, entities=np.arange(rows) // 2), spread


def test_noisy_rows_are_hard_and_a_split_by_it_holds() -> None:
    data, spread = _noisy()
    found = find_difficulty(data.only("height"))
    assert spearmanr(found.rows, spread).statistic > 0.5
    sides = split_by_difficulty(found.rows, data.entities, (0.6, 0.2, 0.2), test="hard")
    assert found.rows[sides == 2].mean() > found.rows[sides == 1].mean() > found.rows[sides == 0].mean()
    assert spread[sides == 2].mean() > 1.3 * spread[sides == 0].mean()
    even = split_by_difficulty(found.rows, data.entities, (0.6, 0.2, 0.2), test="stratified")
    assert abs(found.rows[even == 2].mean() - found.rows[even == 0].mean()) < 0.02


def test_folds_are_of_whole_entities() -> None:
    """An answer that is an entity's secret cannot be known out of fold; in folds of rows it could."""
    chance = np.random.default_rng(3)
    who = np.repeat(np.arange(40), 10)
    secret = chance.normal(size=40)[who]
    source = pd.DataFrame({"level": [f"p{i:02}" for i in who], "height": secret, "weight": secret})
    data = dataset(source, ["height"], columns=[Column("level", "category")])
    apart = find_difficulty(replace(data, entities=who, _cache={})).losses["height"]
    leaky = find_difficulty(replace(data, entities=np.arange(len(who)), _cache={})).losses["height"]
    assert np.median(leaky) < np.median(apart) - 1


def test_an_unknown_answer_does_not_matter() -> None:
    data = CASES["numbers"].make()
    rows = np.arange(0, 40)
    blind = hidden(data, rows)
    other = {n: Encoded(np.where(e.weights != 0, e.values, 1e6), e.weights) for n, e in blind.answers.items()}
    one, two = find_difficulty(blind, folds=3), find_difficulty(with_answers(blind, other), folds=3)
    np.testing.assert_allclose(one.rows, two.rows)
    assert np.isnan(one.rows[rows]).all()


def _schools(rows: int = 240) -> pd.DataFrame:
    """Answers of which those of large ``x`` are noise."""
    chance = np.random.default_rng(5)
    x = chance.normal(size=rows)
    noise = np.where(x > 0.5, 4.0, 0.2) * chance.normal(size=rows)
    return pd.DataFrame({"x": x, "up": x + noise, "down": noise - x, "hard": np.abs(noise)})


def test_a_split_by_a_models_loss_is_made_above_the_data() -> None:
    frame = _schools()
    problem = Problem.of(["up", "down"], inputs=["x"], split={"how": "difficulty", "folds": 3})
    data = make_ready(frame, problem)
    assert data.split.sizes == {"train": 168, "valid": 24, "test": 48}
    noise = frame["hard"].to_numpy()
    assert noise[data.split.test].mean() > 3 * noise[data.split.train].mean()
    assert any("the test rows are the hard ones" in note for note in data.notes)
    whole = prepare(frame, problem, split=Split.of(np.zeros(len(frame))))
    hard = find_difficulty(whole.train, folds=3).rows
    assert hard[data.split.test].min() >= hard[data.split.valid].max()
    again = make_ready(frame, problem)
    np.testing.assert_array_equal(again.split.test, data.split.test)
    with pytest.raises(ConfigError, match="difficulties that a model has measured"):
        prepare(frame, problem)


def test_the_column_of_difficulty_is_no_input_unless_it_is_listed() -> None:
    split = {"how": "difficulty", "difficulty": "hard"}
    data = make_ready(_schools(), Problem.of(["up", "down"], split=split))
    assert data.train.schema.names == ["x"]
    assert data.problem.ignore == ["hard"]
    again = Problem.read(data.problem.model_dump())
    assert again == data.problem
    listed = make_ready(_schools(), Problem.of(["up", "down"], inputs=["x", "hard"], split=split))
    assert listed.train.schema.names == ["x", "hard"]


def test_the_doors_split_by_difficulty_and_say_it() -> None:
    frame = _schools()
    split = {"how": "difficulty", "test_rows": "easy"}
    config = Config.read(
        {
            "problem": {"targets": ["up", "down"], "inputs": ["x"], "split": split},
            "model": {"name": "forest", "folds": 0},
            "compare": {"resamples": 50, "baselines": ["constant"], "ensembles": [], "audit": False},
        }
    )
    found = compare(frame, config)
    assert any("the test rows are the easy ones" in note for note in found.facts["notes"])
    page = render(report_of(found, title="pupils"))
    assert "the test rows are the easy ones" in page
    model = MultiTask(["up", "down"], problem={"split": split}, inputs=["x"], model="linear").fit(frame)
    assert len(model.predict(frame)) == len(frame)
    with pytest.raises(ConfigError, match="'linear'"):
        MultiTask("up", problem={"split": {"how": "difficulty", "learner": "liner"}}).fit(frame)


def test_bad_difficulty_is_told() -> None:
    data = CASES["numbers"].make()
    with pytest.raises(DataError, match="4 entities in 120 rows, 5 folds"):
        find_difficulty(replace(data, entities=np.arange(120) % 4))
    pair = np.flatnonzero(data.known("height"))[:2]
    entities = np.arange(120)
    entities[pair] = 0
    few = hidden(data, np.setdiff1d(np.arange(120), pair)).answers["height"]
    one_fold = replace(data, entities=entities, answers={**data.answers, "height": few}, _cache={})
    with pytest.raises(DataError, match=r"'height': its labels \(2\) are in one of 5 folds"):
        find_difficulty(one_fold)
    with pytest.raises(ConfigError, match="'linear'"):
        find_difficulty(data, learner="liner")
    with pytest.raises(KindError, match="needs a predicted spread"):
        negative_log_likelihood(KINDS.get("regression")(), Prediction(np.zeros(2)), np.zeros(2))
