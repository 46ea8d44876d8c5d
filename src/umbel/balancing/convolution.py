"""Gradients of convolutions from the gradient at their output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from umbel.balancing.taking import Rows, leaf_of

__all__ = ["Convolution", "convolution_of"]


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

    @cached_property
    def faster(self) -> bool:
        """Whether :meth:`gradients` is faster than autograd's own.

        Kernels for a CPU pad channels to a multiple of 16, and compute with the zeros, unless channels lie
        last. Up to 3 channels are left where they are: moving them is most of the work.
        """
        x: Tensor = self.node._saved_input
        return x.device.type == "cpu" and x.shape[1] > 3 and x.shape[1] % 16 != 0

    @cached_property
    def _inputs(self) -> Tensor:
        return self._laid(self.node._saved_input.detach())

    def _laid(self, x: Tensor) -> Tensor:
        return x.to(memory_format=torch.channels_last) if self.faster else x

    def gradients(self, delta: Tensor) -> list[Tensor]:
        """Gradients of its parameters, from that at its output [B, Cout, height, width]."""
        return self._taken(self._laid(delta), self._inputs, self.node._saved_groups)

    def by_task(self, delta: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        """Gradients of its parameters by task, [P, ...], where each row belongs to one task.

        :param delta: [B, Cout, height, width], the rows of a task beside each other.
        :param sizes: rows of each task, adding up to B.
        """
        count, groups = len(sizes), self.node._saved_groups
        if self.faster and min(sizes) == max(sizes):
            # as many groups of channels as there are tasks: one large kernel instead of many small ones
            found = self._taken(_beside(delta, count), _beside(self._inputs, count), count * groups)
            return [part.reshape(count, -1) for part in found]
        rows = [Rows(count) for _ in self.parameters]
        parts = zip(
            torch.split(self._laid(delta), list(sizes)), torch.split(self._inputs, list(sizes)), strict=True
        )
        for p, (d, x) in enumerate(parts):
            if len(d):
                for row, grad in zip(rows, self._taken(d, x, groups), strict=True):
                    row.put(p, grad)
        return [whole for row in rows if (whole := row.whole()) is not None]

    def _taken(self, delta: Tensor, inputs: Tensor, groups: int) -> list[Tensor]:
        node, weight = self.node, self.parameters[0].detach()
        if groups > node._saved_groups:
            weight = weight.repeat(groups // node._saved_groups, 1, 1, 1)
        _, first, second = torch.ops.aten.convolution_backward(
            delta, inputs, weight, [len(weight)], node._saved_stride, node._saved_padding,
            node._saved_dilation, False, node._saved_output_padding, groups,
            [False, True, len(self.parameters) > 1],
        )  # fmt: skip
        return [first.contiguous(), second][: len(self.parameters)]


def convolution_of(node: Any, wanted: set[int]) -> tuple[Convolution, list[Any]] | None:
    """The convolution of a node, and nodes that may be used by no other; None where it is none.

    :param wanted: ids of parameters; its weight must be one of them.
    """
    if type(node).__name__ != "ConvolutionBackward0" or node._saved_transposed:
        return None
    (kept, _), (shift, _) = node.next_functions[1:3]
    weight, bias = leaf_of(kept), leaf_of(shift)
    if weight is None or weight.ndim != 4 or id(weight) not in wanted:
        return None
    if bias is None or id(bias) not in wanted:
        return Convolution(GradientEdge(node, 0), node, (weight,)), [kept]
    return Convolution(GradientEdge(node, 0), node, (weight, bias)), [kept, shift]


def _beside(x: Tensor, count: int) -> Tensor:
    """The rows of P tasks as groups of channels, laid last: [P B, C, ...] to [B, P C, ...]."""
    moved = x.view(count, -1, *x.shape[1:]).permute(1, 3, 4, 0, 2)
    return moved.flatten(3).permute(0, 3, 1, 2)
