"""The contract of a sharing architecture: one representation in, one per task out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from umbel.registry import Registry

__all__ = ["SHARINGS", "Sharing"]


class Sharing(nn.Module, ABC):
    """How tasks share what is between features and heads.

    :param width_in: features that come in, D.
    :param targets: the target columns, in any order; the order changes nothing.
    """

    name: ClassVar[str]

    def __init__(self, width_in: int, targets: Sequence[str]) -> None:
        super().__init__()
        self.width_in, self.targets = width_in, tuple(targets)

    @property
    @abstractmethod
    def out(self) -> int:
        """Width of every target's representation."""

    @abstractmethod
    def forward(self, x: Tensor) -> Mapping[str, Tensor]:
        """Representations by target, [B, out] each, of features [B, D]."""


SHARINGS: Registry[Any] = Registry("sharing architecture", "umbel.sharing")
"""All sharing architectures, by name."""
