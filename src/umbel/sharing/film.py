"""Feature-wise linear modulation: one trunk whose features each target scales and shifts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from umbel.sharing.hard import HardSharing
from umbel.sharing.naming import module_name
from umbel.sharing.sharing import SHARINGS, Tensors

__all__ = ["FeatureModulation", "Modulation"]


class Modulation(nn.Module):
    """scale * x + shift, a number each per feature; the identity before training.

    :param width: features, D.
    :param axis: the features' axis.

    Source: Perez et al. 2018, eq. 2.
    """

    def __init__(self, width: int, *, axis: int) -> None:
        super().__init__()
        self.axis = axis
        self.scale = nn.Parameter(torch.empty(width))
        self.shift = nn.Parameter(torch.empty(width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scales 1, shifts 0."""
        nn.init.ones_(self.scale)
        nn.init.zeros_(self.shift)

    def forward(self, x: Tensor) -> Tensor:
        """Of the shape of ``x``, [B, ..., D, ...]."""
        shape = [1] * x.ndim
        shape[self.axis] = -1
        return x * self.scale.view(shape) + self.shift.view(shape)


@SHARINGS.register("film", source="Perez et al. 2018, FiLM: visual reasoning with a conditioning layer")
class FeatureModulation(HardSharing):
    """One trunk for all tasks; after each stage every target has a scale and a shift per feature.

    The trunk is gone through once for each target, but for its first stage. At the start it is hard
    sharing, number for number. In the paper a network makes scales and shifts of a question; here the
    target is the question, so they are parameters. They stand after a stage, not within it, so that any
    stage can be modulated.

    :raises ConfigError: the trunk has no stage.
    """

    name: ClassVar[str] = "film"

    def __init__(self, width_in: int | Sequence[int], targets: Sequence[str], **options: Any) -> None:
        super().__init__(width_in, targets, **options)
        self.need_depth()
        trunk = self.trunk
        self.modulations = nn.ModuleDict(
            {
                module_name(target): nn.ModuleList(
                    Modulation(trunk.channels(k), axis=trunk.axis(k)) for k in range(len(trunk))
                )
                for target in self.targets
            }
        )

    def shared(self, x: Tensor) -> Tensors:
        """The first stage's output: the last that no target has modulated."""
        assert self.first is not None
        return (self.first(x),)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The trunk's output under the target's modulations."""
        modulations = cast(nn.ModuleList, self.modulations[module_name(target)])
        h: Tensor = modulations[0](shared[0])
        for stage, modulation in zip(self.blocks, modulations[1:], strict=True):
            h = modulation(stage(h))
        return h
