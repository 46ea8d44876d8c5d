"""Sections are plain data with the right numbers in them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

from umbel.judging.calibration import calibration_section, coverage, reliability
from umbel.judging.confusion import confusion, confusion_section
from umbel.judging.overlap import overlap, overlap_section
from umbel.judging.residuals import correlation, residual_section, residuals
from umbel.judging.scorecard import Candidate, Scorecard, judge
from umbel.judging.truth import Truth
from umbel.judging.verdicts import gain_section, verdict_section
from umbel.tasks import Prediction

from .cases import StubKind, number, truth_of

B = 400


@pytest.fixture(scope="module")
def films() -> tuple[Truth, dict[str, Candidate]]:
    """One task of each kind, a third of the labels missing; the errors of y and z go together."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=B)
    y, z = rng.normal(size=B) + shared, rng.normal(size=B) + shared
    said = {"y": Prediction(y - shared, np.ones(B)), "z": Prediction(z - shared, np.ones(B))}
    won = (rng.random(B) < 0.4) * 1.0
    grade = rng.integers(0, 3, B) * 1.0
    labels = (rng.random((B, 4)) < [0.5, 0.3, 0.2, 0.1]) * 1.0
    said["won"] = Prediction(np.clip(0.3 * won + 0.7 * rng.random(B), 0, 1))
    p = rng.dirichlet(np.ones(3), B) + np.eye(3)[grade.astype(int)]
    said["grade"] = Prediction(p / 2)
    said["labels"] = Prediction(np.clip(0.5 * labels + 0.5 * rng.random((B, 4)), 0, 1))
    y[::3] = np.nan
    z[1::3] = np.nan
    kinds = {
        "y": number(),
        "z": number(),
        "won": StubKind("bernoulli", "auc", "calibration_error", labels=["no", "yes"]),
        "grade": StubKind("ordered", "quadratic_kappa", labels=["G", "PG", "R"]),
        "labels": StubKind("bernoulli", "macro_auc", labels=["drama", "comedy", "war", "noir"]),
    }
    truth = truth_of(kinds, {"y": y, "z": z, "won": won, "grade": grade, "labels": labels})
    worse = {k: Prediction(v.value * 0.5 + 0.2, v.spread) for k, v in said.items()}
    return truth, {"independent": Candidate(said), "joint": Candidate(worse)}


@pytest.fixture(scope="module")
def card(films: tuple[Truth, dict[str, Candidate]]) -> Scorecard:
    return judge(*films, resamples=200)


def test_overlap_counts(films: tuple[Truth, dict[str, Candidate]]) -> None:
    truth, _ = films
    known = np.stack([truth.known(n) for n in ("y", "z")], axis=1)
    both = overlap(known)
    assert both[0, 1] == int((known[:, 0] & known[:, 1]).sum()) == both[1, 0]
    assert both[0, 0] == int(known[:, 0].sum())
    section = overlap_section(truth)
    assert section.figures[0].matrix[0, 1] == both[0, 1]
    assert section.tables[0].rows[0] == ["y", both[0, 0], "34%"]


def test_overlap_says_which_targets_never_meet_and_how_large_groups_are() -> None:
    y, z = np.full(6, np.nan), np.full(6, np.nan)
    y[:3], z[3:] = 1.0, 2.0
    kinds = {"y": number(), "z": number()}
    apart = overlap_section(truth_of(kinds, {"y": y, "z": z}))
    assert apart.text == ["No row knows both of: z and y."]
    group = np.array([0, 0, 0, 1, 1, -1])
    rows = truth_of({"y": number()}, {"y": np.arange(6.0)}, by="site", groups=("a", "b"), group=group)
    section = overlap_section(rows)
    assert section.tables[-1].rows == [["a", 3], ["b", 2]]
    assert "2 groups of 'site', which have 2 to 3 known rows" in section.text[0]
    assert "1 known rows belong to groups that training never saw" in section.text[1]
    assert section.figures == []


def test_correlation_equals_scipy_on_common_rows() -> None:
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(200, 3)) + 1e6
    columns[:, 1] += columns[:, 0] * 0.5
    columns[::4, 0] = np.nan
    columns[1::3, 1] = np.nan
    columns[:, 2] = 5.0
    found, n = correlation(columns)
    both = np.isfinite(columns[:, 0]) & np.isfinite(columns[:, 1])
    assert found[0, 1] == pytest.approx(stats.pearsonr(columns[both, 0], columns[both, 1])[0], abs=1e-7)
    assert n[0, 1] == both.sum()
    assert found[0, 0] == pytest.approx(1)
    assert np.isnan(found[2]).all()
    assert np.isnan(correlation(columns, fewest=1000)[0]).all()


def test_residuals_by_kind() -> None:
    shares, names = residuals(
        StubKind("categorical", "accuracy"),
        np.array([1, 0]),
        np.array([1.0, 0.0]),
        Prediction(np.array([[0.2, 0.8], [0.5, 0.5]])),
    )
    np.testing.assert_allclose(shares[0], [-0.2, 0.2])
    assert np.isnan(shares[1]).all()
    assert names == ["0", "1"]
    grade, names = residuals(
        StubKind("ordered", "quadratic_kappa"),
        np.array([2]),
        np.array([1.0]),
        Prediction(np.array([[0.5, 0.0, 0.5]])),
    )
    assert grade.tolist() == [[1.0]]
    assert names == [""]


def test_residual_section_finds_the_shared_part(films: tuple[Truth, dict[str, Candidate]]) -> None:
    truth, models = films
    section = residual_section(truth, models["independent"])
    figure = section.figures[0]
    assert figure.labels[0] == [
        "y", "z", "won", "grade", "labels: drama", "labels: comedy", "labels: war", "labels: noir",
    ]  # fmt: skip
    assert figure.matrix[0, 1] > 0.9
    assert abs(figure.matrix[0, 2]) < 0.25
    assert section.tables[0].rows[0][:2] == ["z", "y"]
    alone = residual_section(truth, Candidate({"y": models["joint"].predictions["y"]}))
    assert "takes two targets" in alone.text[0]


def test_reliability_equals_sklearn(films: tuple[Truth, dict[str, Candidate]]) -> None:
    truth, models = films
    p, y = models["independent"].predictions["won"].value, truth.values["won"]
    curve = reliability(p, y)
    observed, stated = calibration_curve(y, p, n_bins=10)
    np.testing.assert_allclose(curve.stated, stated)
    np.testing.assert_allclose(curve.observed, observed)
    bounds = stats.binomtest(int(curve.observed[3] * curve.count[3]), int(curve.count[3])).proportion_ci(
        method="wilson"
    )
    assert (curve.low[3], curve.high[3]) == pytest.approx((bounds.low, bounds.high), abs=1e-6)


def test_coverage_of_a_true_spread() -> None:
    rng = np.random.default_rng(2)
    spread = np.exp(rng.normal(size=20_000))
    levels, inside = coverage(rng.normal(size=20_000) * spread, np.zeros(20_000), spread, np.ones(20_000))
    np.testing.assert_allclose(inside, levels, atol=0.015)


def test_calibration_section(films: tuple[Truth, dict[str, Candidate]], card: Scorecard) -> None:
    truth, models = films
    section = calibration_section(truth, models)
    assert [f.title for f in section.figures] == [f"Calibration of {t.name}" for t in truth.tasks.targets]
    assert {s.name for s in section.figures[0].series} == {"independent", "joint"}
    tasks = {row[0] for row in section.tables[0].rows}
    assert tasks == {"won", "grade", "labels"}


def test_confusion(films: tuple[Truth, dict[str, Candidate]]) -> None:
    truth, models = films
    said = models["independent"].predictions["grade"].value.argmax(axis=1)
    counted = confusion(truth.values["grade"], said, np.ones(B), 3)
    np.testing.assert_array_equal(counted, confusion_matrix(truth.values["grade"], said))
    section = confusion_section(truth, models["independent"])
    assert section.tables[0].columns == ["true", "no", "yes"]
    assert section.tables[1].rows[0] == ["G", *counted[0].astype(int)]
    assert [row[0] for row in section.tables[2].rows] == ["drama", "comedy", "war", "noir"]
    np.testing.assert_allclose(section.figures[0].matrix.sum(axis=1), 1)
    assert confusion_section(truth_of({"y": number()}, {"y": [1.0]}), models["joint"]).tables == []


def test_decisions_follow_the_rule(films: tuple[Truth, dict[str, Candidate]]) -> None:
    truth, models = films
    never = Candidate(models["joint"].predictions, {"won": {"threshold": 2.0}})
    table = confusion_section(truth, never).tables[0]
    assert [row[2] for row in table.rows] == [0, 0]


def test_verdict_and_gain_sections(films: tuple[Truth, dict[str, Candidate]], card: Scorecard) -> None:
    section = verdict_section(card)
    first = section.tables[0]
    assert first.columns[-3:] == ["gain", "95 % interval", "verdict"]
    assert [row[0] for row in first.rows] == card.tasks
    assert first.rows[0][-1] == card.verdicts("joint")["y"] == "loses"
    assert section.tables[1].columns == ["task", "metric", "independent", "joint"]
    counts = section.tables[2].rows[0]
    assert sum(counts[1:5]) == len(card.tasks)
    assert any("Mean relative gain of joint" in line for line in section.text)
    figure = gain_section(card).figures[0]
    assert figure.kind == "intervals"
    assert figure.series[0].x == card.tasks
    np.testing.assert_allclose(figure.series[0].y, [card.score(t, "joint").gain for t in card.tasks])


def test_many_groups_show_both_ends_and_the_pooled_line() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(90), 12)
    y = rng.normal(size=len(group))
    names = tuple(f"s{k:02d}" for k in range(90))
    truth = truth_of({"y": number("rmse")}, {"y": y}, by="school", groups=names, group=group)
    models = {
        m: Candidate({"y": Prediction(rng.normal(size=len(y)))}) for m in ("constant", "independent", "joint")
    }
    done = judge(truth, models, resamples=50)
    section = verdict_section(done)
    shown = [row[0] for row in section.tables[0].rows]
    assert shown[0] == "all"
    assert len(shown) == 61
    gains = {t: done.score(t, "joint").gain for t in done.tasks}
    assert shown[1] == max(gains, key=lambda t: gains[t])
    assert shown[-1] == min(gains, key=lambda t: gains[t])
    assert "Of 90 tasks the 60 with" in section.text[1]
    assert [f.series[0].name for f in gain_section(done).figures] == ["joint"]
