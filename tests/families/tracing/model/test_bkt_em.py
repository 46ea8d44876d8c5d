"""Chains of hidden knowledge, against enumeration of all hidden paths."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from umbel.families.tracing.model.bkt_chains import Chains
from umbel.families.tracing.model.bkt_em import Bounds, Skills, expectation_maximisation, forward

WIDE = Bounds(least=1e-6, guess=0.99, slip=0.99, forget=0.99)


def skills_of(*rows: tuple[float, ...]) -> Skills:
    return Skills(*np.array(rows).T[:, :, None])


def paths(answers: np.ndarray, skill: tuple[float, ...]) -> list[tuple[tuple[int, ...], float]]:
    """All hidden paths of a chain with their joint probability with the answers."""
    prior, learn, forget, guess, slip = skill
    found = []
    for path in product((0, 1), repeat=len(answers)):
        p = prior if path[0] else 1 - prior
        for a, b in pairwise(path):
            p *= [[1 - learn, learn], [forget, 1 - forget]][a][b]
        for state, x in zip(path, answers, strict=True):
            right = 1 - slip if state else guess
            p *= right**x * (1 - right) ** (1 - x)
        found.append((path, p))
    return found


def sample(chance: np.random.Generator, skill: tuple[float, ...], chains: int, steps: int) -> np.ndarray:
    prior, learn, forget, guess, slip = skill
    known = chance.random(chains) < prior
    found = np.empty((chains, steps))
    for t in range(steps):
        found[:, t] = chance.random(chains) < np.where(known, 1 - slip, guess)
        known = np.where(known, chance.random(chains) >= forget, chance.random(chains) < learn)
    return found


def test_chains_hold_every_line_at_its_place() -> None:
    key, answer = np.array([5, 2, 5, 9, 5, 2]), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    chains = Chains.of(key, np.where(key == 5, 1, 0), answer)
    assert chains.key.tolist() == [5, 2, 9]
    assert chains.skill.tolist() == [1, 0, 0]
    assert chains.answer.tolist() == [0.1, 0.2, 0.4, 0.3, 0.6, 0.5]
    assert chains.offsets.tolist() == [0, 3, 5, 6]
    assert (answer[chains.line] == chains.answer).all()
    assert (key[chains.line] == chains.key[chains.chain]).all()
    assert chains.answer[chains.ends].tolist() == [0.5, 0.6, 0.4]


@pytest.mark.parametrize("partial", [False, True])
def test_forward_equals_enumeration(partial: bool) -> None:
    chance = np.random.default_rng(0)
    rows = [(0.3, 0.2, 0.1, 0.25, 0.15), (0.7, 0.05, 0.0, 0.1, 0.3)]
    answers = [chance.random(n) if partial else chance.integers(0, 2, n).astype(float) for n in (6, 1, 4)]
    skill = np.array([0, 1, 1])
    key = np.repeat([0, 1, 2], [6, 1, 4])
    chains = Chains.of(key, skill[key], np.concatenate(answers))
    passed = forward(chains, skills_of(*rows))
    right, after = np.empty(len(key)), np.empty(len(key))
    right[chains.line], after[chains.line] = passed.right[:, 0], passed.after[:, 0]
    for k, own in enumerate(answers):
        p = rows[skill[k]]
        for t in range(len(own)):
            before = sum(q for _, q in paths(own[:t], p)) if t else 1.0
            would = sum(q for _, q in paths(np.append(own[:t], 1.0), p))
            so_far = paths(own[: t + 1], p)
            known = sum(q for path, q in so_far if path[-1]) / sum(q for _, q in so_far)
            place = int((key < k).sum()) + t
            assert right[place] == pytest.approx(would / before, abs=1e-12)
            assert after[place] == pytest.approx(known, abs=1e-12)


def test_a_step_of_em_equals_expected_counts_of_enumeration() -> None:
    chance = np.random.default_rng(1)
    p = (0.3, 0.2, 0.1, 0.25, 0.15)
    answers = [chance.integers(0, 2, n).astype(float) for n in (5, 3, 1, 6)] + [chance.random(4)]
    key = np.repeat(np.arange(5), [5, 3, 1, 6, 4])
    chains = Chains.of(key, np.zeros_like(key), np.concatenate(answers))
    found, _, _ = expectation_maximisation(chains, skills_of(p), WIDE, most=2, tolerance=-np.inf)
    part, whole = np.zeros(5), np.zeros(5)
    for own in answers:
        total = sum(q for _, q in paths(own, p))
        for path, q in paths(own, p):
            w, state = q / total, np.array(path)
            part += w * np.array(
                [
                    state[0],
                    ((state[:-1] == 0) & (state[1:] == 1)).sum(),
                    ((state[:-1] == 1) & (state[1:] == 0)).sum(),
                    own[state == 0].sum(),
                    (1 - own[state == 1]).sum(),
                ]
            )
            whole += w * np.array(
                [1, (state[:-1] == 0).sum(), state[:-1].sum(), (state == 0).sum(), state.sum()]
            )
    assert np.allclose([values[0, 0] for values in found.parts], part / whole, atol=1e-12)


@pytest.mark.parametrize("forget", [0.0, 0.5])
def test_the_likelihood_never_falls(forget: float) -> None:
    chance = np.random.default_rng(2)
    key = np.sort(chance.integers(0, 150, 1500))
    chains = Chains.of(key, key % 4, chance.integers(0, 2, 1500).astype(float))
    bounds = Bounds(guess=0.3, slip=0.2, forget=forget)
    start = skills_of(*[(0.5, 0.1, 0.05, 0.2, 0.1)] * 4)
    found, likelihood, curve = expectation_maximisation(chains, start, bounds, most=60, tolerance=-np.inf)
    assert len(curve) == 60
    assert np.diff(curve).min() > -1e-9
    assert curve[-1] - curve[0] > 1
    assert likelihood.sum() == pytest.approx(curve[-1])
    assert np.allclose(np.log(forward(chains, found).likelihood).sum(), curve[-1])
    assert found.guess.max() <= 0.3
    assert found.slip.max() <= 0.2
    assert (found.forget == 0).all() if forget == 0 else (found.forget > 0).all()


def test_planted_parameters_are_found() -> None:
    chance = np.random.default_rng(3)
    planted = [(0.3, 0.15, 0.0, 0.2, 0.1), (0.6, 0.3, 0.0, 0.1, 0.05), (0.1, 0.08, 0.0, 0.3, 0.15)]
    answers = [sample(chance, p, 2500, 12) for p in planted]
    key = np.repeat(np.arange(7500), 12)
    chains = Chains.of(key, key // 2500, np.concatenate(answers).ravel())
    start = skills_of(*[(0.5, 0.1, 0.0, 0.25, 0.2)] * 3)
    found, _, _ = expectation_maximisation(chains, start, Bounds(), most=150)
    assert np.allclose(np.hstack(found.parts), planted, atol=0.04)


def test_the_best_start_of_each_skill_goes_on() -> None:
    chance = np.random.default_rng(4)
    answers = sample(chance, (0.3, 0.15, 0.0, 0.2, 0.1), 300, 8)
    key = np.repeat(np.arange(300), 8)
    chains = Chains.of(key, key % 2, answers.ravel())
    bad, good = (0.999, 0.001, 0.0, 0.5, 0.5), (0.4, 0.15, 0.0, 0.2, 0.1)
    both = Skills(*np.array([[bad, good], [good, bad]]).transpose(2, 0, 1))
    found, likelihood, _ = expectation_maximisation(chains, both, Bounds(), short=3, most=40)
    alone, best, _ = expectation_maximisation(chains, skills_of(good, good), Bounds(), most=43, tolerance=0.0)
    assert (likelihood > best - 0.05).all()
    assert np.allclose(found.guess, alone.guess, atol=0.02)


def test_a_skill_that_nobody_met_keeps_its_start() -> None:
    chains = Chains.of(np.zeros(3, dtype=int), np.zeros(3, dtype=int), np.array([0.0, 1.0, 1.0]))
    start = (0.4, 0.15, 0.02, 0.2, 0.1)
    found, likelihood, _ = expectation_maximisation(chains, skills_of(start, start), WIDE)
    assert tuple(values[1, 0] for values in found.parts) == start
    assert likelihood[1] == 0
