"""Judging: paired, per task and pooled, honest where there is nothing to say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import r2_score

from umbel.errors import ConfigError, ShapeError
from umbel.judging.bootstrap import Percentile, Resamples
from umbel.judging.metrics import METRICS, measure
from umbel.judging.scorecard import Candidate, judge, pooled_name
from umbel.judging.scores import COLUMNS, MeanGain, Score, Scorecard
from umbel.judging.truth import Truth
from umbel.judging.verdict import verdict
from umbel.tasks import Prediction, TaskSet

from .cases import StubKind, number, truth_of


def noisy(y: np.ndarray, sd: float, seed: int) -> Prediction:
    return Prediction(np.nan_to_num(y) + np.random.default_rng(seed).normal(size=len(y)) * sd)


@pytest.fixture
def card() -> Scorecard:
    rng = np.random.default_rng(0)
    y, z = rng.normal(size=300), rng.normal(size=300)
    y[::3] = np.nan
    truth = truth_of({"y": number("r2", "mae"), "z": number("rmse", "mae")}, {"y": y, "z": z})
    models = {
        "constant": Candidate({"y": Prediction(np.zeros(300)), "z": Prediction(np.zeros(300))}),
        "independent": Candidate({"y": noisy(y, 0.6, 1), "z": noisy(z, 0.5, 2)}),
        "joint": Candidate({"y": noisy(y, 0.3, 3), "z": noisy(z, 0.9, 4)}),
    }
    return judge(truth, models, resamples=400, metrics="all")


def test_columns_and_order(card: Scorecard) -> None:
    frame = card.frame()
    assert list(frame.columns) == COLUMNS == [
        "task", "metric", "model", "value", "low", "high", "gain", "gain_low", "gain_high", "verdict",
    ]  # fmt: skip
    assert len(frame) == 2 * 2 * 3
    assert frame.model.tolist()[:3] == ["constant", "independent", "joint"]
    own = frame[frame.model == "independent"]
    assert own[["gain", "gain_low", "gain_high"]].isna().all().all()
    assert (own.verdict == "").all()
    assert frame[COLUMNS[3:-1]].dtypes.eq(float).all()


def test_values_gains_and_verdicts(card: Scorecard) -> None:
    assert card.verdicts("joint") == {"y": "gains", "z": "loses"}
    assert card.verdicts("constant") == {"y": "loses", "z": "loses"}
    y, z = card.score("y", "joint"), card.score("z", "joint")
    assert y.gain == pytest.approx(y.value - card.value("y", "independent"))
    assert z.gain == pytest.approx(card.value("z", "independent") - z.value)
    assert y.low < y.value < y.high
    assert card.units == card.rows == {"y": 200, "z": 300}
    assert card.value("y", "joint", "mae") < card.value("y", "independent", "mae")
    with pytest.raises(ConfigError, match="'zz'"):
        card.value("zz", "joint")
    with pytest.raises(ConfigError, match="r2 of jont"):
        card.value("y", "jont")


def test_only_known_rows_count(card: Scorecard) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    y[::3] = np.nan
    known = np.isfinite(y)
    assert card.value("y", "joint") == pytest.approx(
        r2_score(y[known], noisy(y, 0.3, 3).value[known]), abs=1e-12
    )


def test_gains_are_paired_on_the_same_resamples() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=80)
    truth = truth_of({"y": number("mae")}, {"y": y})
    base = Prediction(y + rng.normal(size=80) * 2)
    shifted = Prediction(np.where(base.value > y, base.value + 0.01, base.value - 0.01))
    done = judge(truth, {"independent": Candidate({"y": base}), "joint": Candidate({"y": shifted})}, seed=4)
    score = done.score("y", "joint")
    # every row is worse by .01 exactly, so an interval of the paired difference has no width
    assert (score.gain_low, score.gain_high) == pytest.approx((-0.01, -0.01), abs=1e-12)
    assert score.high - score.low > 0.3
    again = Resamples(truth.entity, 1000, 4)
    draws = again.counts[1:].astype(float)
    by_hand = draws @ np.abs(shifted.value - y) / draws.sum(axis=1)
    np.testing.assert_allclose(done.replicates["y", "mae", "joint"], by_hand)
    assert (score.low, score.high) == pytest.approx(Percentile()(by_hand, 80))


def test_entities_are_resampled_whole() -> None:
    rng = np.random.default_rng(3)
    effect = np.repeat(rng.normal(size=30), 10)
    truth = {"y": np.zeros(300)}
    candidate = {"independent": Candidate({"y": Prediction(effect)})}
    alone = judge(truth_of({"y": number("rmse")}, truth), candidate).score("y", "independent")
    whole = judge(
        truth_of({"y": number("rmse")}, truth, entity=np.repeat(np.arange(30), 10)), candidate
    ).score("y", "independent")
    assert whole.high - whole.low > 2 * (alone.high - alone.low)


def test_rows_layout_scores_each_group_and_all_rows_together() -> None:
    rng = np.random.default_rng(5)
    group = np.repeat([0, 1, 2, -1], [40, 30, 3, 7])
    y = rng.normal(size=80) + group
    truth = truth_of({"y": number("r2")}, {"y": y}, by="school", groups=("a", "b", "c"), group=group)
    said = noisy(y, 0.5, 6)
    models = {"independent": Candidate({"y": said}), "joint": Candidate({"y": noisy(y, 0.4, 7)})}
    done = judge(truth, models, resamples=200)
    assert done.tasks == ["a", "b", "c"]
    assert done.pooled == {"all": ("a", "b", "c")}
    assert done.value("all", "independent") == pytest.approx(r2_score(y, said.value))
    assert done.value("b", "independent") == pytest.approx(r2_score(y[group == 1], said.value[group == 1]))
    few = done.score("c", "joint")
    assert few.low is None
    assert few.verdict == "no evidence"
    assert "3 entities are too few for an interval" in few.note
    mean = done.mean_gain("joint")
    assert mean.used == ("all",)
    assert list(done.verdicts("joint")) == ["a", "b", "c", "all"]


def test_pooled_line_has_a_name_of_its_own() -> None:
    target = truth_of({"y": number()}, {"y": [1.0]}).tasks.targets
    assert pooled_name(TaskSet(target, "site", ("all", "none")), "y") == "all rows"
    both = truth_of({"y": number(), "z": number()}, {"y": [1.0], "z": [1.0]}).tasks.targets
    assert pooled_name(TaskSet(both, "site", ("a",)), "z") == "z | all"


def test_undefined_is_said_and_never_a_number() -> None:
    flat, y = np.ones(40), np.random.default_rng(0).normal(size=40)
    kinds = {"flat": StubKind("bernoulli", "auc"), "y": number("r2"), "z": number("r2")}
    truth = truth_of(kinds, {"flat": flat, "y": y, "z": np.full(40, np.nan)})
    good = {"flat": Prediction(flat), "y": noisy(y, 0.1, 1), "z": noisy(y, 1, 1)}
    broken = good | {"y": Prediction(np.full(40, np.nan))}
    done = judge(truth, {"independent": Candidate(good), "joint": Candidate(broken)}, resamples=50)
    assert done.verdicts("joint") == {
        "flat": "undefined: only one class among the known rows",
        "y": "undefined: the model predicted numbers that are not finite",
        "z": "undefined: no known row",
    }
    assert done.value("flat", "joint") is None
    assert "flat, auc of independent: undefined: only one class among the known rows" in done.notes()
    assert done.frame().set_index(["task", "model"]).value.loc["y", "independent"] > 0.9
    mean = done.mean_gain("joint")
    assert mean.percent is None
    assert mean.left_out == {
        "flat": "undefined for joint",
        "y": "undefined for joint",
        "z": "undefined for joint",
    }


def test_a_target_a_model_cannot_answer_is_left_away() -> None:
    y = np.random.default_rng(0).normal(size=30)
    truth = truth_of({"y": number("r2"), "z": number("r2")}, {"y": y, "z": -y})
    half = Candidate({"y": noisy(y, 0.2, 0)})
    whole = Candidate({"y": noisy(y, 0.3, 1), "z": noisy(-y, 0.2, 0)})
    done = judge(truth, {"independent": half, "joint": whole}, resamples=30)
    assert done.verdicts("independent") == {"y": ""}
    assert done.verdicts("joint")["z"] == "undefined: the independent model has no value to compare with"
    assert done.mean_gain("joint").left_out == {"z": "not answered by both models"}


def test_rare_label_missing_from_some_resamples_is_noted() -> None:
    y = np.zeros(60)
    y[:2] = 1
    truth = truth_of({"y": StubKind("bernoulli", "auc")}, {"y": y})
    said = Candidate({"y": noisy(y, 0.5, 0)})
    score = judge(truth, {"independent": said}).score("y", "independent")
    assert "of 1000 resamples" in score.note
    assert score.low is not None


def test_reference_must_be_judged_and_shapes_must_fit() -> None:
    truth = truth_of({"y": number()}, {"y": [1.0, 2.0]})
    with pytest.raises(ConfigError, match="'independent'"):
        judge(truth, {"joint": Candidate({})})
    with pytest.raises(ShapeError, match="values of 'y'"):
        Truth(truth.tasks, {"y": np.zeros(3)}, truth.weights, truth.entity)


def test_without_resamples_there_is_no_interval_and_no_verdict() -> None:
    y = np.random.default_rng(0).normal(size=30)
    models = {m: Candidate({"y": noisy(y, 0.2, i)}) for i, m in enumerate(("independent", "joint"))}
    score = judge(truth_of({"y": number("r2")}, {"y": y}), models, resamples=0).score("y", "joint")
    assert score.gain is not None
    assert score.low is None
    assert score.verdict == "undefined: no interval was asked for"


def hand_card(values: dict[str, tuple[str, float, float]]) -> Scorecard:
    """By task: metric, independent and joint; the independent model's interval is +- .05."""
    scores = []
    for task, (metric, base, mine) in values.items():
        gain = METRICS.get(metric).gain(mine, base)
        scores.append(Score(task, metric, "independent", base, base - 0.05, base + 0.05))
        scores.append(Score(task, metric, "joint", mine, gain=gain))
    replicates = {(s.task, s.metric, s.model): np.full(9, s.value) for s in scores}
    size = dict.fromkeys(values, 100)
    return Scorecard(
        tuple(scores),
        "independent",
        {t: v[0] for t, v in values.items()},
        {},
        size,
        size,
        Percentile(),
        replicates,
    )


def test_mean_gain_by_hand() -> None:
    # (.55 - .50) / .50 = 10 %; -(3.3 - 3) / 3 = -10 %; (.45 - .36) / .36 = 25 %; mean 25/3 %
    done = hand_card({"a": ("r2", 0.5, 0.55), "b": ("rmse", 3.0, 3.3), "c": ("auc", 0.36, 0.45)})
    found = done.mean_gain("joint")
    assert isinstance(found, MeanGain)
    assert found.percent == pytest.approx(25 / 3)
    assert (found.low, found.high) == pytest.approx((25 / 3, 25 / 3))
    assert "Maninis" in found.definition


def test_mean_gain_leaves_out_a_reference_that_may_be_zero() -> None:
    found = hand_card({"a": ("r2", 0.5, 0.55), "b": ("r2", 0.01, 0.2)}).mean_gain("joint")
    assert found.percent == pytest.approx(10)
    assert found.used == ("a",)
    assert found.left_out == {"b": "the independent model's value is not told apart from 0"}


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 0.2, "gains"),
        (-0.2, -0.1, "loses"),
        (-0.1, 0.1, "no evidence"),
        (0.0, 0.1, "no evidence"),
        (-0.1, 0.0, "no evidence"),
    ],
)
def test_verdict_truth_table(low: float, high: float, said: str) -> None:
    assert verdict(low, high) == said


def test_no_gain_where_there_is_none() -> None:
    """Two equally good models: at 95 %, few of 60 tasks are told apart."""
    rng = np.random.default_rng(8)
    values = {f"t{k}": rng.normal(size=120) for k in range(60)}
    truth = truth_of({name: number("r2") for name in values}, values)
    models = {
        m: Candidate({n: Prediction(v + rng.normal(size=120)) for n, v in values.items()})
        for m in ("independent", "joint")
    }
    said = list(judge(truth, models, resamples=300).verdicts("joint").values())
    assert said.count("no evidence") >= 52


def test_measure_one_number_for_choosing() -> None:
    y = np.array([0.0, 1.0, 2.0, 5.0])
    weights = np.array([1.0, 1.0, 1.0, 0.0])
    kind = number("rmse")
    assert measure("rmse", kind, y, weights, Prediction(y + 2)) == pytest.approx(2.0)
    assert measure("r2", kind, y * 0, weights, Prediction(y)) is None
