from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from umbel.errors import ConfigError, KindError
from umbel.tasks.prediction import Prediction
from umbel.tasks.regression import Regression
from umbel.tasks.scales import SCALES


def fitted(cells: object, **options: object) -> Regression:
    kind = Regression(**options)
    kind.fit(pd.Series(cells, name="size"))
    return kind


def test_raw_is_standardised_by_the_training_rows() -> None:
    kind = fitted([1.0, 3.0, None])
    found = kind.predict(torch.tensor([[0.0, 0.0], [1.0, np.log(2.0)]]))
    np.testing.assert_allclose(found.value, [2.0, 3.0])
    np.testing.assert_allclose(found.spread, [1.0, 2.0], rtol=0.03)
    nll = kind.nll(torch.tensor([[0.5, 0.3]], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64))
    np.testing.assert_allclose(nll, -stats.norm.logpdf(2.0, 0.5, np.exp(7 * np.tanh(0.3 / 7))))


def test_learned_noise_is_the_residual_standard_deviation() -> None:
    generator = np.random.default_rng(0)
    X = np.column_stack([np.ones(200), generator.normal(size=(200, 2))])
    y = X @ [5.0, 2.0, -1.0] + 0.3 * generator.normal(size=200)
    kind = fitted(y)
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    noise = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [w, noise], max_iter=300, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )
    inputs, target = torch.as_tensor(X), torch.as_tensor(y)

    def raw() -> torch.Tensor:
        return torch.stack([inputs @ w, noise.expand(200)], dim=1)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = kind.nll(raw(), target).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    found = kind.predict(raw())
    assert found.spread is not None
    np.testing.assert_allclose(found.spread, residual.std(), rtol=1e-6)
    np.testing.assert_allclose(found.value, y - residual, rtol=1e-6, atol=1e-6)


def test_heteroscedastic_noise_belongs_to_the_row() -> None:
    assert (Regression().width, Regression().free) == (1, 1)
    kind = fitted([1.0, 2.0], heteroscedastic=True)
    assert (kind.width, kind.free) == (2, 0)


@given(st.sampled_from(sorted(map(str, SCALES))), st.lists(st.floats(0.01, 1e6), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_scales_go_there_and_back(name: str, values: list[float]) -> None:
    scale = next(scale for key, scale in SCALES.items() if str(key) == name)
    x = np.array(values)
    np.testing.assert_allclose(scale.back(scale.forward(x)), x, rtol=1e-9)


@pytest.mark.parametrize("log", [True, "log10", "log1p"])
def test_columns_are_in_the_users_units(log: bool | str) -> None:
    kind = fitted([1.0, 10.0, 100.0], log=log)
    mean, sd = np.array([0.8]), np.array([0.3])
    columns = kind.to_columns("size", Prediction(mean, sd))
    draws = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000, mean, sd)
    back = np.exp(draws * np.log(10.0)) if log == "log10" else np.exp(draws) - (log == "log1p")
    np.testing.assert_allclose(columns["size"], np.median(back), rtol=1e-4)
    np.testing.assert_allclose(columns["size_mean"], back.mean(), rtol=1e-3)
    np.testing.assert_allclose(columns["size_low"], np.quantile(back, 0.05), rtol=1e-3)
    np.testing.assert_allclose(columns["size_high"], np.quantile(back, 0.95), rtol=1e-3)


def test_columns_without_a_spread_have_no_interval() -> None:
    assert list(fitted([1.0, 2.0]).to_columns("size", Prediction(np.ones(2)))) == ["size"]


def test_clipping_below_before_the_logarithm() -> None:
    kind = fitted([0.0, 5.0, 1e6, None], log="log10", clip_low=1e4)
    np.testing.assert_allclose(kind.encode(pd.Series([-3.0, 1e5, None])).values, [4.0, 5.0, 0.0])
    for log, cell in ((True, 0.0), ("log10", -1.0), ("log1p", -1.0)):
        with pytest.raises(KindError, match=r"logarithm(.|\n)*'size': row 1 is(.|\n)*clip_low"):
            fitted([1.0, cell], log=log)
    fitted([1.0, 0.0], log="log1p")


def test_what_does_not_fit() -> None:
    with pytest.raises(KindError, match="row 1 is 'tall'"):
        fitted(["1", "tall"])
    with pytest.raises(KindError, match=r"all 2 known cells are '3'"):
        fitted(["3", "3", None])
    with pytest.raises(KindError, match=r"all 3 known cells are 0.1"):
        fitted([0.1, 0.1, 0.1])
    with pytest.raises(KindError, match=r"squares(.|\n)*row 1 is -1e\+200"):
        fitted([1.0, -1e200])
    with pytest.raises(ConfigError, match="log must be"):
        Regression(log="log2")
    with pytest.raises(ConfigError, match="clip_low"):
        Regression(clip_low=float("nan"))
    kind, found = fitted([1.0, 2.0]), Prediction(np.ones(2))
    with pytest.raises(ConfigError, match="cost matrix"):
        kind.fit_rule(found, np.ones(2), np.ones(2), costs=[[0, 1], [1, 0]])
    with pytest.raises(ConfigError, match="chosen for"):
        kind.fit_rule(found, np.ones(2), np.ones(2), metric="f1")
    assert kind.fit_rule(found, np.ones(2), np.ones(2), metric="mae") == {}


def test_unknown_cells_far_from_the_others_have_a_finite_loss() -> None:
    kind = fitted([1e12, 1e12 + 1.0])
    encoded = kind.encode(pd.Series([None, 1e12]))
    raw = torch.zeros(2, 2, requires_grad=True)
    nll = kind.nll(raw, torch.as_tensor(encoded.values))
    (nll * torch.as_tensor(encoded.weights)).sum().backward()
    assert torch.isfinite(nll).all()
    assert raw.grad is not None
    assert torch.isfinite(raw.grad).all()


def test_constant_weighs_rows_and_has_some_spread() -> None:
    kind = fitted([0.0, 10.0])
    found = kind.constant(np.array([1.0, 5.0, 9.0]), np.array([1.0, 3.0, 0.0]))
    np.testing.assert_allclose(found.value, [4.0])
    np.testing.assert_allclose(found.spread, [np.sqrt((9 + 3) / 4)])
    alone = kind.constant(np.array([7.0]), np.ones(1))
    assert alone.spread is not None
    assert 0 < alone.spread[0] < 0.01
    unknown = kind.constant(np.array([7.0]), np.zeros(1))
    np.testing.assert_allclose(unknown.value, [5.0])


def test_a_mix_has_the_spread_of_the_mixture() -> None:
    kind = fitted([0.0, 10.0])
    a, b = Prediction(np.array([1.0]), np.array([2.0])), Prediction(np.array([5.0]), np.array([1.0]))
    found = kind.mix([a, b], [0.25, 0.75])
    mean = 0.25 * 1 + 0.75 * 5
    second = 0.25 * (1 + 4) + 0.75 * (25 + 1)
    np.testing.assert_allclose(found.value, mean)
    assert found.spread is not None
    np.testing.assert_allclose(found.spread, np.sqrt(second - mean**2))
