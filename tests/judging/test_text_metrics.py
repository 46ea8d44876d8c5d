"""Metrics of texts by hand, on resamples, and what judging leaves out for them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from umbel.data.balance_codes import strata_of
from umbel.judging.calibration import calibration_section
from umbel.judging.confusion import confusion_section
from umbel.judging.metrics import METRICS, Answers, measure
from umbel.judging.residuals import residual_section
from umbel.judging.scorecard import Candidate, judge
from umbel.judging.truth import Truth
from umbel.tasks import Prediction, Target, TaskSet
from umbel.tasks.tokens import Tokens

TEXTS = pd.Series(["a b", "b", None, "a a b", "b a"], name="reply")


def kind() -> Tokens:
    made = Tokens(least=1)
    made.fit(TEXTS)
    return made


def test_perplexity_is_e_to_the_mean_surprise_of_known_tokens() -> None:
    values = np.array([[2, 3, 0], [3, 0, 0]])
    weights = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    chances = np.array([[0.5, 0.25, 1.0], [0.125, 0.5, 1e-9]])
    answers = Answers(values, Prediction(chances), values, weights)
    counts = np.array([[1.0, 0.0, 2.0], [1.0, 3.0, 1.0]])
    lost = np.array([3, 4]) * np.log(2)
    mean = lost @ counts / (np.array([3, 2]) @ counts)
    np.testing.assert_allclose(METRICS.get("token_log_loss").on(answers)(counts), mean)
    np.testing.assert_allclose(METRICS.get("perplexity").on(answers)(counts), np.exp(mean))
    assert METRICS.get("perplexity").sign == METRICS.get("token_log_loss").sign == -1


def test_a_uniform_model_has_the_perplexity_of_its_vocabulary() -> None:
    made = kind()
    encoded = made.encode(TEXTS)
    said = Prediction(np.full(encoded.values.shape, 1 / made.width))
    found = measure("perplexity", made, encoded.values, encoded.weights, said)
    np.testing.assert_allclose(found, made.width)


def test_other_answers_have_none() -> None:
    answers = Answers(np.zeros(3), Prediction(np.full(3, 0.5)), np.zeros(3), np.ones(3))
    assert METRICS.get("perplexity").on(answers).undefined == "the answers are no texts"


def test_a_text_is_judged_by_entity_and_left_out_where_it_has_no_meaning() -> None:
    made, many = kind(), pd.concat([TEXTS] * 8, ignore_index=True)
    encoded = made.encode(many)
    truth = Truth(
        TaskSet((Target("reply", made),)),
        {"reply": encoded.values},
        {"reply": encoded.weights},
        np.arange(len(many)) // 2,
    )
    shape = encoded.values.shape
    said = {
        "low": Candidate({"reply": Prediction(np.full(shape, 0.3))}),
        "high": Candidate({"reply": Prediction(np.full(shape, 0.6))}),
    }
    card = judge(truth, said, reference="low", resamples=50, metrics="all")
    np.testing.assert_allclose(card.value("reply", "high") or 0, 1 / 0.6)
    assert card.score("reply", "high").verdict == "gains"
    assert card.units["reply"] == 20
    for section in (
        residual_section(truth, said["low"]),
        calibration_section(truth, said),
        confusion_section(truth, said["low"]),
    ):
        assert not section.tables
        assert not section.figures


def test_a_split_balances_whether_there_is_a_text() -> None:
    codes, names = strata_of(pd.Series(["one", None, " ", "two"]), "tokens")
    assert codes.tolist() == [0, -1, -1, 0]
    assert names == ["text"]
