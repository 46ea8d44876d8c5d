"""The contract of a sharing architecture: one representation in, one per task out."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from umbel.errors import ConfigError, near
from umbel.registry import Registry
from umbel.sharing.trunk import TRUNKS, Trunk, trunk_of
from umbel.tasks import Kind

__all__ = ["SHARINGS", "Sharing", "Tensors", "make_sharing"]

Tensors = tuple[Tensor, ...]


class Sharing(nn.Module, ABC):
    """How tasks share what is between features and heads.

    It works in two halves, so that task gradients can be taken at the features that tasks share:
    ``shared`` is computed once for all, ``own`` once for each target. All architectures repeat, mix or
    modulate the stages of a trunk (see :class:`~umbel.sharing.trunk.Trunk`), of whatever blocks it is.

    :param width_in: features that come in: D, or the shape of one row, e.g. (1, 28, 28).
    :param targets: the target columns, in any order; the order changes nothing.
    :param blocks: what the trunk is made of, by name: mlp, convolution, sequence.
    :param trunk: options of the trunk: width, depth, dropout, norm, activation, ...
    """

    name: ClassVar[str]

    def __init__(
        self, width_in: int | Sequence[int], targets: Sequence[str], *, blocks: str = "mlp", **trunk: Any
    ) -> None:
        super().__init__()
        self.targets = tuple(targets)
        shape = (width_in,) if isinstance(width_in, int) else tuple(width_in)
        self.trunk: Trunk = trunk_of(blocks, shape, trunk)

    @property
    def out(self) -> int:
        """Width of every target's representation."""
        return self.trunk.out

    @abstractmethod
    def shared(self, x: Tensor) -> Tensors:
        """What all targets see: the deepest tensors from which every representation follows.

        :param x: features [B, D], or [B, ...] as the trunk takes them.
        :returns: tensors [B, ...].
        """

    @abstractmethod
    def own(self, shared: Tensors, target: str) -> Tensor:
        """The representation of one target, [B, out], of what :meth:`shared` gave.

        A parameter that it uses belongs to the targets that use it: it follows their losses, unweighted
        by a gradient balancer.
        """

    def forward(self, x: Tensor) -> Mapping[str, Tensor]:
        """Representations by target, [B, out] each, of features [B, ...]."""
        shared = self.shared(x)
        return {target: self.own(shared, target) for target in self.targets}

    def check_kinds(self, kinds: Mapping[str, Kind]) -> None:
        """Hold the architecture against the kinds of its targets; most take any.

        :param kinds: the kind of each target, by name.
        :raises ConfigError: it has no meaning for one of them.
        """

    def finish(self, raw: dict[str, Tensor]) -> dict[str, Tensor]:
        """The raw outputs of all heads, by target, as they leave the model; most leave them as they are."""
        return raw

    def need_depth(self) -> None:
        """:raises ConfigError: the trunk has no stage, so there is nothing to share."""
        if not len(self.trunk):
            raise ConfigError(
                f"the sharing architecture '{self.name}' needs a trunk",
                found="depth: 0",
                remedy="depth: 1 or more, or sharing: hard",
            )


SHARINGS: Registry[Any] = Registry("sharing architecture", "umbel.sharing")
"""All sharing architectures, by name."""


def make_sharing(
    name: str, width_in: int | Sequence[int], targets: Sequence[str], options: Mapping[str, Any]
) -> Sharing:
    """A sharing architecture by name, with its own options and those of its trunk checked together.

    :param width_in: features that come in: D, or the shape of one row.
    :param targets: the target columns.
    :param options: keyword options.
    :raises ConfigError: no such architecture or option, or a value that it cannot have.
    """
    form: type[Sharing] = SHARINGS.get(name)
    trunk: type[Trunk] = TRUNKS.get(options.get("blocks", "mlp"))
    known = {"blocks", *inspect.signature(form).parameters, *inspect.signature(trunk).parameters}
    known -= {"width_in", "targets", "shape_in", "options", "trunk"}
    for option in options:
        if option not in known:
            raise ConfigError(
                f"an option of the sharing architecture '{name}' must be one that it or its trunk has",
                found=f"'{option}'",
                remedy=near(option, sorted(known)),
            )
    return form(width_in, targets, **options)
