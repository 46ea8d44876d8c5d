"""Multi-task attention: each target looks at every shared stage through a mask of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from umbel.sharing.naming import module_name
from umbel.sharing.options import whole
from umbel.sharing.sharing import SHARINGS, Sharing, Tensors

__all__ = ["Attention", "AttentionNetwork", "Pointwise"]


class Pointwise(nn.Linear):
    """A linear layer over one axis, alike at all places of the others: for images a 1 x 1 convolution.

    :param axis: which axis of the input holds the features.
    """

    def __init__(self, width_in: int, width: int, *, axis: int) -> None:
        super().__init__(width_in, width)
        self.axis = axis

    def forward(self, input: Tensor) -> Tensor:
        """[B, ..., D, ...] to [B, ..., width, ...]."""
        last = input.to(self.weight.dtype).movedim(self.axis, -1)
        return super().forward(last).movedim(-1, self.axis)


class Attention(nn.Module):
    """One target's mask on the features p of one shared stage: sigmoid(h(relu(g([p, before])))) * p.

    :param width: features of the stage, D.
    :param inner: features between g and h.
    :param axis: the features' axis.
    :param first: whether this is the first stage, with no attended features before it.

    Source: Liu, Johns & Davison 2019, eq. 1 and 2.
    """

    def __init__(self, width: int, inner: int, *, axis: int, first: bool) -> None:
        super().__init__()
        self.axis = axis
        self.inner = Pointwise(width if first else 2 * width, inner, axis=axis)  # g
        self.outer = Pointwise(inner, width, axis=axis)  # h

    def forward(self, p: Tensor, before: Tensor | None) -> Tensor:
        """The attended features, of the shape of ``p``.

        :param p: shared features of the stage, [B, ...].
        :param before: attended features of the stage before, mapped to the shape of ``p``.
        """
        seen = p if before is None else torch.cat([p, before], dim=self.axis)
        mask = torch.sigmoid(self.outer(functional.relu(self.inner(seen))))
        return mask * p


@SHARINGS.register("mtan", source="Liu, Johns & Davison 2019, End-to-end multi-task learning with attention")
class AttentionNetwork(Sharing):
    """One trunk that all tasks share, and for each target a soft attention mask on each of its stages.

    The mask of a stage follows from the stage's features and from what the target attended to at the
    stage before. These are brought to the stage's resolution by a map f, a new stage of the same form,
    that is apart from the shared trunk's and the same for all targets: f has no index of the task in
    the paper, and is a block of the backbone where that is a residual network. In the paper the mask
    also sees the features inside of the stage, before its last layers; a stage is closed here, so it
    sees the stage's output. There is no batch norm in the masks: rows do not see each other.

    :param squeeze: the masks' inner width is the stage's features divided by this, at least 1.
    :raises ConfigError: the trunk has no stage, or ``squeeze`` is not 1 or more.
    """

    name: ClassVar[str] = "mtan"

    def __init__(
        self, width_in: int | Sequence[int], targets: Sequence[str], *, squeeze: int = 1, **options: Any
    ) -> None:
        super().__init__(width_in, targets, **options)
        self.need_depth()
        squeeze = whole(self.name, "squeeze", squeeze, least=1)
        trunk = self.trunk
        self.stages = trunk.stages()
        self.maps = nn.ModuleList(trunk.stage(k) for k in range(1, len(trunk)))  # f
        self.attentions = nn.ModuleDict(
            {
                module_name(target): nn.ModuleList(
                    Attention(
                        trunk.channels(k),
                        max(1, trunk.channels(k) // squeeze),
                        axis=trunk.axis(k),
                        first=k == 0,
                    )
                    for k in range(len(trunk))
                )
                for target in self.targets
            }
        )

    def shared(self, x: Tensor) -> Tensors:
        """The output of every stage of the trunk."""
        found, h = [], x
        for stage in self.stages:
            h = stage(h)
            found.append(h)
        return tuple(found)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """What the target attends to at the last stage, having attended to all before."""
        attentions = cast(nn.ModuleList, self.attentions[module_name(target)])
        attended: Tensor = attentions[0](shared[0], None)
        for p, attention, bring in zip(shared[1:], list(attentions)[1:], self.maps, strict=True):
            attended = attention(p, bring(attended))
        return attended
