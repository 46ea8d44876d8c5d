"""Every metric against scikit-learn or scipy, with row weights and with repeated rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn import metrics as sk

from umbel.errors import DataError, ShapeError
from umbel.judging.metrics import METRICS, Answers
from umbel.tasks import Prediction

B, C, L = 120, 4, 5


def example(what: str, seed: int = 0) -> Answers:
    """Answers of one kind of task, scores rounded so that there are ties."""
    rng = np.random.default_rng(seed)
    ones = np.ones(B)
    if what == "binary":
        y = (rng.random(B) < 0.3).astype(int)
        p = np.clip(rng.random(B) * 0.7 + 0.3 * y, 0.01, 0.99).round(2)
        return Answers(y, Prediction(p), (p >= 0.5).astype(int), ones)
    if what in ("classes", "grades"):
        y = rng.integers(0, C, B)
        p = rng.dirichlet(np.ones(C), B) + 0.5 * np.eye(C)[y]
        p = p / p.sum(axis=1, keepdims=True)
        return Answers(y, Prediction(p), p.argmax(axis=1), ones)
    if what == "labels":
        y = (rng.random((B, L)) < [0.5, 0.3, 0.2, 0.1, 0.3]).astype(int)
        p = np.clip(rng.random((B, L)) * 0.8 + 0.2 * y, 0.01, 0.99).round(2)
        return Answers(y, Prediction(p), (p >= 0.5).astype(int), (rng.random((B, L)) < 0.7) * 1.0)
    if what == "shares":
        p = rng.dirichlet(np.ones(C), B)
        return Answers(rng.dirichlet(np.ones(C), B), Prediction(p), p, ones)
    if what == "counts":
        mu = np.exp(rng.normal(size=B))
        return Answers(rng.poisson(mu), Prediction(mu * 1.3), mu, ones)
    y = rng.normal(size=B).round(1)
    mean = (y + rng.normal(size=B)).round(1)
    return Answers(y, Prediction(mean, np.exp(rng.normal(size=B) / 3)), mean, ones)


FOR = {
    "auc": ["binary", "classes"],
    "average_precision": ["binary", "classes"],
    "log_loss": ["binary", "classes", "grades", "labels", "shares"],
    "accuracy": ["binary", "classes", "labels"],
    "balanced_accuracy": ["binary", "classes"],
    "f1": ["binary"],
    "macro_f1": ["classes", "labels"],
    "micro_f1": ["classes", "labels"],
    "calibration_error": ["binary", "classes", "labels"],
    "macro_auc": ["labels"],
    "macro_average_precision": ["labels"],
    "hamming_loss": ["labels"],
    "quadratic_kappa": ["grades"],
    "grade_mae": ["grades"],
    "r2": ["numbers"],
    "rmse": ["numbers"],
    "mae": ["numbers"],
    "spearman": ["numbers"],
    "gaussian_nll": ["numbers"],
    "deviance_explained": ["counts"],
    "kl_divergence": ["shares"],
    # of texts the prediction is the probability that each true token was given: numbers as of labels
    "perplexity": ["labels"],
    "token_log_loss": ["labels"],
}
CASES = [(name, what) for name, kinds in FOR.items() for what in kinds]


def read(name: str, answers: Answers, counts: np.ndarray | None = None) -> float:
    counts = np.ones(len(answers)) if counts is None else counts
    return float(METRICS.get(name).on(answers)(counts[:, None])[0])


def take(answers: Answers, rows: np.ndarray) -> Answers:
    return Answers(
        answers.values[rows], answers.prediction.take(rows), answers.decision[rows], answers.weights[rows]
    )


def ece(p: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """Expected calibration error by its definition, bin by bin."""
    total = 0.0
    for b in range(10):
        inside = (p >= b / 10) & ((p < (b + 1) / 10) | (b == 9))
        if w[inside].sum():
            gap = np.average(y[inside], weights=w[inside]) - np.average(p[inside], weights=w[inside])
            total += abs(gap) * w[inside].sum()
    return total / w.sum()


def oracle(name: str, what: str, a: Answers, w: np.ndarray) -> float:
    y, p, d = a.values, a.prediction.value, a.decision
    if what == "labels":
        cell = a.weights * w[:, None]
        flat = (y.ravel(), p.ravel(), d.ravel(), cell.ravel())
        each = [(y[:, k], p[:, k], d[:, k], cell[:, k]) for k in range(L)]
        return {
            "log_loss": lambda: sk.log_loss(flat[0], flat[1], sample_weight=flat[3]),
            "accuracy": lambda: sk.accuracy_score(flat[0], flat[2], sample_weight=flat[3]),
            "hamming_loss": lambda: 1 - sk.accuracy_score(flat[0], flat[2], sample_weight=flat[3]),
            "macro_f1": lambda: np.mean([sk.f1_score(t, e, sample_weight=v) for t, _, e, v in each]),
            "micro_f1": lambda: sk.f1_score(flat[0], flat[2], sample_weight=flat[3]),
            "macro_auc": lambda: np.mean([sk.roc_auc_score(t, s, sample_weight=v) for t, s, _, v in each]),
            "macro_average_precision": lambda: np.mean(
                [sk.average_precision_score(t, s, sample_weight=v) for t, s, _, v in each]
            ),
            "calibration_error": lambda: ece(flat[1], flat[0], flat[3]),
            "token_log_loss": lambda: np.average(-np.log(flat[1]), weights=flat[3]),
            "perplexity": lambda: np.exp(np.average(-np.log(flat[1]), weights=flat[3])),
        }[name]()
    one_hot = np.eye(C)[y] if what in ("classes", "grades") else None
    rank = [np.repeat(x, w.astype(int)) for x in (y, p)] if what == "numbers" else []
    return {
        "auc": lambda: (
            sk.roc_auc_score(y, p, sample_weight=w)
            if one_hot is None
            else sk.roc_auc_score(one_hot, p, average="macro", sample_weight=w)
        ),
        "average_precision": lambda: sk.average_precision_score(
            y if one_hot is None else one_hot, p, sample_weight=w
        ),
        "log_loss": lambda: (
            np.average(-(y * np.log(p)).sum(axis=1), weights=w)
            if what == "shares"
            else sk.log_loss(y, p, sample_weight=w)
        ),
        "accuracy": lambda: sk.accuracy_score(y, d, sample_weight=w),
        "balanced_accuracy": lambda: sk.balanced_accuracy_score(y, d, sample_weight=w),
        "f1": lambda: sk.f1_score(y, d, sample_weight=w),
        "macro_f1": lambda: sk.f1_score(y, d, average="macro", sample_weight=w),
        "micro_f1": lambda: sk.f1_score(y, d, average="micro", sample_weight=w),
        "calibration_error": lambda: ece(
            p if one_hot is None else p.max(axis=1), y if one_hot is None else p.argmax(axis=1) == y, w
        ),
        "quadratic_kappa": lambda: sk.cohen_kappa_score(y, d, weights="quadratic", sample_weight=w),
        "grade_mae": lambda: sk.mean_absolute_error(y, d, sample_weight=w),
        "r2": lambda: sk.r2_score(y, p, sample_weight=w),
        "rmse": lambda: sk.root_mean_squared_error(y, p, sample_weight=w),
        "mae": lambda: sk.mean_absolute_error(y, p, sample_weight=w),
        "spearman": lambda: stats.spearmanr(*rank).statistic,
        "gaussian_nll": lambda: np.average(-stats.norm(p, a.prediction.spread).logpdf(y), weights=w),
        "deviance_explained": lambda: sk.d2_tweedie_score(y, p, power=1, sample_weight=w),
        "kl_divergence": lambda: np.average(stats.entropy(y, p, axis=1), weights=w),
    }[name]()


def test_every_metric_has_an_oracle() -> None:
    assert sorted(FOR) == METRICS.names()


@pytest.mark.parametrize(("name", "what"), CASES)
def test_oracle_with_row_weights(name: str, what: str) -> None:
    answers = example(what)
    counts = np.random.default_rng(5).integers(0, 4, B).astype(float)
    assert read(name, answers) == pytest.approx(oracle(name, what, answers, np.ones(B)), abs=1e-12, rel=1e-9)
    assert read(name, answers, counts) == pytest.approx(
        oracle(name, what, answers, counts), abs=1e-12, rel=1e-9
    )


@pytest.mark.parametrize(("name", "what"), CASES)
def test_weight_is_count_is_repetition(name: str, what: str) -> None:
    answers = example(what, 1)
    counts = np.random.default_rng(6).integers(0, 3, B).astype(float)
    scaled = counts[:, None] if answers.by_label else counts
    weighted = Answers(answers.values, answers.prediction, answers.decision, answers.weights * scaled)
    repeated = take(answers, np.repeat(np.arange(B), counts.astype(int)))
    assert read(name, answers, counts) == pytest.approx(read(name, repeated), rel=1e-9)
    assert read(name, weighted) == pytest.approx(read(name, repeated), rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), case=st.sampled_from(CASES))
def test_order_of_rows_does_not_matter(seed: int, case: tuple[str, str]) -> None:
    answers = example(case[1], seed % 7)
    order = np.random.default_rng(seed).permutation(B)
    assert read(case[0], take(answers, order)) == pytest.approx(read(case[0], answers), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("name", "what"), CASES)
def test_many_resamples_at_once_equal_one_by_one(name: str, what: str) -> None:
    answers = example(what, 2)
    counts = np.random.default_rng(7).integers(0, 3, (B, 6)).astype(float)
    together = METRICS.get(name).on(answers)(counts)
    assert together.shape == (6,)
    alone = [read(name, answers, counts[:, k]) for k in range(6)]
    np.testing.assert_allclose(together, alone, rtol=1e-10)


@settings(deadline=None, max_examples=60)
@given(
    y=arrays(np.int8, st.integers(2, 30), elements=st.integers(0, 1)),
    grid=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_auc_counts_pairs_with_ties_as_one_half(y: np.ndarray, grid: int, seed: int) -> None:
    score = np.random.default_rng(seed).integers(0, grid, len(y)) / grid
    answers = Answers(y, Prediction(score), (score > 0.5).astype(int), np.ones(len(y)))
    statistic = METRICS.get("auc").on(answers)
    if y.min() == y.max():
        assert statistic.undefined == "only one class among the known rows"
    else:
        above, below = score[y == 1][:, None], score[y == 0]
        wins = (above > below).mean() + 0.5 * (above == below).mean()
        assert statistic(np.ones((len(y), 1)))[0] == pytest.approx(wins, abs=1e-12)


def test_a_label_with_one_class_is_left_out_and_counted() -> None:
    answers = example("labels")
    values = answers.values.copy()
    values[:, 2] = 0
    short = Answers(values, answers.prediction, answers.decision, answers.weights)
    statistic = METRICS.get("macro_auc").on(short)
    assert statistic.note == "1 of 5 labels left out: one class only"
    rest = [0, 1, 3, 4]
    kept = Answers(
        values[:, rest],
        Prediction(answers.prediction.value[:, rest]),
        answers.decision[:, rest],
        answers.weights[:, rest],
    )
    assert statistic(np.ones((B, 1)))[0] == pytest.approx(read("macro_auc", kept))


@pytest.mark.parametrize(
    ("name", "what", "change", "why"),
    [
        ("auc", "binary", {"values": np.ones(B, dtype=int)}, "only one class"),
        ("average_precision", "binary", {"values": np.zeros(B, dtype=int)}, "no positive"),
        ("r2", "numbers", {"values": np.full(B, 0.1 + 0.2)}, "all known answers are equal"),
        ("spearman", "numbers", {"prediction": Prediction(np.zeros(B))}, "one number for all rows"),
        ("gaussian_nll", "numbers", {"prediction": Prediction(np.zeros(B))}, "no spread"),
        ("deviance_explained", "counts", {"values": np.zeros(B)}, "all known answers are 0"),
        ("f1", "binary", {"values": np.zeros(B), "decision": np.zeros(B)}, "no positive row"),
        ("quadratic_kappa", "grades", {"values": np.ones(B), "decision": np.ones(B)}, "one grade only"),
        ("rmse", "numbers", {"prediction": Prediction(np.full(B, np.nan))}, "not finite"),
        ("calibration_error", "binary", {"prediction": Prediction(np.full(B, 1.5))}, "no probabilities"),
        ("rmse", "numbers", {"weights": np.zeros(B)}, "no known row"),
    ],
)
def test_undefined_says_why(name: str, what: str, change: dict[str, object], why: str) -> None:
    found = example(what)
    parts = {k: getattr(found, k) for k in ("values", "prediction", "decision", "weights")} | change
    statistic = METRICS.get(name).on(Answers(**parts))
    assert why in statistic.undefined
    assert np.isnan(statistic(np.ones((B, 2)))).all()


def test_a_resample_that_leaves_it_undefined_is_nan_and_the_others_are_not() -> None:
    y = np.array([1, 0, 0, 0])
    answers = Answers(y, Prediction(np.array([0.9, 0.1, 0.2, 0.3])), y, np.ones(4))
    counts = np.array([[1.0, 0.0], [1.0, 2.0], [1.0, 1.0], [1.0, 1.0]])
    value = METRICS.get("auc").on(answers)(counts)
    assert value[0] == 1.0
    assert np.isnan(value[1])


def test_r2_of_a_large_offset_loses_no_digits() -> None:
    answers = example("numbers")
    moved = Answers(
        answers.values + 1e7, Prediction(answers.prediction.value + 1e7), answers.decision, answers.weights
    )
    assert read("r2", moved) == pytest.approx(read("r2", answers), rel=1e-6)


def test_signs_and_gains() -> None:
    smaller = {"log_loss", "calibration_error", "hamming_loss", "grade_mae", "rmse", "mae"}
    smaller |= {"gaussian_nll", "kl_divergence", "perplexity", "token_log_loss"}
    assert {entry.name for entry in METRICS if entry.item.sign == -1} == smaller
    assert METRICS.get("rmse").gain(1.0, 1.5) == 0.5
    assert METRICS.get("r2").gain(0.4, 0.1) == pytest.approx(0.3)
    assert all(entry.source and entry.summary for entry in METRICS)


def test_bad_shapes_and_weights() -> None:
    with pytest.raises(ShapeError, match="prediction of a metric"):
        Answers(np.zeros(3), Prediction(np.zeros(2)), np.zeros(3), np.ones(3))
    with pytest.raises(DataError, match="must not be negative"):
        Answers(np.zeros(3), Prediction(np.zeros(3)), np.zeros(3), np.array([1.0, -1.0, 1.0]))
