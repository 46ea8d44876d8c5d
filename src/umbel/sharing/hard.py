"""Hard parameter sharing: one trunk for all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from umbel.sharing.sharing import SHARINGS, Sharing, Tensors

__all__ = ["HardSharing"]


@SHARINGS.register("hard", source="Caruana 1993, 1997")
class HardSharing(Sharing):
    """One trunk that all tasks share: the same representation for each of them.

    With ``depth=0`` the features go to the heads as they are. See :class:`~umbel.sharing.sharing.Sharing`
    for the options.
    """

    name: ClassVar[str] = "hard"

    def __init__(self, width_in: int | Sequence[int], targets: Sequence[str], **options: Any) -> None:
        super().__init__(width_in, targets, **options)
        stages = list(self.trunk.stages())
        self.first = stages[0] if stages else None
        self.blocks = nn.ModuleList(stages[1:])

    def shared(self, x: Tensor) -> Tensors:
        """The trunk's output."""
        h: Tensor = x if self.first is None else self.first(x)
        for block in self.blocks:
            h = block(h)
        return (h,)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The same for every target."""
        return shared[0]
