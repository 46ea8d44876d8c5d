from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import optimize, stats
from sklearn.linear_model import PoissonRegressor

from umbel.errors import ConfigError, KindError
from umbel.tasks.count import Count, best_dispersion
from umbel.tasks.prediction import Prediction


def fitted(cells: object, **options: str) -> Count:
    kind = Count(**options)
    kind.fit(pd.Series(cells, name="visits"))
    return kind


def fit_linear(kind: Count, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
    inputs, target = torch.as_tensor(X), torch.as_tensor(y)
    w = torch.zeros(X.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    free = torch.zeros(kind.free, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [w, free], max_iter=300, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def raw() -> torch.Tensor:
        return torch.cat([(inputs @ w[1:] + w[0])[:, None], free.expand(len(y), kind.free)], dim=1)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = kind.nll(raw(), target).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return w.detach().numpy(), raw().detach()


def test_poisson_is_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(300, 2))
    y = generator.poisson(np.exp(0.5 + X @ [0.4, -0.3])).astype(float)
    kind = fitted(y)
    w, raw = fit_linear(kind, X, y)
    reference = PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(w[1:], reference.coef_, atol=1e-5)
    np.testing.assert_allclose(w[0] + np.log(kind.fitted["mean"]), reference.intercept_, atol=1e-5)
    found = kind.predict(raw)
    np.testing.assert_allclose(found.value, reference.predict(X), rtol=1e-5)
    np.testing.assert_allclose(found.spread, np.sqrt(found.value))


def test_negative_binomial_finds_its_dispersion() -> None:
    generator = np.random.default_rng(1)
    mean, size = 4.0, 2.0
    y = generator.negative_binomial(size, size / (size + mean), 3000).astype(float)
    kind = fitted(y, distribution="negative_binomial")
    assert (kind.width, kind.free) == (1, 1)

    def loss(log_size: float) -> float:
        s = np.exp(log_size)
        return -float(stats.nbinom.logpmf(y, s, s / (s + y.mean())).sum())

    want = np.exp(-optimize.minimize_scalar(loss, bounds=(-5, 5), method="bounded").x)
    assert kind.fitted["dispersion"] == pytest.approx(want, rel=1e-4)
    assert kind.fitted["dispersion"] == pytest.approx(0.5, rel=0.1)
    found = kind.predict(torch.zeros(1, 2))
    assert found.spread is not None
    np.testing.assert_allclose(found.spread**2, y.mean() + want * y.mean() ** 2, rtol=1e-3)


def test_counts_that_spread_no_wider_than_poisson_have_the_least_dispersion() -> None:
    assert best_dispersion(np.array([3.0, 3.0, 4.0]), np.ones(3), 10 / 3) < 2e-4


def test_what_does_not_fit() -> None:
    with pytest.raises(KindError, match=r"whole numbers(.|\n)*row 1 is 1.5, row 2 is -1"):
        fitted([1, 1.5, -1, None])
    with pytest.raises(KindError, match="constant"):
        fitted([0, 0, None])
    with pytest.raises(ConfigError, match="did you mean 'poisson'"):
        Count(distribution="poison")
    kind = fitted([0, 1])
    with pytest.raises(ConfigError, match="cost matrix"):
        kind.fit_rule(Prediction(np.ones(1)), np.ones(1), np.ones(1), costs=[[0]])


def test_columns_constant_and_link() -> None:
    kind = fitted([0, 4])
    found = kind.constant(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.testing.assert_allclose([found.value[0], found.spread[0]], [2.0, np.sqrt(2.0)])
    assert list(kind.to_columns("n", found)) == ["n", "n_sd"]
    assert list(kind.to_columns("n", Prediction(np.ones(1)))) == ["n"]
    assert kind.constant(np.zeros(3), np.ones(3)).value[0] > 0
    mixed = kind.mix([Prediction(np.array([1.0])), Prediction(np.array([4.0]))], [0.5, 0.5])
    np.testing.assert_allclose(mixed.value, [2.0])
