"""Multi-gate mixture of experts: several trunks, and each task its own mix of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from umbel.sharing.gates import Experts, Gate, aside, mix
from umbel.sharing.naming import module_name
from umbel.sharing.options import whole
from umbel.sharing.sharing import SHARINGS, Sharing, Tensors

__all__ = ["MMoESharing"]


@SHARINGS.register("mmoe", source="Ma et al. 2018")
class MMoESharing(Sharing):
    """Several trunks that all tasks share; each task weighs them anew for every row.

    The gates see the features that come in, pooled over space or time. With one expert it is hard sharing.

    :param experts: trunks, E.
    :param trunk: see :class:`~umbel.sharing.sharing.Sharing`.
    :raises ConfigError: there is no expert, or the trunk has no stage.
    """

    name: ClassVar[str] = "mmoe"

    def __init__(
        self, width_in: int | Sequence[int], targets: Sequence[str], *, experts: int = 4, **trunk: Any
    ) -> None:
        super().__init__(width_in, targets, **trunk)
        self.need_depth()
        whole(self.name, "experts", experts, least=1)
        self.experts = Experts(nn.Sequential(*self.trunk.stages()) for _ in range(experts))
        self.gates = nn.ModuleDict(
            {module_name(target): Gate(self.trunk.pooled_width, experts) for target in self.targets}
        )

    def shared(self, x: Tensor) -> Tensors:
        """The pooled features [B, D] that the gates see, and the experts' outputs [B, E, out]."""
        return aside(self.trunk.pooled(x)), self.experts(x)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The target's mix of the experts."""
        pooled, experts = shared
        return mix(self.gates[module_name(target)](pooled), experts)
