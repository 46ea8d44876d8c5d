"""Task embeddings: one trunk that is told which target it works for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from umbel.sharing.hard import HardSharing
from umbel.sharing.naming import module_name
from umbel.sharing.options import whole
from umbel.sharing.sharing import SHARINGS, Tensors

__all__ = ["TargetEmbedding", "TaskEmbedding"]


class TargetEmbedding(nn.Module):
    """One target's embedding, [1, E]: small normal numbers before training.

    :param width: numbers, E.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        # two axes, as a table of embeddings has: a prior on weights shrinks it
        self.weight = nn.Parameter(torch.empty(1, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Small normal numbers."""
        nn.init.normal_(self.weight, std=0.1)

    def forward(self) -> Tensor:
        """[1, E]."""
        return self.weight


@SHARINGS.register(
    "task_embedding",
    source="Bonilla et al. 2007, task-specific features; Dumoulin et al. 2018, conditional biasing",
)
class TaskEmbedding(HardSharing):
    """One trunk for all tasks, before which a learned embedding of the target joins the features.

    The embedding goes through a linear map, the same for all targets, and is added to the features. For
    a trunk that begins with a linear layer this is the same as an embedding that stands beside the
    features: W [x, e] = W1 x + W2 e. An image gets one number per channel, a sequence the same vector at
    each step. The trunk is gone through once for each target; where embeddings are 0 it is hard sharing.

    :param embedding: numbers per target, E.
    :raises ConfigError: the trunk has no stage, or ``embedding`` is not 1 or more.
    """

    name: ClassVar[str] = "task_embedding"

    def __init__(
        self, width_in: int | Sequence[int], targets: Sequence[str], *, embedding: int = 16, **options: Any
    ) -> None:
        super().__init__(width_in, targets, **options)
        self.need_depth()
        embedding = whole(self.name, "embedding", embedding, least=1)
        self.embeddings = nn.ModuleDict({module_name(t): TargetEmbedding(embedding) for t in self.targets})
        self.joins = nn.Linear(embedding, self.trunk.pooled_width, bias=False)  # no bias: 0 stays 0

    def shared(self, x: Tensor) -> Tensors:
        """The features that came in."""
        return (x,)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The trunk's output for the features to which the target's embedding was added."""
        x = shared[0].to(self.joins.weight.dtype)
        shift: Tensor = self.joins(self.embeddings[module_name(target)]())  # [1, D]
        if x.ndim > 3:  # [B, D, H, W]; the features of [B, D] and [B, T, D] stand last
            shift = shift.view(1, -1, *[1] * (x.ndim - 2))
        return super().shared(x + shift)[0]
