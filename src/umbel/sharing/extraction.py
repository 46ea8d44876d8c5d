"""One level of progressive layered extraction: experts of each task, experts of all, and gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from umbel.sharing.gates import Experts, Gate, mix
from umbel.sharing.naming import module_name

__all__ = ["Extraction"]


def _join(parts: Sequence[Tensor | None]) -> Tensor:
    """Experts' outputs [B, E, ...] side by side; None where there are no experts."""
    found = [part for part in parts if part is not None]
    return found[0] if len(found) == 1 else torch.cat(found, dim=1)


class Extraction(nn.Module):
    """Experts and gates of one level: a task mixes its own experts and the shared ones.

    :param make: makes an expert.
    :param targets: names of the targets, in any order.
    :param width_in: features that a gate sees.
    :param own: experts of each target.
    :param shared: experts that all targets share.
    :param onward: whether the shared experts have a gate too, over all experts of the level, because
        another level follows.

    Source: Tang et al. 2020, one extraction network.
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        targets: Sequence[str],
        width_in: int,
        *,
        own: int,
        shared: int,
        onward: bool = False,
    ) -> None:
        super().__init__()
        self.targets = tuple(sorted(targets))  # the gate over all experts has a column for each
        names = [module_name(target) for target in self.targets]
        self.own = nn.ModuleDict({n: Experts(make() for _ in range(own)) for n in names}) if own else None
        self.shared = Experts(make() for _ in range(shared)) if shared else None
        self.gates = nn.ModuleDict({name: Gate(width_in, own + shared) for name in names})
        total = len(names) * own + shared
        self.gate = Gate(width_in, total) if onward and shared else None

    def common(self, x: Tensor) -> Tensor | None:
        """Outputs of the shared experts, [B, E, ...]; None when there are none."""
        return None if self.shared is None else cast(Tensor, self.shared(x))

    def single(self, x: Tensor, target: str) -> Tensor | None:
        """Outputs of a target's own experts, [B, E, ...]; None when there are none."""
        return None if self.own is None else cast(Tensor, self.own[module_name(target)](x))

    def blend(self, target: str, pooled: Tensor, single: Tensor | None, common: Tensor | None) -> Tensor:
        """A target's mix [B, ...] of its own experts and the shared ones.

        :param pooled: what its gate sees, [B, D].
        :param single: of :meth:`single`.
        :param common: of :meth:`common`.
        """
        return mix(self.gates[module_name(target)](pooled), _join([single, common]))

    def forward(self, own: Tensor, common: Tensor, pool: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """What the next level gets.

        :param own: each target's input, [B, P, ...], by the targets' sorted names.
        :param common: the shared experts' input, [B, ...].
        :param pool: an input [B, ...] as the gates see it, [B, D].
        :returns: the same two of the next level; the latter as it came when no expert is shared.
        """
        inputs = dict(zip(self.targets, own.unbind(dim=1), strict=True))
        single = {target: self.single(x, target) for target, x in inputs.items()}
        shared = self.common(common)
        after = [self.blend(target, pool(x), single[target], shared) for target, x in inputs.items()]
        if self.gate is not None:
            common = mix(self.gate(pool(common)), _join([*single.values(), shared]))
        return torch.stack(after, dim=1), common
