"""Questions after Rasch: what their concepts have in common, and one number for how each differs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from umbel.errors import ConfigError
from umbel.families.tracing.model.parts import SetEmbedding
from umbel.training.prior import Prior

__all__ = ["ItemPrior", "RaschItems", "checked_ridge", "mean_square"]


class RaschItems(nn.Module):
    """Questions as their concepts' vector, moved along the concepts' own direction by a scalar difficulty.

    x_q = e + d_q v, with e and v the means over the set of concepts. A question that training never saw, or
    that has no name, has the number 0 and d = 0: it is the average one of its concepts.

    Where attributes z_q of the questions are known, a question is more than its concepts:
    x_q = e + (d_q + w z_q) v + A z_q. The attributes tell a part of the difficulty, and d_q what they leave
    open; a question never seen before has that part. A and w begin at 0.

    :param questions: Q known questions, numbered from 1.
    :param concepts: C known concepts, numbered from 1.
    :param width: D.
    :param attributes: numbers of a question's attributes; 0 where there are none.

    Source: Ghosh et al. 2020, section 3.3; Fischer 1973, The linear logistic test model (w z).
    """

    def __init__(self, questions: int, concepts: int, width: int, attributes: int = 0) -> None:
        super().__init__()
        self.concept = SetEmbedding(concepts, width)
        self.vary = SetEmbedding(concepts, width)
        self.difficulty = nn.Parameter(torch.zeros(questions + 1))
        if attributes:
            self.told = nn.Parameter(torch.zeros(width, attributes))
            self.harder = nn.Parameter(torch.zeros(1, attributes))

    def parts(
        self, question: Tensor, concepts: Tensor, about: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Parts of each step's question: e and v [B, T, D], and its difficulty [B, T, 1].

        :param question: [B, T] long, 0 unknown.
        :param concepts: [B, T, K] long, filled with 0.
        :param about: attributes, [B, T, A]; None where there are none.
        """
        difficulty = (self.difficulty[question] * (question > 0))[..., None]
        own = self.concept(concepts)
        if about is not None:
            own, difficulty = own + about @ self.told.T, difficulty + about @ self.harder.T
        return own, self.vary(concepts), difficulty

    def forward(
        self, question: Tensor, concepts: Tensor, about: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Items x_q [B, T, D] and difficulties [B, T], from what :meth:`parts` is given."""
        own, vary, difficulty = self.parts(question, concepts, about)
        return own + difficulty * vary, difficulty[..., 0]


class ItemPrior(Prior):
    """Difficulties d_q ~ N(0, scale^2): sum of d^2 / (2 scale^2).

    Most questions have a handful of answers; without it each of them would be learned by heart.
    """

    name = "item difficulties"

    def __call__(self, model: nn.Module) -> Tensor:
        """-log p, a scalar; over all Rasch items of the model."""
        parts = [m.difficulty.square().sum() for m in model.modules() if isinstance(m, RaschItems)]
        return torch.stack(parts).sum() / (2 * self.scale**2)


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
