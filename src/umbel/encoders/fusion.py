"""The contract of a fusion: several modalities' features to one representation."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from umbel.errors import ConfigError, near
from umbel.registry import Registry

__all__ = ["FUSIONS", "Concat", "Fusion", "concatenate", "make_fusion"]


def concatenate(parts: Sequence[Tensor]) -> Tensor:
    """Features [B, D_1], [B, D_2], ... side by side: [B, D], D the sum.

    Parts without parameters (numbers, one-hot levels) take the precision of the others.

    :param parts: at least one; of equal B.
    """
    if len(parts) == 1:
        return parts[0]
    dtype = parts[0].dtype
    for part in parts[1:]:
        dtype = torch.promote_types(dtype, part.dtype)
    return torch.cat([part.to(dtype) for part in parts], dim=1)


class Fusion(nn.Module, ABC):
    """Features of M modalities to one representation.

    A row that lacks a modality comes with the modality's learned stand-in among the parts, and is told of
    in ``present``: a fusion may give it no weight.

    :param widths: features by name of the modality, in the order of the parts.
    """

    name: ClassVar[str]

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.widths = dict(widths)

    @property
    @abstractmethod
    def out(self) -> int:
        """Features of the representation, D."""

    @abstractmethod
    def forward(self, parts: Sequence[Tensor], present: Tensor) -> Tensor:
        """The representation [B, D].

        :param parts: features of each modality, [B, D_m].
        :param present: which rows have which modality, [B, M] bool.
        """


FUSIONS: Registry[Any] = Registry("fusion", "umbel.encoders")
"""All ways to fuse, by name."""


@FUSIONS.register("concat", source="early fusion, Baltrušaitis et al. 2019, section 5.1")
class Concat(Fusion):
    """The features side by side; it has no parameters."""

    name: ClassVar[str] = "concat"

    @property
    def out(self) -> int:
        """The sum of all widths."""
        return sum(self.widths.values())

    def forward(self, parts: Sequence[Tensor], present: Tensor) -> Tensor:
        """See :class:`Fusion`."""
        return concatenate(parts)


def make_fusion(name: str, widths: Mapping[str, int], options: Mapping[str, Any]) -> Fusion:
    """A fusion by name.

    :param widths: features by name of the modality.
    :param options: its keyword options.
    :raises ConfigError: there is none of that name, or it does not know one of the options.
    """
    form = FUSIONS.get(name)
    known = [option for option in inspect.signature(form).parameters if option != "widths"]
    for option in options:
        if option not in known:
            raise ConfigError(
                f"an option of the fusion '{name}' must be one it has",
                found=f"'{option}'",
                remedy=near(option, known) if known else "it has none",
            )
    fusion: Fusion = form(widths, **options)
    return fusion
