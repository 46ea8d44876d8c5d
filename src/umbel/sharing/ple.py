"""Progressive layered extraction: own and shared experts at every stage, parted more and more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from umbel.sharing.extraction import Extraction
from umbel.sharing.gates import mean_over
from umbel.sharing.options import whole
from umbel.sharing.sharing import SHARINGS, Sharing, Tensors

__all__ = ["PLESharing"]


@SHARINGS.register("ple", source="Tang et al. 2020, progressive layered extraction")
class PLESharing(Sharing):
    """Each stage of the trunk is a level of own and shared experts, with gates between the levels.

    A target's experts of a level read what its gate of the level before gave; the shared experts read
    what a gate over all experts of that level gave. A gate sees the same input as its experts, pooled over
    space or time. With one stage it is ``cgc``; without shared experts tasks share nothing.

    :param own_experts: experts of each target at each level.
    :param shared_experts: experts for all at each level.
    :param trunk: see :class:`~umbel.sharing.sharing.Sharing`; its stages are the levels.
    :raises ConfigError: there is no expert, or the trunk has no stage.
    """

    name: ClassVar[str] = "ple"

    def __init__(
        self,
        width_in: int | Sequence[int],
        targets: Sequence[str],
        *,
        own_experts: int = 1,
        shared_experts: int = 1,
        **trunk: Any,
    ) -> None:
        super().__init__(width_in, targets, **trunk)
        self.need_depth()
        whole(self.name, "own_experts", own_experts, least=0)
        whole(self.name, "shared_experts", shared_experts, least=0 if own_experts else 1)
        last = len(self.trunk) - 1
        self.levels = nn.ModuleList(
            Extraction(
                partial(self.trunk.stage, number),
                targets,
                self.trunk.channels(number - 1) if number else self.trunk.pooled_width,
                own=own_experts,
                shared=shared_experts,
                onward=number < last,
            )
            for number in range(last + 1)
        )
        self.place = {target: k for k, target in enumerate(sorted(targets))}

    def pooled(self, number: int, h: Tensor) -> Tensor:
        """The input [B, ...] of the level ``number`` as its gates see it, [B, D]."""
        return mean_over(h, keep=(0, self.trunk.axis(number - 1))) if number else self.trunk.pooled(h)

    def shared(self, x: Tensor) -> Tensors:
        """The inputs of all targets [B, P, ...] to the last level, and the outputs [B, E, out] of its
        shared experts if there are any."""
        own, common = x.unsqueeze(1).expand(-1, len(self.targets), *x.shape[1:]), x
        last = len(self.levels) - 1
        for number in range(last):
            own, common = self.levels[number](own, common, partial(self.pooled, number))
        outputs = cast(Extraction, self.levels[last]).common(common)
        return (own,) if outputs is None else (own, outputs)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The target's mix of its own experts of the last level and the shared ones."""
        x = shared[0][:, self.place[target]]
        last = len(self.levels) - 1
        level = cast(Extraction, self.levels[last])
        common = shared[1] if len(shared) > 1 else None
        return level.blend(target, self.pooled(last, x), level.single(x, target), common)
