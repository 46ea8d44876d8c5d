"""Late fusion: pools by hand, rows that lack modalities, and what is saved."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from umbel.data.prepare import attach, prepare
from umbel.data.problem import Problem
from umbel.errors import ConfigError
from umbel.tasks import KINDS, Prediction
from umbel.training.learners.late_fusion import LateFusion, pooled
from umbel.training.making import freeze, thaw


def two_views(rows: int = 400) -> pd.DataFrame:
    """A class of two that a number and a text each tell of with errors, independent given it."""
    chance = np.random.default_rng(0)
    truth = chance.integers(0, 2, rows)
    said = np.where(chance.random(rows) < 0.75, truth, 1 - truth)
    return pd.DataFrame(
        {
            "x": truth + chance.normal(size=rows),
            "word": [("yes indeed" if s else "no never") for s in said],
            "y": np.where(truth == 1, "b", "a"),
            "z": truth * 2.0 + chance.normal(size=rows),
        }
    )


def fitted(**options: object) -> tuple[LateFusion, object]:
    problem = Problem.of(["y", "z"], types={"x": "number", "word": "text"})
    data = prepare(two_views(), problem, seed=0)
    linear = {"learner": "linear", **options}
    return LateFusion(**linear).fit(data.train, data.valid), data


class TestPools:
    def test_the_product_is_bayes_for_independent_views(self) -> None:
        kind = KINDS.get("binary")()
        kind.fit(pd.Series([0, 1, 1, 1]))
        prior = Prediction(np.array([0.75]))
        views = [Prediction(np.array([0.6, 0.9])), Prediction(np.array([0.3, 0.8]))]
        odds = 3.0 * np.prod([v.value / (1 - v.value) / 3.0 for v in views], axis=0)
        np.testing.assert_allclose(pooled(kind, views, prior, "product").value, odds / (1 + odds))
        np.testing.assert_allclose(pooled(kind, views, prior, "average").value, [0.45, 0.85])

    def test_the_product_of_gaussians_weighs_by_precision(self) -> None:
        kind = KINDS.get("regression")()
        kind.fit(pd.Series([0.0, 1.0]))
        views = [
            Prediction(np.array([1.0]), np.array([1.0])),
            Prediction(np.array([4.0]), np.array([0.5])),
        ]
        found = pooled(kind, views, Prediction(np.array([0.0])), "product")
        np.testing.assert_allclose(found.value, [(1 + 4 * 4) / 5])
        np.testing.assert_allclose(found.spread, [5**-0.5])

    def test_a_lone_expert_is_itself(self) -> None:
        kind = KINDS.get("binary")()
        one = Prediction(np.array([0.2]))
        assert pooled(kind, [one], one, "average") is one


class TestLateFusion:
    def test_it_beats_each_of_its_experts(self) -> None:
        fusion, data = fitted()
        test = data.test
        truth = test.values("y")
        whole = fusion.predict(test)["y"].value
        right = ((whole if whole.ndim == 1 else whole[:, 1]) > 0.5) == truth
        for name, expert in fusion.experts.items():
            alone = expert.predict(test.seeing(fusion.schemas[name]))["y"].value
            alone = alone if alone.ndim == 1 else alone[:, 1]
            assert right.mean() > ((alone > 0.5) == truth).mean()

    def test_a_row_without_a_modality_is_answered_by_the_others(self) -> None:
        fusion, data = fitted()
        table = two_views().assign(word=None)
        bare = attach(table, data.dataset.schema, data.dataset.tasks)
        numbers = fusion.experts["numbers"].predict(bare.seeing(fusion.schemas["numbers"]))
        np.testing.assert_array_equal(fusion.predict(bare)["z"].value, numbers["z"].value)

    def test_what_is_saved_answers_alike(self) -> None:
        fusion, data = fitted(how="average")
        again = thaw(freeze(fusion), data.dataset.tasks, data.dataset.schema)
        np.testing.assert_array_equal(
            again.predict(data.test)["z"].value, fusion.predict(data.test)["z"].value
        )

    def test_how_is_one_of_two(self) -> None:
        with pytest.raises(ConfigError, match="average"):
            LateFusion(how="avrage")
