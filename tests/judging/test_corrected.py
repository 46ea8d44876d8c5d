"""Nadeau and Bengio by hand, and scorecards of several splits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from umbel.errors import ConfigError
from umbel.judging.corrected import combine, corrected_interval
from umbel.judging.scorecard import Candidate, judge
from umbel.judging.scores import Scorecard
from umbel.tasks import Prediction

from .cases import number, truth_of


def test_by_hand() -> None:
    differences = np.array([0.02, 0.05, 0.03, 0.04])  # mean .035, s^2 = .0005 / 3
    low, high = corrected_interval(differences, train=75, test=25)
    half = stats.t.ppf(0.975, 3) * math.sqrt(0.0005 / 3 * (1 / 4 + 1 / 3))
    assert (low, high) == pytest.approx((0.035 - half, 0.035 + half), abs=1e-9)


def test_no_test_rows_shared_is_the_usual_t_interval() -> None:
    x = np.random.default_rng(0).normal(size=9)
    usual = stats.t.interval(0.9, 8, x.mean(), stats.sem(x))
    assert corrected_interval(x, 1e12, 1, level=0.9) == pytest.approx(usual)


def test_one_split_is_too_few() -> None:
    with pytest.raises(ConfigError, match="two splits or more"):
        corrected_interval(np.array([0.1]), 10, 10)
    with pytest.raises(ConfigError, match="two splits or more"):
        combine([], 10, 10)


def split(seed: int, *, constant: bool = False) -> Scorecard:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=60)
    z = np.full(60, 2.0) if constant else rng.normal(size=60)
    truth = truth_of({"y": number("r2"), "z": number("rmse")}, {"y": y, "z": z})
    alone = {"y": Prediction(y + rng.normal(size=60) * 0.7), "z": Prediction(z + rng.normal(size=60))}
    joint = {"y": Prediction(y + rng.normal(size=60) * 0.4), "z": Prediction(z + rng.normal(size=60))}
    return judge(truth, {"independent": Candidate(alone), "joint": Candidate(joint)}, resamples=0)


def test_combined_scores_are_means_with_corrected_intervals() -> None:
    cards = [split(seed) for seed in range(6)]
    together = combine(cards, train=140, test=60)
    gains = np.array([c.value("y", "joint") - c.value("y", "independent") for c in cards])
    score = together.score("y", "joint")
    assert score.value == pytest.approx(np.mean([c.value("y", "joint") for c in cards]))
    assert score.gain == pytest.approx(gains.mean())
    assert (score.gain_low, score.gain_high) == pytest.approx(corrected_interval(gains, 140, 60))
    assert score.verdict == "gains"
    assert together.verdicts("joint")["z"] == "no evidence"
    falls = [c.value("z", "independent") - c.value("z", "joint") for c in cards]
    assert together.score("z", "joint").gain == pytest.approx(np.mean(falls))
    assert list(together.frame().columns) == list(cards[0].frame().columns)


def test_mean_gain_over_splits() -> None:
    cards = [split(seed) for seed in range(5)]
    mean = combine(cards, 140, 60).mean_gain("joint")
    each = []
    for card in cards:
        y, y0, z, z0 = (card.value(t, m) for t in "yz" for m in ("joint", "independent"))
        each.append(100 * ((y - y0) / abs(y0) + (z0 - z) / z0) / 2)
    assert mean.percent == pytest.approx(np.mean(each))
    assert (mean.low, mean.high) == pytest.approx(corrected_interval(np.array(each), 140, 60))


def test_a_score_undefined_in_a_split_is_the_mean_of_the_others_and_says_so() -> None:
    cards = [split(0), split(1)]
    y = np.full(60, 1.0)
    truth = truth_of({"y": number("r2")}, {"y": y})
    flat = judge(
        truth,
        {m: Candidate({"y": Prediction(np.zeros(60))}) for m in ("independent", "joint")},
        resamples=0,
    )
    together = combine([*cards, flat], 140, 60)
    assert together.value("y", "joint") == pytest.approx(np.mean([c.value("y", "joint") for c in cards]))
    assert "undefined in 1 of 3 splits" in together.score("y", "joint").note
    never = combine([flat, flat], 140, 60).score("y", "joint")
    assert never.value is None
    assert never.verdict == "undefined: all known answers are equal"
