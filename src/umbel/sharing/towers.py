"""Stages that all targets share, then a tower of stages for each, and chains of targets."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Sequence
from typing import Any, cast

from torch import Tensor, nn

from umbel.errors import ConfigError, near
from umbel.sharing.naming import module_name
from umbel.sharing.options import whole
from umbel.sharing.sharing import Sharing, Tensors

__all__ = ["Towers", "check_chain"]


class Towers(Sharing, ABC):
    """The first stages of the trunk are shared, the others are there once for each target.

    :param chain: targets that follow one another, the earliest first; None for none.
    :param common: stages that all targets share, from 0 (only the encoders are shared) to the depth
        (nothing is a target's own); the rest of the trunk is the towers.
    :raises ConfigError: the trunk has no stage, or fewer than ``common``; the chain names no target, or one
        twice, or fewer than two.
    """

    def __init__(
        self,
        width_in: int | Sequence[int],
        targets: Sequence[str],
        *,
        chain: Sequence[str] | None = None,
        common: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(width_in, targets, **options)
        self.need_depth()
        depth = len(self.trunk)
        if whole(self.name, "common", common, least=0) > depth:
            raise ConfigError(
                f"'common' of '{self.name}' must not be more than the stages there are",
                found=f"common: {common}, with {depth} stages",
                remedy=f"common: 1, or another number up to {depth}",
            )
        self.chain = () if chain is None else check_chain(chain, self.targets)
        self.common = nn.ModuleList(self.trunk.stage(k) for k in range(common))
        self.towers = nn.ModuleDict(
            {
                module_name(target): nn.ModuleList(self.trunk.stage(k) for k in range(common, depth))
                for target in self.targets
            }
        )

    def shared(self, x: Tensor) -> Tensors:
        """What the common stages make of the features."""
        return (_through(self.common, x),)

    def tower(self, shared: Tensors, target: str) -> Tensor:
        """What a target's tower makes of the shared features, [B, out]."""
        return _through(cast(nn.ModuleList, self.towers[module_name(target)]), shared[0])


def _through(stages: Iterable[nn.Module], h: Tensor) -> Tensor:
    for stage in stages:
        h = stage(h)
    return h


def check_chain(chain: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
    """A chain of targets, the earliest first, held against the targets there are.

    :param chain: two names or more, each once.
    :param targets: all targets, in any order.
    :raises ConfigError: a name is unknown or there twice, or there are fewer than two.

    >>> check_chain(["click", "buy"], ["buy", "click", "price"])
    ('click', 'buy')
    """
    if isinstance(chain, str) or not isinstance(chain, Sequence) or len(chain) < 2:
        raise ConfigError(
            "a chain is a list of two targets or more, the earliest first",
            found=repr(chain),
            remedy="chain: [click, conversion], or leave the option out",
        )
    for place, name in enumerate(chain):
        if name not in targets:
            raise ConfigError("a chain is made of targets", found=f"'{name}'", remedy=near(name, targets))
        if name in chain[:place]:
            raise ConfigError(
                "a target stands once in a chain", found=f"'{name}' twice", remedy="leave one of them out"
            )
    return tuple(chain)
