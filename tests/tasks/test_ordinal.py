from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import cohen_kappa_score

from umbel.errors import ConfigError, KindError
from umbel.tasks.ordinal import Ordinal
from umbel.tasks.prediction import Prediction

GRADES = ["G", "PG", "R"]


def fitted(cells: list[object], **options: object) -> Ordinal:
    kind = Ordinal(**options)
    kind.fit(pd.Series(cells, name="certificate"))
    return kind


def test_numbers_have_an_order_of_their_own_and_text_must_be_told() -> None:
    assert fitted([3, 1, 10, None]).grades == [1, 3, 10]
    with pytest.raises(KindError, match=r"'R', 'G'(.|\n)*order: "):
        fitted(["R", "G"])
    kind = fitted(["G", "R", "PG"], order=GRADES)
    np.testing.assert_array_equal(kind.encode(pd.Series(["R", "G", None, "PG"])).values, [2, 0, 0, 1])
    assert (kind.width, kind.free) == (1, 2)


def test_aliases_and_others() -> None:
    options = {"order": GRADES, "merge": {"GP": "PG", "X": "R"}}
    kind = fitted(["G", "GP", "X"], **options)
    np.testing.assert_array_equal(kind.encode(pd.Series(["GP", "PG", "X"])).values, [1, 1, 2])
    with pytest.raises(KindError, match="row 1 is 'Passed'"):
        fitted(["G", "Passed"], **options)
    assert fitted(["G", "Passed", "R"], **options, others="missing").encode(
        pd.Series(["Passed", "R"])
    ).weights.tolist() == [0, 1]
    with pytest.raises(ConfigError, match=r"GP: PJ(.|\n)*'PG'"):
        fitted(["G", "R"], order=GRADES, merge={"GP": "PJ"})
    with pytest.raises(ConfigError, match="different grades"):
        Ordinal(order=["G", "G"])


def test_raw_zero_is_the_training_rows() -> None:
    kind = fitted(["G"] * 5 + ["PG"] * 3 + ["R"] * 2, order=GRADES)
    np.testing.assert_allclose(kind.predict(torch.zeros(1, 3)).value, [[0.5, 0.3, 0.2]], atol=1e-6)
    # a grade that training never saw keeps a little probability
    unseen = fitted(["G", "R"], order=GRADES).predict(torch.zeros(1, 3)).value
    assert 0 < unseen[0, 1] < 0.01


def test_a_higher_score_means_higher_grades() -> None:
    kind = fitted([1, 2, 3, 4])
    raw = torch.zeros(5, 4)
    raw[:, 0] = torch.linspace(-3, 3, 5)
    expected = kind.predict(raw).value @ np.arange(4)
    assert (np.diff(expected) > 0).all()


def test_class_weights() -> None:
    raw, y = torch.randn(3, 3, dtype=torch.float64), torch.tensor([0, 1, 2])
    cells: list[object] = ["G", "PG", "R"]
    plain = fitted(cells, order=GRADES).nll(raw, y)
    weighted = fitted(cells, order=GRADES, class_weights={"R": 2}).nll(raw, y)
    torch.testing.assert_close(weighted, plain * torch.tensor([1, 1, 2]))


def test_the_cut_points_recover_those_that_made_the_data() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=4000)
    truth = np.searchsorted([-1.0, 0.5, 2.0], 1.5 * x + generator.logistic(size=4000))
    kind = fitted(truth.tolist())
    target, inputs = torch.as_tensor(truth), torch.as_tensor(x)
    slope = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    free = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([slope, free], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        raw = torch.cat([(slope * inputs)[:, None], free.expand(len(inputs), 3)], dim=1)
        loss = kind.nll(raw, target).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert slope.item() == pytest.approx(1.5, abs=0.12)
    below = np.cumsum(kind.predict(torch.cat([torch.zeros(1, 1), free.detach()[None].float()], 1)).value[0])
    np.testing.assert_allclose(np.log(below[:3] / (1 - below[:3])), [-1.0, 0.5, 2.0], atol=0.15)


def test_rules_decide_better_than_rounding() -> None:
    generator = np.random.default_rng(1)
    truth = generator.choice(4, 300, p=[0.1, 0.4, 0.4, 0.1])
    kind = fitted(truth.tolist())
    raw = torch.zeros(300, 4)
    raw[:, 0] = torch.as_tensor(0.9 * (truth - 1.5) + generator.normal(size=300))
    found = kind.predict(raw)
    rule = kind.fit_rule(found, truth, np.ones(300))
    assert rule["way"] in ("matched", "tuned")
    tuned = cohen_kappa_score(truth, kind.decide(found, rule), weights="quadratic")
    plain = cohen_kappa_score(truth, kind.decide(found), weights="quadratic")
    assert tuned > plain + 0.05
    columns = kind.to_columns("stars", found, rule)
    np.testing.assert_array_equal(columns["stars"], kind.decide(found, rule))
    np.testing.assert_allclose(columns["stars_mean"], found.value @ np.arange(4))
    costs = np.abs(np.subtract.outer(np.arange(4), np.arange(4))).tolist()
    decision = kind.decide(found, kind.fit_rule(found, truth, np.ones(300), costs=costs))
    np.testing.assert_array_equal(decision, (found.value @ np.array(costs)).argmin(axis=1))
    with pytest.raises(ConfigError, match="chosen for"):
        kind.fit_rule(found, truth, np.ones(300), metric="f1")


def test_without_a_rule_the_expected_grade_is_rounded() -> None:
    found = Prediction(np.array([[0.6, 0.0, 0.4], [0.2, 0.2, 0.6]]))
    np.testing.assert_array_equal(fitted([1, 2, 3]).decide(found), [1, 1])
