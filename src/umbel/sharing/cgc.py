"""Customised gate control: some experts of each task's own, some for all, whole trunks each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from umbel.sharing.extraction import Extraction
from umbel.sharing.gates import aside
from umbel.sharing.options import whole
from umbel.sharing.sharing import SHARINGS, Sharing, Tensors

__all__ = ["CGCSharing"]


@SHARINGS.register("cgc", source="Tang et al. 2020, customized gate control")
class CGCSharing(Sharing):
    """Trunks of each task's own and trunks for all; a task weighs its own and the shared for every row.

    A task never sees another's own experts. Without experts of their own it is ``mmoe``; without shared
    ones tasks share nothing.

    :param own_experts: trunks of each target.
    :param shared_experts: trunks for all.
    :param trunk: see :class:`~umbel.sharing.sharing.Sharing`.
    :raises ConfigError: there is no expert, or the trunk has no stage.
    """

    name: ClassVar[str] = "cgc"

    def __init__(
        self,
        width_in: int | Sequence[int],
        targets: Sequence[str],
        *,
        own_experts: int = 1,
        shared_experts: int = 2,
        **trunk: Any,
    ) -> None:
        super().__init__(width_in, targets, **trunk)
        self.need_depth()
        whole(self.name, "own_experts", own_experts, least=0)
        whole(self.name, "shared_experts", shared_experts, least=0 if own_experts else 1)
        self.level = Extraction(
            lambda: nn.Sequential(*self.trunk.stages()),
            targets,
            self.trunk.pooled_width,
            own=own_experts,
            shared=shared_experts,
        )

    def shared(self, x: Tensor) -> Tensors:
        """The features [B, ...], and the shared experts' outputs [B, E, out] if there are any."""
        common = self.level.common(x)
        return (x,) if common is None else (aside(x), common)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The target's mix of its own experts and the shared ones."""
        x, common = shared[0], shared[1] if len(shared) > 1 else None
        return self.level.blend(target, self.trunk.pooled(x), self.level.single(x, target), common)
