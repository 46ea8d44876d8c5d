"""Chains of hidden knowledge with two states: the forward pass, and EM over all skills at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from umbel.families.tracing.model.bkt_chains import Chains

__all__ = ["Bounds", "Passed", "Skills", "expectation_maximisation", "forward"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Skills:
    """The five probabilities of K skills, [K, R] each, where R are starts of a search side by side.

    :param prior: of knowing the skill before the first answer.
    :param learn: of knowing it after an answer, when it was not known at the answer.
    :param forget: of not knowing it after an answer, when it was known.
    :param guess: of a right answer without knowing.
    :param slip: of a wrong answer in spite of knowing.
    """

    prior: Floats
    learn: Floats
    forget: Floats
    guess: Floats
    slip: Floats

    def pick(self, start: Ints) -> Skills:
        """One start for each skill, [K, 1] each."""
        row = np.arange(len(start))
        return Skills(*(values[row, start][:, None] for values in self.parts))

    @property
    def parts(self) -> tuple[Floats, ...]:
        """The five arrays, in the order above."""
        return self.prior, self.learn, self.forget, self.guess, self.slip


@dataclass(frozen=True)
class Bounds:
    """Where parameters may lie.

    A skill whose guess and slip are both large is known by those who answer wrong (Baker et al. 2008 call the
    model degenerate); with both at most a half, knowing never makes a right answer less likely.

    :param least: nothing is nearer to 0 (and no prior and no transition nearer to 1) than this.
    :param guess: the largest guess.
    :param slip: the largest slip.
    :param forget: the largest forgetting; 0 for none.
    """

    least: float = 1e-4
    guess: float = 0.5
    slip: float = 0.5
    forget: float = 0.0

    def hold(self, skills: Skills) -> Skills:
        """The nearest parameters within the bounds."""
        low = self.least
        return Skills(
            np.clip(skills.prior, low, 1 - low),
            np.clip(skills.learn, low, 1 - low),
            np.clip(skills.forget, min(low, self.forget), self.forget),
            np.clip(skills.guess, low, self.guess),
            np.clip(skills.slip, low, self.slip),
        )


@dataclass(frozen=True)
class Passed:
    """What the forward pass finds, [L, R] each, laid out like the chains.

    :param known: probability that the skill is known before the answer, given the answers before it.
    :param right: probability of a right answer, given the answers before it.
    :param likelihood: of the answer that came, given the answers before it.
    :param after: probability that it was known at the answer, given this answer too.
    :param emit: likelihood of the answer with and without knowing, each [L, R].
    """

    known: Floats
    right: Floats
    likelihood: Floats
    after: Floats
    emit: tuple[Floats, Floats]


def forward(chains: Chains, skills: Skills) -> Passed:
    """The forward algorithm, all chains at once, position by position.

    Partial credit x has the likelihood p^x (1 - p)^(1 - x), which is Bernoulli's at 0 and 1.

    Source: Corbett & Anderson 1995; Rabiner 1989, section III.A.
    """
    own = chains.skill[chains.chain]
    prior, learn, forget = (values[chains.skill] for values in (skills.prior, skills.learn, skills.forget))
    guess, slip = skills.guess[own], skills.slip[own]
    emit = _bernoulli(chains.answer, 1 - slip), _bernoulli(chains.answer, guess)
    known, after, likelihood = np.empty_like(guess), np.empty_like(guess), np.empty_like(guess)
    k = prior
    for a, b in zip(chains.offsets[:-1], chains.offsets[1:], strict=True):
        k = k[: b - a]
        with_it = k * emit[0][a:b]
        total = with_it + (1 - k) * emit[1][a:b]
        g = with_it / total
        known[a:b], likelihood[a:b], after[a:b] = k, total, g
        k = g + (1 - g) * learn[: b - a] - g * forget[: b - a]
    return Passed(known, known * (1 - slip) + (1 - known) * guess, likelihood, after, emit)


def _bernoulli(answer: Floats, right: Floats) -> Floats:
    """Likelihood of answers [L] where a right one has the probabilities [L, R]."""
    x = answer[:, None]
    if np.isin(answer, (0.0, 1.0)).all():
        return np.where(x == 1, right, 1 - right)
    return np.asarray(right**x * (1 - right) ** (1 - x))


@dataclass(frozen=True)
class _Sums:
    """Sums over lines of each skill, as products with sparse matrices [K, L]."""

    all: sparse.csr_array
    wrong: sparse.csr_array
    goes_on: sparse.csr_array
    begins: sparse.csr_array

    @staticmethod
    def of(chains: Chains, count: int) -> _Sums:
        own, lines = chains.skill[chains.chain], np.arange(len(chains.answer))
        goes_on = np.ones(len(lines))
        goes_on[chains.ends] = 0.0
        begins = (lines < len(chains.skill)).astype(np.float64)

        def matrix(weight: Floats) -> sparse.csr_array:
            return sparse.csr_array((weight, (own, lines)), shape=(count, len(lines)))

        return _Sums(matrix(np.ones(len(lines))), matrix(1 - chains.answer), matrix(goes_on), matrix(begins))


def _step(chains: Chains, skills: Skills, sums: _Sums, bounds: Bounds) -> tuple[Skills, Floats]:
    """One step of EM (Baum-Welch): better parameters, and log likelihoods of those that came, [K, R]."""
    passed = forward(chains, skills)
    learn, forget = skills.learn[chains.skill], skills.forget[chains.skill]
    knows, learns, forgets = (
        np.empty_like(passed.known),
        np.zeros_like(passed.known),
        np.zeros_like(passed.known),
    )
    ratio = passed.emit[0] / passed.likelihood, passed.emit[1] / passed.likelihood
    beta1 = np.ones((len(chains.skill), passed.known.shape[1]))
    beta0 = np.ones_like(beta1)
    later = 0  # chains that reach the next position
    for a, b in zip(chains.offsets[-2::-1], chains.offsets[:0:-1], strict=True):
        if later:  # what comes after, weighed by what it says of knowing and of not knowing
            t, f, g = learn[:later], forget[:later], passed.after[a : a + later]
            next1 = ratio[0][b : b + later] * beta1[:later]
            next0 = ratio[1][b : b + later] * beta0[:later]
            learns[a : a + later] = (1 - g) * t * next1
            forgets[a : a + later] = g * f * next0
            beta1[:later] = (1 - f) * next1 + f * next0
            beta0[:later] = t * next1 + (1 - t) * next0
        knows[a:b] = passed.after[a:b] * beta1[: b - a]
        later = b - a
    not_known = 1 - knows
    found = Skills(
        _share(sums.begins @ knows, sums.begins @ np.ones_like(knows), skills.prior),
        _share(sums.goes_on @ learns, sums.goes_on @ not_known, skills.learn),
        _share(sums.goes_on @ forgets, sums.goes_on @ knows, skills.forget),
        _share(sums.all @ not_known - sums.wrong @ not_known, sums.all @ not_known, skills.guess),
        _share(sums.wrong @ knows, sums.all @ knows, skills.slip),
    )
    return bounds.hold(found), sums.all @ np.log(passed.likelihood)


def _share(part: Floats, whole: Floats, otherwise: Floats) -> Floats:
    """A ratio; what was there before where nothing is expected."""
    some = whole > 1e-9
    return np.where(some, part / np.where(some, whole, 1.0), otherwise)


def expectation_maximisation(
    chains: Chains,
    starts: Skills,
    bounds: Bounds,
    *,
    short: int = 10,
    most: int = 100,
    tolerance: float = 1e-7,
) -> tuple[Skills, Floats, list[float]]:
    """Parameters of greatest likelihood that several starts lead to.

    All starts go a short way side by side; each skill goes on from the one of its starts that is then the
    likeliest (Biernacki, Celeux & Govaert 2003). The step within the bounds is exact: each parameter's
    expected log likelihood has one peak, so the likelihood never falls.

    :param chains: the answers.
    :param starts: parameters to begin with, [K, R] each.
    :param bounds: where parameters may lie.
    :param short: steps of all starts.
    :param most: steps of the best start at most.
    :param tolerance: end when a step gains less than this per answer, in nats.
    :returns: parameters [K, 1] each, the log likelihood of each skill's answers [K], and that of all answers
        at each step of the best starts.

    Source: Baum et al. 1970; Dempster, Laird & Rubin 1977.
    """
    skills = bounds.hold(starts)
    sums = _Sums.of(chains, len(skills.prior))
    if skills.prior.shape[1] > 1:
        likelihood = np.zeros_like(skills.prior)
        before = skills
        for _ in range(max(1, short)):
            before = skills
            skills, likelihood = _step(chains, skills, sums, bounds)
        skills = before.pick(likelihood.argmax(axis=1))
    curve: list[float] = []
    likelihood = np.zeros_like(skills.prior)
    for _ in range(max(1, most)):
        before = skills
        skills, likelihood = _step(chains, skills, sums, bounds)
        curve.append(float(likelihood.sum()))
        if len(curve) > 1 and curve[-1] - curve[-2] < tolerance * len(chains.answer):
            break
    return before, likelihood[:, 0], curve
