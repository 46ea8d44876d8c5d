"""The contract of a trunk: stages of like blocks that an architecture repeats, mixes or modulates."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional

from umbel.errors import ConfigError, near
from umbel.registry import Registry

__all__ = ["ACTIVATIONS", "TRUNKS", "Trunk", "activation_of", "trunk_of"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "tanh": functional.tanh,
}
"""Activations by name."""


def activation_of(name: str) -> Callable[[Tensor], Tensor]:
    """The activation called ``name``.

    :raises ConfigError: there is none of that name.
    """
    if name not in ACTIVATIONS:
        raise ConfigError(
            "an activation must be one there is", found=f"'{name}'", remedy=near(name, ACTIVATIONS)
        )
    return ACTIVATIONS[name]


class Trunk(ABC):
    """A recipe of stages, not a module: each call of :meth:`stage` makes a new one.

    A stage maps tensors [B, ...] to tensors [B, ...]; the last one gives [B, out]. Rows do not see each
    other in any of them (no batch norm), so that a row's answer does not depend on its neighbours.

    :param shape_in: the shape of one row of the features.
    """

    name: ClassVar[str]

    def __init__(self, shape_in: Sequence[int]) -> None:
        self.shape_in = tuple(shape_in)

    @abstractmethod
    def __len__(self) -> int:
        """How many stages there are."""

    @abstractmethod
    def stage(self, number: int) -> nn.Module:
        """A new module for the stage ``number``, from 0."""

    @abstractmethod
    def channels(self, number: int) -> int:
        """Features (channels) after the stage ``number``."""

    @abstractmethod
    def axis(self, number: int) -> int:
        """The axis of the features after the stage ``number``: 1 for [B, D] and [B, D, H, W], 2 for
        [B, T, D]."""

    @property
    def out(self) -> int:
        """Features after the last stage."""
        return self.channels(len(self) - 1) if len(self) else self.shape_in[-1]

    def stages(self) -> nn.ModuleList:
        """A new module for each stage."""
        return nn.ModuleList(self.stage(k) for k in range(len(self)))

    def pooled(self, x: Tensor) -> Tensor:
        """Features that came in as one vector per row, [B, D], for gates: means over all other axes."""
        if len(self.shape_in) == 1:
            return x
        return x.mean(dim=1) if len(self.shape_in) == 2 else x.flatten(2).mean(dim=2)

    @property
    def pooled_width(self) -> int:
        """The width of :meth:`pooled`."""
        return self.shape_in[-1] if len(self.shape_in) <= 2 else self.shape_in[0]


TRUNKS: Registry[Any] = Registry("kind of blocks", "umbel.sharing")
"""All trunks, by the name of their blocks."""


def trunk_of(blocks: str, shape_in: Sequence[int], options: Mapping[str, Any]) -> Trunk:
    """A trunk by the name of its blocks.

    :param options: its keyword options.
    :raises ConfigError: no such blocks, or they do not know one of the options.
    """
    form = TRUNKS.get(blocks)
    known = [name for name in inspect.signature(form).parameters if name != "shape_in"]
    for name in options:
        if name not in known:
            raise ConfigError(
                f"an option of a trunk of '{blocks}' must be one it has",
                found=f"'{name}'",
                remedy=near(name, known),
            )
    trunk: Trunk = form(shape_in, **options)
    return trunk
