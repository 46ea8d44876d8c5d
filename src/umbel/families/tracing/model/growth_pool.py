"""Students followed by the growth model: a belief and a count of each concept."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umbel.errors import DataError
from umbel.families.tracing.model.calibration import Calibrator
from umbel.families.tracing.model.growth_net import GrowthNet
from umbel.families.tracing.model.pool import Pool

__all__ = ["GrowthPool"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class GrowthPool(Pool):
    """S students of the growth model.

    :param net: the fitted network.
    :param calibrator: of the forecasts.
    :param students: S, all new.
    """

    def __init__(self, net: GrowthNet, calibrator: Calibrator, students: int) -> None:
        self.net, self.calibrator = net, calibrator
        self.belief = net.start.detach().cpu().expand(students, -1).clone()
        """Of each concept, [S, C], in logits."""
        self.met = torch.zeros(students, net.concepts)
        """Answers on each concept, [S, C]."""
        self.answers = torch.zeros(students, 1)

    def __len__(self) -> int:
        return len(self.belief)

    @torch.no_grad()
    def update(self, students: Ints, question: Ints, concepts: Ints, correct: Floats) -> None:
        """One more answer of each of B students; see :class:`Pool`."""
        if len(students) > 1 and bool((np.diff(np.sort(students)) == 0).any()):
            raise DataError(
                "a student gives one answer at a time",
                found=f"{len(students) - len(np.unique(students))} students twice in one update",
                remedy="split the answers into updates in order of time",
            )
        who, members = torch.from_numpy(students), self.net.members(torch.from_numpy(concepts))
        belief, met, answers = self.belief[who], self.met[who], self.answers[who]
        surprise = torch.from_numpy(correct).float() - self._right(belief, question, members)
        moved = belief + surprise[:, None] * self.net.corrections(members, met, answers)
        self.belief[who] = self.net.practised(moved, members)
        self.met[who] = met + members
        self.answers[who] = answers + 1

    @torch.no_grad()
    def forecast(self, students: Ints, question: Ints, concepts: Ints) -> Floats:
        """Calibrated probabilities, [B]; see :class:`Pool`."""
        members = self.net.members(torch.from_numpy(concepts))
        return self._stated(self._right(self.belief[torch.from_numpy(students)], question, members))

    @torch.no_grad()
    def mastery(self, concepts: int) -> Floats:
        """Probability of a right answer on each concept at average difficulty, [S, C]; see :class:`Pool`."""
        return self._stated(self.net.right(self.belief[:, :concepts]))

    def take(self, students: Ints) -> GrowthPool:
        """A pool of copies of some students; see :class:`Pool`."""
        found = GrowthPool(self.net, self.calibrator, 0)
        who = torch.from_numpy(students)
        found.belief, found.met, found.answers = self.belief[who], self.met[who], self.answers[who]
        return found

    def _right(self, belief: Tensor, question: Ints, members: Tensor) -> Tensor:
        level = (belief * self.net.sight(members)).sum(dim=-1)
        return self.net.right(level - self.net.hardness(torch.from_numpy(question), members))

    def _stated(self, right: Tensor) -> Floats:
        return self.calibrator(right.double().numpy())
