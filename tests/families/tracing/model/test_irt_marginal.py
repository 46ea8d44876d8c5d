"""Items with abilities integrated out: the gradient, a fine grid, planted items."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.integrate import quad
from scipy.optimize import check_grad
from scipy.special import expit
from scipy.stats import norm

from umbel.families.tracing.model.irt_marginal import Form, Grid, ItemAnswers, ItemModel, fit_items, marginal


def setting(form: Form, items: int, students: int, each: int, seed: int = 0):
    """Planted items of two concepts, each with its own easiness, and answers to them."""
    chance = np.random.default_rng(seed)
    concept = np.arange(items) % 2
    dense = np.column_stack([np.ones(items), concept == 0, concept == 1, np.eye(items)])
    X = sparse.csr_array(dense.astype(float))
    ease = np.where(concept, 0.8, -0.4) + chance.standard_normal(items)
    slope = np.exp(0.35 * chance.standard_normal(items)) if form == "2pl" else np.full(items, 1.2)
    item = np.tile(np.arange(items), students * each)[: students * each]
    student = np.repeat(np.arange(students), each)
    ability = chance.standard_normal(students)
    logit = slope[item] * ability[student] + ease[item]
    correct = (chance.random(len(item)) < expit(logit)).astype(float)
    spreads = np.concatenate([[10.0, 1.0, 1.0], np.ones(items)])
    model = ItemModel(form, spreads, 0.4 * np.ones(len(spreads)) if form == "2pl" else np.ones(1))
    return model, X, ItemAnswers.of(item, student, correct, items), ease, slope, item, student, correct


@pytest.mark.parametrize("form", ["1pl", "2pl"])
def test_the_gradient_is_that_of_differences(form: Form) -> None:
    model, X, answers, *_ = setting(form, 5, 7, 5)
    z = 0.3 * np.random.default_rng(1).standard_normal(len(model.ease) + len(model.steep))
    args = (model, X, answers, Grid(31))
    error = check_grad(lambda z: marginal(z, *args)[0], lambda z: marginal(z, *args)[1], z)
    assert error < 1e-4 * np.linalg.norm(marginal(z, *args)[1])


def test_the_grid_integrates_as_quadrature_does() -> None:
    model, X, answers, _, _, item, student, correct = setting("2pl", 6, 4, 6)
    z = 0.5 * np.random.default_rng(2).standard_normal(len(model.ease) + len(model.steep))
    u, v = model.split(z)
    a, e = model.items(X, u, v)
    expected = 0.5 * z @ z
    for one in range(4):
        own = student == one

        def joint(theta: float, own: np.ndarray = own) -> float:
            p = expit(a[item[own]] * theta + e[item[own]])
            return float(norm.pdf(theta) * np.prod(np.where(correct[own] == 1, p, 1 - p)))

        expected -= np.log(quad(joint, -9, 9, epsabs=1e-13)[0])
    assert marginal(z, model, X, answers, Grid())[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("form", ["1pl", "2pl"])
def test_planted_items_are_found(form: Form) -> None:
    model, X, answers, ease, slope, *_ = setting(form, 20, 1500, 20)
    u, v, value = fit_items(model, X, answers, Grid(41))
    found_slope, found_ease = model.items(X, u, v)
    assert np.corrcoef(found_ease, ease)[0, 1] > 0.99
    assert np.allclose(found_ease, ease, atol=0.25)
    if form == "2pl":
        assert np.corrcoef(found_slope, slope)[0, 1] > 0.9
    else:
        assert found_slope[0] == pytest.approx(1.2, abs=0.1)
    z = np.concatenate([u / model.ease, v / model.steep])
    reached, gradient = marginal(z, model, X, answers, Grid(41))
    assert value == pytest.approx(reached / answers.count.sum())
    assert np.abs(gradient).max() < 1.0  # of 30,000 answers


def test_answers_are_summed() -> None:
    answers = ItemAnswers.of(np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([1.0, 0.5, 0.0]), 3)
    assert answers.count.toarray().tolist() == [[0, 2], [1, 0], [0, 0]]
    assert answers.right.toarray().tolist() == [[0, 1.5], [0, 0], [0, 0]]
