"""Gradients of convolutions from the gradient at their output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from umbel.balancing.taking import leaf_of, used_once

__all__ = ["Convolution", "convolutions"]


@dataclass(frozen=True, eq=False)
class Convolution:
    """A two-dimensional convolution as the graph has it.

    :param edge: the place of its output, [B, Cout, height, width].
    :param node: the node of the graph, with what it has saved.
    :param parameters: its weight, and its bias if one is wanted.
    """

    edge: GradientEdge
    node: Any
    parameters: tuple[Tensor, ...]

    @property
    def faster(self) -> bool:
        """Whether :meth:`gradients` is faster than autograd's own.

        Kernels for a CPU pad channels to a multiple of 16, unless they lie last: for LeNet's second layer
        (10 to 20 channels) those take half the time. For 3 channels and fewer it does not pay to move them.
        """
        channels = self._inputs.shape[1]
        return self._inputs.device.type == "cpu" and channels > 3 and channels % 16 != 0

    def gradients(self, delta: Tensor) -> list[Tensor]:
        """Gradients of its parameters, from that at its output."""
        node, (weight, *_) = self.node, self.parameters
        _, first, second = torch.ops.aten.convolution_backward(
            delta.to(memory_format=torch.channels_last), self._inputs, weight.detach(), [weight.shape[0]],
            node._saved_stride, node._saved_padding, node._saved_dilation, False,
            node._saved_output_padding, node._saved_groups, [False, True, len(self.parameters) > 1],
        )  # fmt: skip
        return [first.contiguous(), second][: len(self.parameters)]

    @cached_property
    def _inputs(self) -> Tensor:
        found: Tensor = self.node._saved_input.detach()
        return found.to(memory_format=torch.channels_last)


def convolutions(roots: Sequence[GradientEdge], wanted: Sequence[Tensor]) -> list[Convolution]:
    """Two-dimensional convolutions behind some places of the graph whose weight is ``wanted`` and used once.

    :param roots: where to begin.
    :param wanted: parameters.
    """
    keys = {id(p) for p in wanted}
    return used_once(roots, lambda node: _convolution(node, keys))


def _convolution(node: Any, wanted: set[int]) -> tuple[Convolution, list[Any]] | None:
    """The layer of a node, and nodes that may lead nowhere else."""
    if type(node).__name__ != "ConvolutionBackward0" or node._saved_transposed:
        return None
    (kept, _), (shift, _) = node.next_functions[1:3]
    weight, bias = leaf_of(kept), leaf_of(shift)
    if weight is None or weight.ndim != 4 or id(weight) not in wanted:
        return None
    if bias is None or id(bias) not in wanted:
        return Convolution(GradientEdge(node, 0), node, (weight,)), [kept]
    return Convolution(GradientEdge(node, 0), node, (weight, bias)), [kept, shift]
