from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
import torch

from tracing_nets import batch_of, classroom, hold_composition, hold_no_leak
from umbel.errors import ConfigError, DataError
from umbel.families.tracing.model.calibration import Calibrator
from umbel.families.tracing.model.following import walk
from umbel.families.tracing.model.growth import Growth
from umbel.families.tracing.model.growth_net import GrowthNet, GrowthPrior
from umbel.families.tracing.model.growth_pool import GrowthPool
from umbel.families.tracing.model.tracer import Tracer
from umbel.families.tracing.source.probes import Probes
from umbel.families.tracing.source.simulate import simulate


@cache
def small() -> Growth:
    log = classroom()
    model = Growth(epochs=8, tokens=128, calibration="none").fit(log, log)
    assert isinstance(model, Growth)
    return model


@cache
def chain() -> Growth:
    log = simulate("chain", students=600, concepts=3, questions=5, steps=36, seed=7).log
    cut = log.take(np.arange(520)), log.take(np.arange(520, 600))
    model = Growth(epochs=25, tokens=8192).fit(*cut)
    assert isinstance(model, Growth)
    return model


def drawn_net() -> GrowthNet:
    torch.manual_seed(0)
    pairs = torch.tensor([[1, 1, 2, 3, 3], [1, 2, 3, 4, 1]])
    net = GrowthNet(4, 3, pairs, torch.tensor([0.5, 0.5, 1.0, 0.25, 0.75]))
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return net


def test_no_forecast_knows_its_own_answer_or_anothers_student() -> None:
    hold_no_leak(small())
    hold_composition(small())


def test_the_network_follows_its_equations() -> None:
    net = drawn_net()
    value = {name: p.detach().double().numpy() for name, p in net.named_parameters()}

    def sigma(x):
        return 1 / (1 + np.exp(-x))

    guess, slip = sigma(value["luck"])
    (k, h, floor), (k2, h2, floor2) = np.exp(value["own"]), np.exp(value["shared"])
    d = value["difficulty"]
    level = np.array([(d[1] + d[2]) / 2, d[3], 0.25 * d[4] + 0.75 * d[1]])
    u, met = value["start"].copy(), np.zeros(3)
    steps = [([0], 1, 1.0), ([0, 2], 2, 0.0), ([], 0, 1.0), ([1], 3, 0.5), ([2], 0, 1.0)]
    wanted = []
    for n, (own, question, said) in enumerate(steps):
        seen = u[own].mean() if own else u.mean()
        hard = d[question] - (level[own].mean() if own else 0.0) if question else 0.0
        p = guess + (1 - guess - slip) * sigma(seen - hard)
        wanted.append(np.log(p / (1 - p)))
        corrected = u + (said - p) * (k2 / (1 + h2 * n) + floor2)
        for c in own:
            corrected[c] += (said - p) * (k / (1 + h * met[c]) + floor)
        m = sigma(corrected) - sigma(value["start"])
        u = corrected - np.exp(value["forgetting"]) * (corrected - value["start"])
        for c in own:
            rise = value["rise"][c] - np.log1p(np.exp(value["room"])) * m[c] + value["needs"][c] @ m
            u[c] += np.exp(min(rise, 1.0))
            met[c] += 1
    table = [[c + 1 for c in own] + [0] * (2 - len(own)) for own, _, _ in steps]
    batch = batch_of([table], [[s for _, _, s in steps]], [[q for _, q, _ in steps]])
    found = net(batch)["correct"][0, :, 0].detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=2e-5)


def test_an_expected_gain_is_practice_alone() -> None:
    # where practice adds the same whatever is known, the mean over both answers is exactly what it adds
    net = drawn_net()
    with torch.no_grad():
        net.needs.zero_()
        net.room.fill_(-30.0)
    pool = GrowthPool(net, Calibrator(), 6)
    pool.belief += torch.linspace(-1, 1, 6)[:, None]
    who, none, what = np.arange(6), np.zeros(6, dtype=np.int64), np.array([[1], [2], [3]] * 2)
    right = pool.forecast(who, none, what)
    after = []
    for answer in (1.0, 0.0):
        copy = pool.take(who)
        copy.update(who, none, what, np.full(6, answer))
        after.append(copy.belief.double().numpy())
    mean = right[:, None] * after[0] + (1 - right[:, None]) * after[1]
    members = torch.eye(3)[what[:, 0] - 1]
    grown = net.practised(pool.belief, members).detach().double().numpy()
    kept = 1 - torch.exp(net.forgetting).item()
    np.testing.assert_allclose(mean, grown, atol=1e-6)
    assert np.abs(after[0] - after[1]).min() > 0.02 * kept  # every answer does move every belief
    added = grown - pool.belief.double().numpy()
    expected = torch.exp(net.rise.clamp(max=1.0)).detach().double().numpy()[what[:, 0] - 1]
    drift = (1 - kept) * (pool.belief - net.start).detach().double().numpy()
    each = np.arange(6), what[:, 0] - 1
    np.testing.assert_allclose(added[each] + drift[each], expected, atol=1e-5)
    still = pool.take(who)
    still.update(who, none, what, right)  # an answer that is its own expectation
    np.testing.assert_allclose(still.belief.double().numpy(), grown, atol=1e-6)


def test_a_pool_forecasts_what_the_network_does() -> None:
    model, log = small(), classroom(9, seed=4)
    told = model.predict(log)
    coded = model.codes(log)
    table = coded.table[coded.sets]
    for place, pool in enumerate(walk(model, log, list(range(int(log.lengths.max()))))):
        who = np.flatnonzero(log.lengths > place)
        at = log.offsets[who] + place
        found = pool.forecast(who, coded.question[at], table[at])
        np.testing.assert_allclose(found, told[at], atol=2e-6)
        np.testing.assert_allclose(
            pool.mastery(5)[who[0]],
            pool.forecast(np.repeat(who[:1], 5), np.zeros(5, dtype=np.int64), np.arange(1, 6)[:, None]),
            atol=1e-7,
        )


def test_asking_is_forecasting_at_the_end() -> None:
    model, log = small(), classroom(7, seed=6)
    probes = Probes.each_concept(5)
    np.testing.assert_allclose(model.ask(log, probes), Tracer.ask(model, log, probes), atol=1e-12)
    model_alone = Tracer._ask(model, log, probes)  # by copies of the log
    np.testing.assert_allclose(model.ask(log, probes), model_alone, atol=2e-6)


def test_a_question_of_average_difficulty_is_the_mean_of_its_concepts() -> None:
    net = drawn_net()
    members = torch.eye(3)
    at = [(1, 0, 0.5), (2, 0, 0.5), (3, 1, 1.0), (4, 2, 0.25), (1, 2, 0.75)]
    total = torch.zeros(3)
    for question, concept, share in at:
        total[concept] += share * net.hardness(torch.tensor([question]), members[concept][None])[0]
    torch.testing.assert_close(total, torch.zeros(3), atol=1e-6, rtol=0)
    assert net.hardness(torch.tensor([0]), members[:1]).item() == 0.0
    assert abs(net.hardness(torch.tensor([1]), members[:1]).item()) > 0.01


def test_a_prerequisite_is_found_in_the_answers() -> None:
    needs = chain().needs
    forward, backward = needs[[1, 2], [0, 1]], needs[[0, 1], [1, 2]]
    assert forward.mean() > backward.mean() + 0.3
    assert forward.min() > 0.5


def test_the_prior_is_that_of_normal_needs() -> None:
    net = drawn_net()
    wanted = (net.needs**2).sum() / (2 * 0.5**2) + (net.difficulty**2).sum() / 2
    assert GrowthPrior(0.5)(net).item() == pytest.approx(wanted.item())


def test_the_model_is_made_again_from_its_state() -> None:
    model, log = small(), classroom(8, seed=2)
    state = model.state
    json.dumps(state["options"])
    again = Growth.from_state(state)
    np.testing.assert_array_equal(again.predict(log), model.predict(log))
    np.testing.assert_array_equal(again.pool(2).mastery(5), model.pool(2).mastery(5))
    assert again.options == model.options


def test_options_and_updates_are_checked() -> None:
    with pytest.raises(ConfigError, match="'width'"):
        Growth(width=8)
    with pytest.raises(ConfigError, match="needs_spread"):
        Growth(needs_spread=0.0)
    two = np.zeros(2, dtype=np.int64)
    with pytest.raises(DataError, match="one answer at a time"):
        small().pool(3).update(two, two, np.ones((2, 1), dtype=np.int64), np.ones(2))
