"""Equal tuning: the same space of options, tried in the same way, for shared and separate models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from umbel.data.dataset import Dataset
from umbel.training.held import held_out
from umbel.training.learner import Learner
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
    """Every set of options is fitted; the best mean skill on the held-out rows wins."""

    def choose(self, learner: str, space: Space, train: Dataset, valid: Dataset) -> Learner:
        """See :class:`Search`."""
        best: tuple[float, Learner] | None = None
        for options in space:
            fitted = make(learner, options).fit(train, valid)
            if len(space) == 1:
                return fitted
            held = held_out(fitted, valid)
            found = mean_skill(held.rows, held.predictions)
            if best is None or found > best[0]:
                best = (found, fitted)
        assert best is not None, "a space holds at least one set of options"
        return best[1]
