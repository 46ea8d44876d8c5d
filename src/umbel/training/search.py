"""Equal tuning: the same space of options, tried in the same way, for shared and separate models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from umbel.data.dataset import Dataset
from umbel.training.held import held_out
from umbel.training.learner import LEARNERS, Learner
from umbel.training.making import make
from umbel.training.skill import mean_skill

__all__ = ["EachInTurn", "Search", "Space"]

Space = Sequence[Mapping[str, Any]]
"""Options to try; each is a set of keyword options of the learner."""


class Search(Protocol):
    """A way to find good options within a space. ``tuning`` has more of them."""

    def choose(self, learner: str, space: Space, train: Dataset, valid: Dataset) -> Learner:
        """The fitted learner that is best on ``valid``.

        :param learner: its registered name.
        :param space: at least one set of options.
        """
        ...


class EachInTurn:
    """Every set of options is fitted; the best mean skill on the held-out rows wins, or all are averaged.

    The best of some sets is a noisy choice where few labels are known; the average wastes none of the
    fits.

    :param keep: ``best``, or ``average`` (weights chosen greedily, see ``Average``).
    """

    def __init__(self, keep: Literal["best", "average"] = "best") -> None:
        self.keep = keep

    def choose(self, learner: str, space: Space, train: Dataset, valid: Dataset) -> Learner:
        """See :class:`Search`."""
        fitted = [make(learner, options).fit(train, valid) for options in space]
        if len(fitted) == 1:
            return fitted[0]
        held = [held_out(one, valid) for one in fitted]
        if self.keep == "average":
            # by name: this module stands below the ensembles
            average: Any = LEARNERS.get("average")()
            names = [f"{learner} {k + 1}" for k in range(len(fitted))]
            whole: Learner = average.of(
                dict(zip(names, fitted, strict=True)), dict(zip(names, held, strict=True))
            )
            return whole
        skills = [mean_skill(one.rows, one.predictions) for one in held]
        return fitted[skills.index(max(skills))]
