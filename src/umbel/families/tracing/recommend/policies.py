"""Which concept a student practises next: rules that see what a model states, never the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from umbel.errors import ConfigError, near
from umbel.families.tracing.model.pool import Pool
from umbel.families.tracing.recommend.expected_gain import Offers, expected_gain, gain_ahead
from umbel.sharing.options import whole

__all__ = ["Ahead", "Expectimax", "Greedy", "MasteryThreshold", "Policy", "Random", "Standing"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Which = Literal["lowest", "first"]


@dataclass(frozen=True)
class Standing:
    """What a policy sees of S students before an exercise.

    :param pool: the model's state of them.
    :param mastery: what the model states of each concept, [S, C].
    :param luck: a number in [0, 1) of each student, for policies that draw, [S].
    :param left: exercises left, this one included.
    :param offers: which concepts may be practised; None for all.
    """

    pool: Pool
    mastery: Floats
    luck: Floats
    left: int
    offers: Offers | None = None

    @property
    def offered(self) -> Bools:
        """Which concepts may be practised now, [S, C]; at least one of each student."""
        if self.offers is None:
            return np.ones(self.mastery.shape, dtype=np.bool_)
        return self.offers(self.mastery)

    @property
    def concepts(self) -> int:
        """C."""
        return int(self.mastery.shape[1])


class Policy(Protocol):
    """A rule that picks the concept of the next exercise."""

    def __call__(self, now: Standing) -> Ints:
        """The column of each student's concept, [S] in [0, C); one that is offered."""
        ...


class Random:
    """Any concept that is offered, each as likely as another."""

    def __call__(self, now: Standing) -> Ints:
        """See :class:`Policy`."""
        offered = now.offered
        wanted = np.floor(now.luck * offered.sum(axis=1)).astype(np.int64)
        return np.asarray((offered.cumsum(axis=1) > wanted[:, None]).argmax(axis=1), dtype=np.int64)


class MasteryThreshold:
    """Mastery learning: a concept that is not yet mastered; the lowest one where all of them are.

    :param threshold: mastery from which a concept counts as known, (0, 1].
    :param which: of several, the one of ``lowest`` mastery, or the ``first`` in the order of the concepts.
    :raises ConfigError: an option has a value it cannot have.

    Source: Bloom 1968; Corbett & Anderson 1995 practise a skill until its mastery is above a threshold.
    """

    def __init__(self, threshold: float = 0.7, which: Which = "lowest") -> None:
        if not 0 < threshold <= 1:
            raise ConfigError(
                "'threshold' of a mastery policy is in (0, 1]", found=repr(threshold), remedy="threshold: 0.7"
            )
        if which not in get_args(Which):
            raise ConfigError(
                "'which' of a mastery policy is one there is",
                found=repr(which),
                remedy=near(which, get_args(Which)),
            )
        self.threshold, self.which = threshold, which

    def __call__(self, now: Standing) -> Ints:
        """See :class:`Policy`."""
        offered = now.offered
        lowest = np.where(offered, now.mastery, np.inf).argmin(axis=1)
        lacking = offered & (now.mastery < self.threshold)
        if self.which == "lowest":
            found = np.where(lacking, now.mastery, np.inf).argmin(axis=1)
        else:
            found = lacking.argmax(axis=1)
        return np.asarray(np.where(lacking.any(axis=1), found, lowest), dtype=np.int64)


class Expectimax:
    """The concept of the largest expected gain after ``horizon`` exercises, each next one the best by then.

    See :func:`~umbel.families.tracing.recommend.expected_gain.expected_gain`; near the end the horizon is
    what is left.

    :param horizon: exercises, 1 or more.
    """

    def __init__(self, horizon: int = 2) -> None:
        self.horizon = whole("expectimax", "horizon", horizon, least=1)

    def __call__(self, now: Standing) -> Ints:
        """See :class:`Policy`."""
        horizon = min(self.horizon, now.left)
        return _best(expected_gain(now.pool, now.concepts, horizon=horizon, offers=now.offers), now)


class Greedy(Expectimax):
    """The concept of the largest expected gain by the next exercise."""

    def __init__(self) -> None:
        super().__init__(horizon=1)


class Ahead:
    """The concept that begins the best way through the next ``horizon`` exercises.

    See :func:`~umbel.families.tracing.recommend.expected_gain.gain_ahead`; near the end the horizon is what
    is left.

    :param horizon: exercises, 1 or more.
    """

    def __init__(self, horizon: int = 10) -> None:
        self.horizon = whole("ahead", "horizon", horizon, least=1)

    def __call__(self, now: Standing) -> Ints:
        """See :class:`Policy`."""
        horizon = min(self.horizon, now.left)
        return _best(gain_ahead(now.pool, now.concepts, horizon=horizon, offers=now.offers), now)


def _best(gain: Floats, now: Standing) -> Ints:
    """The largest gain among what is offered; of equal ones the first."""
    return np.asarray(np.where(now.offered, gain, -np.inf).argmax(axis=1), dtype=np.int64)
