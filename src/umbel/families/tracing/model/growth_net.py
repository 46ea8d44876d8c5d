"""Beliefs that answers correct and practice raises: the two told apart in the equations."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.data.batch import Batch
from umbel.training.prior import Prior

__all__ = ["GrowthNet", "GrowthPrior"]

MOST = 1.0
"""Log of the most that one practice may raise a belief, in logits."""


class GrowthNet(nn.Module):
    """The network of :class:`~umbel.families.tracing.model.growth.Growth`, where the equations stand.

    Difficulties are told as differences from the average of the question's concepts: a question that is not
    known, and one that asks for mastery, has a difference of 0.

    :param questions: Q, numbered from 1; 0 is a question of average difficulty.
    :param concepts: C, numbered from 1; 0 fills up.
    :param pairs: which questions each concept has: concepts and questions of L pairs, [2, L], from 1.
    :param share: of each pair in its concept's answers, [L]; they sum to 1 for a concept.
    """

    def __init__(self, questions: int, concepts: int, pairs: Tensor, share: Tensor) -> None:
        super().__init__()
        self.concepts = concepts
        self.pairs: Tensor
        self.share: Tensor
        self.register_buffer("pairs", pairs, persistent=False)
        self.register_buffer("share", share, persistent=False)
        self.start = nn.Parameter(torch.full((concepts,), -0.5))
        self.difficulty = nn.Parameter(torch.zeros(questions + 1))
        self.luck = nn.Parameter(torch.tensor([-2.2, -3.0]))  # logits of guess and slip
        # logs of k, h and l of a correction, k / (1 + h n) + l after n answers
        self.own = nn.Parameter(torch.tensor([0.0, -1.0, -1.5]))
        self.shared = nn.Parameter(torch.tensor([-0.5, -2.0, -3.0]))
        self.rise = nn.Parameter(torch.full((concepts,), -1.5))
        self.room = nn.Parameter(torch.tensor(2.0))
        self.needs = nn.Parameter(torch.zeros(concepts, concepts))
        self.forgetting = nn.Parameter(torch.tensor(-4.0))

    def members(self, concepts: Tensor) -> Tensor:
        """Which concepts a question has, [..., C] of 0 and 1, from numbers [..., K] filled with 0."""
        if concepts.shape[-1] == 1:
            return functional.one_hot(concepts[..., 0], self.concepts + 1)[..., 1:].float()
        found = torch.zeros(*concepts.shape[:-1], self.concepts + 1, device=concepts.device)
        return found.scatter_(-1, concepts, 1.0)[..., 1:]

    def right(self, level: Tensor) -> Tensor:
        """Probability of a right answer at a level (belief less difficulty), any shape."""
        guess, slip = torch.sigmoid(self.luck)
        found: Tensor = guess + (1 - guess - slip) * torch.sigmoid(level)
        return found

    def hardness(self, question: Tensor, members: Tensor) -> Tensor:
        """How much harder each question is than the average one of its concepts, [...]; 0 where not known.

        :param question: [...].
        :param members: its concepts, [..., C].
        """
        concept, asked = self.pairs
        level = torch.zeros(self.concepts + 1, device=self.share.device)
        level = level.index_add(0, concept, self.difficulty[asked] * self.share)[1:]
        size = members.sum(dim=-1).clamp(min=1)
        return (self.difficulty[question] - (members @ level) / size) * (question > 0)

    def sight(self, members: Tensor) -> Tensor:
        """Share that each belief has in an answer, [..., C]: its concepts alike; all where it has none."""
        size = members.sum(dim=-1, keepdim=True)
        return torch.where(size > 0, members / size.clamp(min=1), 1.0 / max(self.concepts, 1))

    def corrections(self, members: Tensor, met: Tensor, answers: Tensor) -> Tensor:
        """How far a surprise of 1 moves each belief, [..., C].

        :param members: concepts of the question, [..., C].
        :param met: earlier answers on each concept, [..., C].
        :param answers: earlier answers, [..., 1].
        """
        k, h, floor = torch.exp(self.own)
        k_all, h_all, floor_all = torch.exp(self.shared)
        found: Tensor = (k / (1 + h * met) + floor) * members + k_all / (1 + h_all * answers) + floor_all
        return found

    def practised(self, belief: Tensor, members: Tensor) -> Tensor:
        """Beliefs [B, C] after practice of some concepts, whatever the answer was."""
        above = torch.sigmoid(belief) - torch.sigmoid(self.start)
        rise = self.rise - functional.softplus(self.room) * above + above @ self.needs.T
        kept = belief - torch.exp(self.forgetting) * (belief - self.start)
        return kept + torch.exp(rise.clamp(max=MOST)) * members

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Logit of each answer before it is given, [B, T, 1]."""
        question, concepts, correct = (batch.inputs[name] for name in ("question", "concepts", "correct"))
        assert isinstance(question, Tensor)
        assert isinstance(concepts, Tensor)
        assert isinstance(correct, Tensor)
        members = self.members(concepts)
        sight, hardness = self.sight(members), self.hardness(question, members)
        before = members.cumsum(dim=1) - members
        answers = torch.arange(members.shape[1], device=members.device).float()[None, :, None]
        moved = self.corrections(members, before, answers)
        belief = self.start.expand(len(members), -1)
        stated = []
        for t in range(members.shape[1]):
            p = self.right((belief * sight[:, t]).sum(dim=-1) - hardness[:, t])
            stated.append(p)
            belief = belief + (correct[:, t] - p)[:, None] * moved[:, t]
            belief = self.practised(belief, members[:, t])
        return {"correct": torch.logit(torch.stack(stated, dim=1), eps=1e-6)[..., None]}


class GrowthPrior(Prior):
    """Needs ~ N(0, scale^2) and difficulties ~ N(0, 1)."""

    name = "growth"

    def __call__(self, model: nn.Module) -> Tensor:
        """-log p, a scalar."""
        assert isinstance(model, GrowthNet)
        return model.needs.square().sum() / (2 * self.scale**2) + model.difficulty.square().sum() / 2
