"""Low-rank adaptation: one trunk, whose layers each target bends by a matrix of low rank."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from umbel.errors import ConfigError
from umbel.sharing.hard import HardSharing
from umbel.sharing.naming import module_name
from umbel.sharing.options import whole
from umbel.sharing.sharing import SHARINGS, Tensors

__all__ = ["LowRank", "LowRankAdapters"]

_ADAPTED = (nn.Linear, nn.Conv1d, nn.Conv2d)

# functional_call lends a module other weights for the time of a call, so two threads must not do it at once
_LENT = threading.RLock()


class LowRank(nn.Module):
    """W + (alpha / rank) B A for a weight W: [out, in] or a kernel [out, in, ...], seen as [out, in ...].

    :param weight: the weight it is for; only its shape is kept.
    :param rank: of the update, 1 or more.
    :param alpha: scale of the update, > 0.

    Source: Hu et al. 2022, eq. 3 and section 4.1.
    """

    def __init__(self, weight: Tensor, *, rank: int, alpha: float) -> None:
        super().__init__()
        out, width_in = weight.flatten(1).shape
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, width_in))  # A
        self.up = nn.Parameter(torch.empty(out, rank))  # B
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """A as a linear layer begins, B 0: the update is 0 before training."""
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        nn.init.zeros_(self.up)

    def forward(self, weight: Tensor) -> Tensor:
        """The adapted weight, of the shape and dtype of ``weight``."""
        update = (self.up @ self.down).view(weight.shape)
        return weight + (self.scale * update).to(weight.dtype)


@SHARINGS.register("lora", source="Hu et al. 2022, LoRA: low-rank adaptation of large language models, eq. 3")
class LowRankAdapters(HardSharing):
    """One trunk for all tasks; each target adds a matrix of low rank to the weight of every layer.

    The trunk is gone through once for each target. At the start it is hard sharing, number for number.
    In the paper the trunk is trained before and then held; here it is trained together with the
    adapters, on all tasks. Adapted are linear layers and convolutions, the kernel of a convolution seen
    as a matrix [out, in * places]. Biases, norms and recurrent cells stay the same for all targets: a
    GRU's weights must lie in one piece of memory to be fast on a GPU, and an adapted one does not.

    :param rank: of each update.
    :param alpha: the updates are scaled by alpha / rank.
    :raises ConfigError: the trunk has no stage or no layer to adapt, or an option is not above 0.
    """

    name: ClassVar[str] = "lora"

    def __init__(
        self,
        width_in: int | Sequence[int],
        targets: Sequence[str],
        *,
        rank: int = 4,
        alpha: float = 4.0,
        **options: Any,
    ) -> None:
        super().__init__(width_in, targets, **options)
        self.need_depth()
        rank = whole(self.name, "rank", rank, least=1)
        if not 0 < alpha < math.inf:
            raise ConfigError(
                "'alpha' of 'lora' must be above 0", found=f"alpha: {alpha!r}", remedy="alpha: 4"
            )
        self.places = [_weights(stage) for stage in self.stages]
        if not any(self.places):
            raise ConfigError(
                "low-rank adapters need a linear layer or a convolution in the trunk",
                found=f"none in the blocks '{self.trunk.name}'",
                remedy="sharing: film works with any blocks",
            )
        self.adapters = nn.ModuleDict(
            {
                module_name(target): nn.ModuleList(
                    nn.ModuleList(
                        LowRank(stage.get_parameter(place), rank=rank, alpha=alpha) for place in places
                    )
                    for stage, places in zip(self.stages, self.places, strict=True)
                )
                for target in self.targets
            }
        )

    @property
    def stages(self) -> list[nn.Module]:
        """The trunk's stages, from the first to the last."""
        return [cast(nn.Module, self.first), *self.blocks]

    def shared(self, x: Tensor) -> Tensors:
        """The features that came in."""
        return (x,)

    def own(self, shared: Tensors, target: str) -> Tensor:
        """The output of the trunk with the target's weights."""
        adapters, h = cast(nn.ModuleList, self.adapters[module_name(target)]), shared[0]
        for stage, places, own in zip(self.stages, self.places, adapters, strict=True):
            if not places:
                h = stage(h)
                continue
            with _LENT:
                adapted = {
                    place: adapter(stage.get_parameter(place))
                    for place, adapter in zip(places, cast(nn.ModuleList, own), strict=True)
                }
                h = functional_call(stage, adapted, (h,))
        return h


def _weights(stage: nn.Module) -> list[str]:
    """Names of the weights in a stage that are adapted."""
    return [
        f"{name}.weight" if name else "weight"
        for name, module in stage.named_modules()
        if isinstance(module, _ADAPTED)
    ]
