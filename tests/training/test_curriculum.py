"""A net's curriculum: easy rows first, the same after a stop, refused where it means nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from neural_tables import dataset
from umbel.app.config import read_config
from umbel.data.dataset import Dataset
from umbel.data.schema import Column
from umbel.errors import ConfigError, DataError, KindError
from umbel.training import curriculum as module
from umbel.training import loop
from umbel.training.checkpoint import Store
from umbel.training.curriculum import PART, Pacing, hardness
from umbel.training.difficulty import find_difficulty
from umbel.training.distributed import Processes
from umbel.training.estimator import MultiTask
from umbel.training.learners.net import Net

ALONE = Processes()
SMALL: dict[str, Any] = {
    "width": 6, "embedding": 0, "epochs": 4, "batch_size": 16, "lr": 1e-2, "diagnose": False,
    "stopping": "none",
}  # fmt: skip


def noisy(rows: int = 200) -> Dataset:
    """Two tasks that are hard where ``a`` is above 0; some answers are missing."""
    chance = np.random.default_rng(1)
    a = chance.normal(size=rows)
    spread = np.where(a > 0, 3.0, 0.2)
    source = pd.DataFrame({"a": a, "height": 5 * a + spread * chance.normal(size=rows)})
    source["weight"] = a + spread * chance.normal(size=rows)
    source.loc[chance.random(rows) < 0.5, "weight"] = np.nan
    return dataset(source, ["height", "weight"], columns=[Column("a", "number")])


def seen(net: Net, data: Dataset, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The rows of each step of a fit."""
    rows, own = [], loop.step

    def watched(model: Any, batch: Any, *rest: Any, **options: Any) -> Any:
        rows.append(batch.rows.numpy())
        return own(model, batch, *rest, **options)

    monkeypatch.setattr(loop, "step", watched)
    net.fit(data, data.take(np.arange(20)))
    monkeypatch.undo()
    return rows


def test_easy_rows_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    data = noisy()
    pacing = {"start": 0.25, "epochs": 3}
    net = Net(**SMALL, curriculum="quantile", curriculum_options=pacing)
    steps = seen(net, data, monkeypatch)
    each = len(steps) // 4
    assert each == 13
    hard = find_difficulty(data).rows
    ranked = np.argsort(np.argsort(hard))
    for epoch, share in enumerate((0.25, 0.5, 0.75, 1.0)):
        came = np.concatenate(steps[each * epoch : each * (epoch + 1)])
        assert len(came) == 200, "epochs keep their number of rows"
        assert ranked[came].max() == 200 * share - 1, "no harder row, and the hardest of them"
        assert len(np.unique(came)) >= min(200 * share, 150)
    calm = data.source["a"].to_numpy()[np.concatenate(steps[:each])] < 0
    assert calm.mean() > 0.7  # half of all rows are


def test_competence_lets_more_in_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    pacing = {"start": 0.2, "steps": 40}
    steps = seen(Net(**SMALL, curriculum="competence", curriculum_options=pacing), noisy(), monkeypatch)
    ranked = np.argsort(np.argsort(find_difficulty(noisy()).rows))
    most = [ranked[came].max() for came in steps]
    allowed = [np.ceil(200 * min(1.0, np.sqrt(t / 40 * 0.96 + 0.04))) for t in range(len(steps))]
    assert all(one < other for one, other in zip(most, allowed, strict=True))
    assert max(most[:5]) < 90 < 190 < max(most[40:])


def test_with_turns_of_tasks_each_has_its_easiest(monkeypatch: pytest.MonkeyPatch) -> None:
    data, pacing = noisy(), {"start": 0.3, "epochs": 4}
    net = Net(**SMALL, sampling="uniform", curriculum="quantile", curriculum_options=pacing)
    steps = seen(net, data, monkeypatch)
    hard, known = find_difficulty(data).rows, data.known("weight")
    first = np.unique(np.concatenate(steps[: len(steps) // 4]))
    easiest = np.argsort(hard)[:60]  # of 200 rows of height
    of_weight = np.flatnonzero(known)[np.argsort(hard[known])][: int(np.ceil(0.3 * known.sum()))]
    assert set(first) <= {*easiest.tolist(), *of_weight.tolist()}
    assert set(of_weight.tolist()) <= set(first), "half of the slots are for a third of the rows"


def test_none_is_as_ever() -> None:
    data = noisy(80)
    plain = Net(**SMALL).fit(data, data).predict(data)["height"].value
    none = Net(**SMALL, curriculum="none").fit(data, data).predict(data)["height"].value
    other = Net(**SMALL, curriculum="quantile").fit(data, data).predict(data)["height"].value
    np.testing.assert_array_equal(plain, none)
    assert not np.array_equal(plain, other)


def test_difficulty_is_measured_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, calls = noisy(60), []
    own = module.find_difficulty

    def counted(*rest: Any, **options: Any) -> Any:
        calls.append(options)
        return own(*rest, **options)

    monkeypatch.setattr(module, "find_difficulty", counted)
    store = Store(tmp_path)
    first = hardness(data, Pacing(), seed=3, among=ALONE)
    assert len(calls) == 1
    assert torch.equal(hardness(data, Pacing(), seed=3, among=ALONE, store=store), first)
    assert len(calls) == 1
    hardness(data.only("weight"), Pacing(), seed=3, among=ALONE)
    hardness(data, Pacing(folds=3), seed=3, among=ALONE)
    assert len(calls) == 3
    store.put("another", {"n": 1})
    (tmp_path / PART).rename(tmp_path / "moved")
    store.put(PART, {"rows": first + 1})
    elsewhere = hardness(noisy(60), Pacing(), seed=3, among=ALONE, store=store)
    assert torch.equal(elsewhere, first + 1), "a fit that goes on has the numbers it began with"
    assert len(calls) == 3


def test_other_processes_take_the_numbers_of_the_first() -> None:
    data = noisy(60)
    first = hardness(data, Pacing(), seed=0, among=ALONE) + 1e-9

    class Second(Processes):
        """One of two; the other has measured a little otherwise."""

        def total(self, values: torch.Tensor) -> torch.Tensor:
            assert not values.any()
            return values + first

        def wait(self) -> None:
            pass

    assert torch.equal(hardness(data, Pacing(), seed=0, among=Second(1, 2)), first)


def test_groups_have_their_easiest_each(monkeypatch: pytest.MonkeyPatch) -> None:
    source = noisy(200).source.assign(school=np.where(np.arange(200) % 4 == 0, "small", "large"))
    source["height"] += 100.0 * (np.arange(200) % 8 == 0) * source["a"]  # the small one is hard throughout
    data = dataset(source, ["height"], columns=[Column("a", "number")], by="school")
    options = {"curriculum": "quantile", "curriculum_options": {"start": 0.2}, "sampling": "round_robin"}
    steps = seen(Net(**SMALL, **options), data, monkeypatch)
    first, hard = np.unique(np.concatenate(steps[: len(steps) // 4])), find_difficulty(data).rows
    for group, count in enumerate(np.bincount(data.group)):
        mine = np.flatnonzero(data.group == group)
        easiest = mine[np.argsort(hard[mine], kind="stable")][: int(np.ceil(0.2 * count))]
        assert set(first[np.isin(first, mine)]) == set(easiest)


def test_a_fit_that_goes_on_ends_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = noisy(80)
    options = {**SMALL, "members": 2, "curriculum": "competence", "curriculum_options": {"steps": 12}}
    whole = Net(**options).fit(data, data).predict(data)
    own, left = loop.step, [13]

    def dying(*rest: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return own(*rest, **more)

    monkeypatch.setattr(loop, "step", dying)
    for _ in range(3):  # in the first member, at its end, in the second
        with pytest.raises(KeyboardInterrupt):
            Net(**options, checkpoint=str(tmp_path), every=2).fit(noisy(80), data)
        left[0] = 11
    monkeypatch.undo()
    assert any((folder / PART).is_dir() for folder in tmp_path.iterdir())
    monkeypatch.setattr(module, "find_difficulty", None)  # it is not measured again
    found = Net(**options, checkpoint=str(tmp_path), every=2).fit(noisy(80), data).predict(data)
    for target, prediction in whole.items():
        np.testing.assert_array_equal(found[target].value, prediction.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"curriculum": "competense"}, "did you mean 'competence'"),
        ({"curriculum": "quantile", "curriculum_options": {"strat": 0.1}}, "did you mean 'start'"),
        ({"curriculum": "quantile", "curriculum_options": {"start": 0}}, "curriculum_options.start"),
        ({"curriculum": "quantile", "curriculum_options": {"folds": 1}}, "curriculum_options.folds"),
        ({"curriculum": "quantile", "curriculum_options": {"epochs": 2, "steps": 9}}, "not by both"),
        ({"curriculum": "quantile", "curriculum_options": {"learner": "liner"}}, "did you mean 'linear'"),
        ({"curriculum": "quantile", "curriculum_options": [1]}, "options of the curriculum"),
        ({"curriculum_options": {"start": 0.2}}, "options of a curriculum need one"),
        ({"curriculum": "quantile", "optimizer": "lbfgs"}, "sees all rows at each step"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Net(**options)


def test_what_cannot_be_measured_is_told() -> None:
    few = noisy(30)
    with pytest.raises(DataError, match="31 folds"):
        Net(**SMALL, curriculum="quantile", curriculum_options={"folds": 31}).fit(few, few)
    with pytest.raises(KindError, match="'weight' has missing ones"):
        Net(**SMALL, curriculum="quantile", curriculum_options={"learner": "kernel_ridge"}).fit(few, few)


def test_every_door_leads_to_it(tmp_path: Path) -> None:
    table = noisy(60).source
    options = {**SMALL, "curriculum_options": {"folds": 2}}
    asked: dict[str, Any] = {"model": "net", "folds": 0, "inputs": ["a"]}
    by_name = MultiTask(["height", "weight"], curriculum="quantile", options=options, **asked).fit(table)
    by_option = MultiTask(["height", "weight"], options={**options, "curriculum": "quantile"}, **asked).fit(
        table
    )
    pd.testing.assert_frame_equal(by_name.predict(table), by_option.predict(table))
    assert by_name.learner_.options["curriculum"] == "quantile"
    file = tmp_path / "config.yaml"
    file.write_text(
        "problem: {targets: [height], inputs: [a]}\n"
        "model: {name: net, curriculum: quantile, options: {curriculum_options: {start: 0.5}}}\n"
    )
    config = read_config(file, {})
    assert config.model.sets == [{"curriculum_options": {"start": 0.5}, "curriculum": "quantile"}]
    assert MultiTask.of(config).curriculum == "quantile"
    file.write_text("problem: {targets: [height]}\nmodel: {curriculum: quantil}\n")
    with pytest.raises(ConfigError, match="did you mean 'quantile'"):
        read_config(file, {})
    with pytest.raises(ConfigError, match="linear"):
        MultiTask("height", model="linear", curriculum="quantile", inputs=["a"]).fit(table)
