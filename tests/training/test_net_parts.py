"""Priors, stopping, schedules, calibration, losses: each against its formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from neural_tables import NUMBERS, dataset, frame
from umbel.errors import ConfigError
from umbel.sharing.heads import GroupEmbedding, Head
from umbel.tasks import KINDS
from umbel.training.calibrate import fit_calibration
from umbel.training.learners.net import Net
from umbel.training.losses import task_weights
from umbel.training.prior import PRIORS, Gaussian, Laplace, MeanRegularised
from umbel.training.schedule import constant, cosine, one_cycle, schedule
from umbel.training.stopping import Stopping
from umbel.training.tabulate import start_of


class TestPriors:
    def test_gaussian_and_laplace_are_their_log_densities(self) -> None:
        model = nn.Linear(3, 2).double()
        w = model.weight.detach()
        for prior, density in (
            (Gaussian(0.7), torch.distributions.Normal(0.0, 0.7)),
            (Laplace(0.7), torch.distributions.Laplace(0.0, 0.7)),
        ):
            constant_part = density.log_prob(torch.zeros(())).double() * w.numel()
            torch.testing.assert_close(prior(model).detach(), constant_part - density.log_prob(w).sum())

    def test_heads_around_their_mean(self) -> None:
        heads = nn.ModuleDict({name: Head(4, 1, 0) for name in ("one", "two", "three")}).double()
        weights = torch.stack([h.weight for h in heads.values()])
        expected = (weights - weights.mean(dim=0)).square().sum() / (2 * 0.5**2)
        torch.testing.assert_close(MeanRegularised(0.5)(heads), expected)
        other = nn.ModuleDict({**heads, "wider": Head(4, 2, 0)}).double()
        torch.testing.assert_close(MeanRegularised(0.5)(other), expected)

    def test_group_deviations(self) -> None:
        head = Head(4, 1, 0, groups=3).double()
        with torch.no_grad():
            head.group_weight.normal_()
            head.group_bias.normal_()
        v = torch.cat([head.group_weight.flatten(), head.group_bias.flatten()])
        expected = v.square().sum() / (2 * 0.5**2) + head.weight.square().sum() / (2 * 2.0**2)
        torch.testing.assert_close(MeanRegularised(0.5, common=2.0)(nn.ModuleList([head])), expected)

    def test_mean_regularised_net_is_its_closed_form(self) -> None:
        """w_g = w_0 + v_g: ridge over [x, one-hot(g) * (x, 1)] with no penalty on the common part."""
        table = frame(90, seed=8, missing=0.0)
        table["a"] = table["a"].fillna(0.0)
        data = dataset(table, ("height",), columns=NUMBERS, by="school")
        net = Net(
            depth=0, embedding=0, wide="none", task_embedding=0, optimizer="lbfgs", dtype="float64",
            epochs=60, stopping="none", task_weighting="labels", prior="mean_regularised", prior_scale=0.4,
        )  # fmt: skip
        found = net.fit(data, data).predict(data)["height"]
        x = table[["a", "b"]].to_numpy()
        x = (x - x.mean(axis=0)) / x.std(axis=0)
        kind = data.tasks.targets[0].kind
        y = (data.values("height") - kind.fitted["loc"]) / kind.fitted["scale"]
        group = data.group
        assert group is not None
        one = np.column_stack([x, np.ones(len(x))])
        own = np.concatenate([one * (group == g)[:, None] for g in range(3)], axis=1)
        # each group also has its own noise, so the closed form is that of weighted least squares
        spread = np.asarray(found.spread) / kind.fitted["scale"]
        design = np.concatenate([one, own], axis=1)
        penalty = np.concatenate([np.zeros(3), np.full(9, 1 / 0.4**2)])
        gram = design.T @ (design / spread[:, None] ** 2) + np.diag(penalty)
        solved = np.linalg.solve(gram, design.T @ (y / spread**2))
        mine = (found.value - kind.fitted["loc"]) / kind.fitted["scale"]
        np.testing.assert_allclose(mine, design @ solved, atol=1e-3)

    def test_a_scale_is_positive(self) -> None:
        assert PRIORS.get("gaussian") is Gaussian
        with pytest.raises(ConfigError, match="above 0"):
            Gaussian(0.0)


class TestStopping:
    CURVES = ((1.0, 2.0), (0.8, 1.9), (0.9, 1.0), (0.85, 1.5), (0.95, 1.6))

    def told(self, how: str, patience: int = 9) -> Stopping:
        stopping = Stopping(["a", "b", "c"], how, patience)
        for a, b in self.CURVES:
            stopping.record({"a": a, "b": b, "c": None})
        return stopping

    def test_restore_takes_each_target_at_its_best(self) -> None:
        assert self.told("restore").chosen == {"a": 1, "b": 2, "c": 2}
        assert self.told("restore").kept == {1, 2}

    @pytest.mark.parametrize("how", ["shared", "head"])
    def test_shared_takes_the_best_mean_relative_gain(self, how: str) -> None:
        # gains: (.2 + .05) / 2, (.1 + .5) / 2, (.15 + .25) / 2, (.05 + .2) / 2
        stopping = self.told(how)
        assert stopping.gains == pytest.approx([0, 0.125, 0.3, 0.2, 0.125])
        assert stopping.chosen == {"a": 2, "b": 2, "c": 2}

    def test_none_takes_the_last(self) -> None:
        assert self.told("none").chosen == {"a": 4, "b": 4, "c": 4}
        assert not self.told("none", patience=1).done

    @pytest.mark.parametrize(("patience", "done"), [(1, True), (2, True), (3, False)])
    def test_it_ends_after_patience(self, patience: int, done: bool) -> None:
        assert self.told("restore", patience).done is done

    def test_its_state_brings_it_back(self) -> None:
        one = self.told("restore")
        other = Stopping(["a", "b", "c"])
        other.restore(one.state())
        assert (other.chosen, other.gains, other.epochs) == (one.chosen, one.gains, 4)


def test_schedules() -> None:
    assert [constant(s, 9) for s in (0, 8)] == [1.0, 1.0]
    assert [round(cosine(s, 10), 6) for s in (0, 5, 10)] == [1.0, 0.5, 0.0]
    line = [one_cycle(s, 100) for s in range(100)]
    assert line[:10] == pytest.approx([0.1 * k for k in range(1, 11)])
    assert max(line) == line[9] == line[10] == 1.0
    assert line[10:] == sorted(line[10:], reverse=True)
    with pytest.raises(ConfigError, match="cosine"):
        schedule("cosinus")


def test_task_weights() -> None:
    tasks = dataset(frame(40), weights={"weight": 2.0}).tasks
    counts = torch.tensor([30.0, 10.0, 0.0]).double()
    assert task_weights(tasks, counts, "tasks").tolist() == [0.5, 1.0, 0.0]
    assert task_weights(tasks, counts, "labels").tolist() == [0.75, 0.5, 0.0]


def test_heads_begin_at_the_constant() -> None:
    data = dataset(frame(200, missing=0.2), ("height", "sick", "visits", "grade", "tags", "sort"))
    for target in data.tasks.targets:
        values, weights = data.values(target.name), data.weights(target.name)
        raw = start_of(target.kind, torch.from_numpy(values), torch.from_numpy(weights))
        found = target.kind.predict(raw[None]).value
        expected = target.kind.constant(values, weights).value
        np.testing.assert_allclose(found, expected, rtol=2e-2, atol=2e-2)


class TestCalibration:
    def test_a_number_is_regressed_on_its_prediction(self) -> None:
        torch.manual_seed(0)
        data = dataset(frame(2000, missing=0.0), ("height",))
        kind = data.tasks.targets[0].kind
        y = torch.from_numpy(data.values("height"))
        unit = (y - y.mean()) / y.std()
        raw = torch.stack([3 * (0.6 * unit + 0.5 * torch.randn(len(y))) + 1, torch.zeros(len(y))], dim=1)
        found = fit_calibration(kind, raw, y, torch.ones(len(y)))
        assert found is not None
        slope, shift = np.polyfit(raw[:, 0].numpy(), unit.numpy(), 1)
        assert found.scale[0] == pytest.approx(slope, rel=0.02)
        assert found.shift[0] == pytest.approx(shift, abs=0.02)
        residual = unit.numpy() - slope * raw[:, 0].numpy() - shift
        assert found.shift[1] == pytest.approx(np.log(residual.std()), abs=0.02)

    def test_a_probability_is_platt_scaled(self) -> None:
        from sklearn.linear_model import LogisticRegression

        chance = np.random.default_rng(0)
        score = chance.normal(size=3000)
        y = (chance.random(3000) < 1 / (1 + np.exp(-(0.5 * score + 0.3)))).astype(float)
        kind = KINDS.get("binary")()

        kind.fit(pd.Series(y))
        raw = torch.from_numpy(score)[:, None]
        found = fit_calibration(kind, raw, torch.from_numpy(y), torch.ones(3000))
        oracle = LogisticRegression(C=1e9).fit(raw.numpy(), y)
        assert found is not None
        assert found.scale[0] == pytest.approx(float(oracle.coef_[0, 0]), rel=0.02)
        assert found.shift[0] == pytest.approx(float(oracle.intercept_[0]), abs=0.02)

    def test_it_never_fits_worse_and_needs_a_label(self) -> None:
        torch.manual_seed(0)
        data = dataset(frame(300), ("height", "sick", "visits", "grade", "tags", "sort"))
        for target in data.tasks.targets:
            kind = target.kind
            values = torch.from_numpy(data.values(target.name))
            weights = torch.from_numpy(data.weights(target.name))
            raw = torch.randn(len(data), kind.width + kind.free).double()
            found = fit_calibration(kind, raw, values, weights)
            assert found is not None
            known = weights != 0
            before, after = (kind.nll(r, values)[known].mean() for r in (raw, found(raw)))
            assert after < before
            assert fit_calibration(kind, raw, values, torch.zeros_like(weights)) is None


class TestHeads:
    def test_a_row_of_no_group_gets_the_common_head(self) -> None:
        head = Head(3, 2, 1, groups=4).double()
        with torch.no_grad():
            for parameter in head.parameters():
                parameter.normal_()
        x = torch.randn(5, 3).double()
        group = torch.tensor([0, 3, -1, 3, 1])
        found = head(x, group)
        for row, g in enumerate(group.tolist()):
            weight, shift = head.weight, torch.cat([head.bias, head.free])
            if g >= 0:
                weight = weight + head.group_weight[g].view(2, 3)
                shift = shift + head.group_bias[g]
            expected = torch.cat([weight @ x[row], torch.zeros(1).double()]) + shift
            torch.testing.assert_close(found[row], expected)
        torch.testing.assert_close(head(x)[2], found[2])

    def test_an_unknown_group_is_embedded_at_the_mean(self) -> None:
        groups = GroupEmbedding(4, 2)
        found = groups(torch.tensor([2, -1]))
        torch.testing.assert_close(found[0], groups.weight[2])
        torch.testing.assert_close(found[1], groups.weight.mean(dim=0))


def test_the_noise_that_is_learned_is_the_residual_spread() -> None:
    table = frame(200, seed=3, missing=0.2)
    data = dataset(table, ("height",), columns=NUMBERS)
    known = data.known("height")
    net = Net(
        depth=0, embedding=0, wide="none", optimizer="lbfgs", dtype="float64", epochs=40,
        stopping="none", task_weighting="labels",
    )  # fmt: skip
    found = net.fit(data, data).predict(data)["height"].take(known)
    residual = data.values("height")[known] - found.value
    np.testing.assert_allclose(found.spread, np.sqrt((residual**2).mean()), rtol=1e-4)
