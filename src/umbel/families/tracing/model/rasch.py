"""Questions after Rasch: a concept, and a difficulty of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.errors import ConfigError
from umbel.families.tracing.model.parts import SetEmbedding

__all__ = ["RaschQuestions", "checked_ridge", "mean_square"]


class RaschQuestions(nn.Module):
    """Questions as their concepts' vector, moved along the concepts' own direction by a scalar difficulty.

    x_q = z_c + m_q n_c, with z_c and n_c the means over the set of concepts. A question that training never
    saw, or that has no name, has the number 0 and m = 0: it is of average difficulty.

    :param questions: Q known questions, numbered from 1.
    :param concepts: C known concepts, numbered from 1.
    :param width: D.

    Source: Ghosh et al. 2020, section 3.3.
    """

    def __init__(self, questions: int, concepts: int, width: int) -> None:
        super().__init__()
        self.concept = SetEmbedding(concepts, width)
        self.direction = SetEmbedding(concepts, width)
        self.difficulty = nn.Parameter(torch.zeros(questions + 1))

    def forward(self, question: Tensor, concepts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Parts of each step's question: z_c and n_c [B, T, D], m_q [B, T, 1].

        :param question: [B, T] long, 0 unknown.
        :param concepts: [B, T, K] long, filled with 0.
        """
        difficulty = functional.embedding(question, self.difficulty[:, None]) * (question > 0)[..., None]
        return self.concept(concepts), self.direction(concepts), difficulty


def mean_square(difficulty: Tensor, weight: Tensor) -> Tensor:
    """Mean over known steps of the squared difficulty, a scalar.

    :param difficulty: [B, T].
    :param weight: [B, T], 0 where no answer is scored.

    >>> mean_square(torch.tensor([[1.0, 3.0, 5.0]]), torch.tensor([[1.0, 1.0, 0.0]]))
    tensor(5.)
    """
    known = weight != 0
    return (difficulty.square() * known).sum() / known.sum().clamp(min=1)


def checked_ridge(of: str, ridge: float) -> float:
    """A weight of squared difficulties, 0 or more.

    :param of: whose option it is, as it stands in a message.
    :param ridge: what was given.
    :raises ConfigError: it is below 0, or no number.
    """
    if not ridge >= 0:
        raise ConfigError(
            f"'ridge' of '{of}' must be 0 or more",
            found=f"ridge: {ridge!r}",
            remedy="ridge: 1e-3, or 0 for none",
        )
    return ridge
