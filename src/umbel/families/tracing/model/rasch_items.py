"""Rasch-style items: what a question's concepts have in common, and one number for how it differs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from umbel.families.tracing.model.parts import SetEmbedding
from umbel.training.prior import Prior

__all__ = ["ItemPrior", "RaschItems"]


class RaschItems(nn.Module):
    """Items x_q = e + d_q v, with e and v the mean embeddings of the question's concepts.

    The scalar d_q is the question's difficulty; a question never seen has 0, so it is the average one of its
    concepts. Source: Ghosh et al. 2020, eq. 4 (there with one concept a question).

    :param questions: Q.
    :param concepts: C.
    :param width: D.
    """

    def __init__(self, questions: int, concepts: int, width: int) -> None:
        super().__init__()
        self.concept = SetEmbedding(concepts, width)
        self.vary = SetEmbedding(concepts, width)
        self.difficulty = nn.Parameter(torch.zeros(questions + 1))

    def forward(self, question: Tensor, concepts: Tensor) -> tuple[Tensor, Tensor]:
        """Items and difficulties.

        :param question: [B, T] long, 0 unknown.
        :param concepts: [B, T, K] long, filled with 0.
        :returns: [B, T, D] and [B, T].
        """
        difficulty = self.difficulty[question] * (question > 0)
        return self.concept(concepts) + difficulty[..., None] * self.vary(concepts), difficulty


class ItemPrior(Prior):
    """Difficulties d_q ~ N(0, scale^2): sum of d^2 / (2 scale^2).

    Most questions have a handful of answers; without it each of them would be learned by heart.
    """

    name = "item difficulties"

    def __call__(self, model: nn.Module) -> Tensor:
        """-log p, a scalar; over all Rasch items of the model."""
        parts = [m.difficulty.square().sum() for m in model.modules() if isinstance(m, RaschItems)]
        return torch.stack(parts).sum() / (2 * self.scale**2)
