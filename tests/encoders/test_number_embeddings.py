"""Quantile, periodic and piecewise linear encodings of numbers against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm, rankdata

from umbel.data.schema import Column
from umbel.encoders.periodic import Periodic
from umbel.encoders.piecewise import Piecewise
from umbel.encoders.quantile import Quantile
from umbel.errors import ConfigError

SKEWED = pd.DataFrame({"x": np.exp(np.random.default_rng(0).normal(size=400)), "y": np.arange(400.0)})
BOTH = [Column("x", "number"), Column("y", "number")]


class TestQuantile:
    def test_features_are_normal_scores(self) -> None:
        encoder = Quantile(BOTH[:1])
        encoder.fit(SKEWED)
        found = encoder.transform(SKEWED)[:, 0].double().numpy()
        scores = norm.ppf((rankdata(SKEWED["x"]) - 0.5) / 400)
        inner = np.abs(scores) < 2
        np.testing.assert_allclose(found[inner], (scores / scores.std())[inner], atol=0.05)
        assert np.abs(found).max() < 3.5

    def test_units_do_not_matter(self) -> None:
        one, other = Quantile(BOTH[:1]), Quantile(BOTH[:1])
        one.fit(SKEWED)
        other.fit(SKEWED * 1000.0)
        torch.testing.assert_close(one.transform(SKEWED), other.transform(SKEWED * 1000.0))

    def test_a_missing_cell_is_told_of(self) -> None:
        table = SKEWED.assign(x=SKEWED["x"].where(SKEWED.index % 5 != 0))
        encoder = Quantile(BOTH[:1])
        encoder.fit(table)
        assert encoder.out == 2
        assert encoder.transform(table)[:, 1].unique().numel() == 2


class TestPeriodic:
    def test_waves_by_hand(self) -> None:
        encoder = Periodic(BOTH, frequencies=3, width=2, clip=None)
        encoder.fit(SKEWED)
        encoder.build()
        x = encoder.transform(SKEWED)
        angle = 2 * math.pi * x[:, 1, None] * encoder.waves.frequency[1]
        spread = torch.cat([angle.sin(), angle.cos()], dim=1)
        by_hand = torch.relu(spread @ encoder.layer.weight[1] + encoder.layer.bias[1])
        torch.testing.assert_close(encoder(x)[:, 2:], by_hand)

    def test_it_fits_what_changes_quickly(self) -> None:
        torch.manual_seed(0)
        table = pd.DataFrame({"x": np.linspace(-1, 1, 256)})
        encoder = Periodic([Column("x", "number")], sigma=1.0, frequencies=32)
        encoder.fit(table)
        encoder.build()
        x = encoder.transform(table)
        quick = torch.sin(12 * x[:, :1])
        head = torch.nn.Linear(encoder.out, 1)
        optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=0.01)
        for _ in range(150):
            loss = (head(encoder(x)) - quick).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss.item() < 0.05

    def test_options_are_checked(self) -> None:
        with pytest.raises(ConfigError, match="frequency"):
            Periodic(BOTH, frequencies=0)
        with pytest.raises(ConfigError, match="width"):
            Periodic(BOTH, width=0)


class TestPiecewise:
    def test_shares_of_bins_by_hand(self) -> None:
        encoder = Piecewise([Column("y", "number")], bins=4, clip=None)
        encoder.fit(SKEWED)
        encoder.build()
        scores = encoder.transform(SKEWED).double().numpy()[:, 0]
        edges = np.quantile(scores, [0, 0.25, 0.5, 0.75, 1])
        shares = (scores[:, None] - edges[:-1]) / np.diff(edges)
        found = encoder.spread_out(torch.from_numpy(scores).float()[:, None])[:, 0]
        np.testing.assert_allclose(found.numpy(), shares.clip(0, 1), atol=1e-5)

    def test_the_ends_go_on(self) -> None:
        encoder = Piecewise([Column("y", "number")], bins=4, clip=None)
        encoder.fit(SKEWED)
        encoder.build()
        far = encoder.spread_out(encoder.transform(pd.DataFrame({"y": [-400.0, 800.0]})))[:, 0]
        assert far[0, 0] < -3
        assert (far[0, 1:] == 0).all()
        assert far[1, -1] > 4
        assert (far[1, :-1] == 1).all()

    def test_equal_quantiles_are_a_step(self) -> None:
        table = pd.DataFrame({"y": [0.0] * 90 + [1.0] * 10})
        encoder = Piecewise([Column("y", "number")], bins=5, clip=None)
        encoder.fit(table)
        encoder.build()
        found = encoder.spread_out(encoder.transform(table))
        assert torch.isfinite(found).all()
        assert not torch.equal(found[0], found[-1])
