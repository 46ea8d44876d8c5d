"""The Gramian of task gradients at linear layers without the gradients themselves.

For a layer y = a W^T the gradient of task p is the sum over rows of delta_p a^T, with delta_p [B, Dout]
the gradient at the layer's output. The product of two tasks' gradients is therefore

    <J_p, J_q> = sum over rows b, c of (a_b . a_c) (delta_p,b . delta_q,c)

which needs the rows' products K = A A^T [B, B] and no gradient [Dout, Din] of any task. (The identity is
known from per-example gradient norms: Goodfellow 2015, "Efficient per-example gradient computations".)
K is symmetric, so half of it will do: with K = L + L^T and L zero above its diagonal the Gramian is S + S^T,
with S_pq the sum over b, c of L_bc (delta_p,b . delta_q,c). The update needs no task's gradient either: it
is (sum over p of w_p delta_p)^T A.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from umbel.balancing.matrices import BLOCK, choosable, product
from umbel.balancing.taking import leaf_of

__all__ = ["Linear", "linear_of", "products", "products_of_rows"]

_LARGE = 2**24
"""Multiplications of a product from which more time is saved than it takes to look at all operations."""

_MOVED = 20
"""Multiplications that take as long as it takes to write a number to memory and to read it again."""


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer as the graph has it.

    :param edge: the place of its output, [B, Dout].
    :param inputs: A, [B, Din].
    :param parameters: its weight [Dout, Din], and its bias [Dout] if one is wanted.
    """

    edge: GradientEdge
    inputs: Tensor
    parameters: tuple[Tensor, ...]

    def kernel(self, some: slice, others: slice) -> Tensor:
        """Products of the inputs of some rows with others'; the bias counts as one more input, that is 1."""
        found = product(self.inputs[some], self.inputs[others])
        return found.add_(1) if len(self.parameters) > 1 else found

    def gradients(self, delta: Tensor) -> list[Tensor]:
        """Gradients of its parameters, from that at its output [B, Dout]."""
        weight = product(delta.T, self.inputs.to(delta.dtype).T)
        return [weight, delta.sum(dim=0)][: len(self.parameters)]

    @property
    def faster(self) -> bool:
        """Whether :meth:`gradients` is faster than autograd's own."""
        return choosable(self.inputs, len(self.parameters[0]))

    @property
    def large(self) -> bool:
        """Whether it pays to look at each operation of a backward pass to choose who makes its products."""
        return self.faster and self.inputs.numel() * len(self.parameters[0]) >= _LARGE

    def pays(self, count: int) -> bool:
        """Whether the Gramian of P tasks costs less without their gradients, counted in multiplications."""
        b, d = self.inputs.shape
        e = len(self.parameters[0])
        with_gradients = count * d * e * (b + 3 * _MOVED + count)
        once = b * b * d / 2 + b * d * e
        return once + count * b * e * (0.6 * b + 2 * _MOVED + count) < with_gradients


def linear_of(node: Any, wanted: set[int]) -> tuple[Linear, list[Any]] | None:
    """The linear layer of a node, and nodes that may be used by no other; None where it is none.

    :param wanted: ids of parameters; its weight must be one of them.
    """
    name = type(node).__name__
    if name == "AddmmBackward0" and node._saved_alpha == 1 and node._saved_beta == 1:
        (bias, _), _, (turned, _) = node.next_functions
    elif name == "MmBackward0":
        bias, (turned, _) = None, node.next_functions[1]
    else:
        return None
    if type(turned).__name__ != "TBackward0":
        return None
    kept = turned.next_functions[0][0]
    weight, shift = leaf_of(kept), leaf_of(bias)
    if weight is None or id(weight) not in wanted:
        return None
    # without a gradient to the layer below the input is saved all the same, for the weight's
    inputs = (node._saved_self if name == "MmBackward0" else node._saved_mat1).detach()
    if shift is None or shift.ndim != 1 or id(shift) not in wanted:
        return Linear(GradientEdge(node, 0), inputs, (weight,)), [turned, kept]
    return Linear(GradientEdge(node, 0), inputs, (weight, shift)), [turned, kept, bias]


def products(layer: Linear, deltas: Tensor) -> Tensor:
    """The Gramian [P, P] of one layer's task gradients, float64.

    :param deltas: gradients at the layer's output, [P, B, Dout].
    """
    count, total, width = deltas.shape
    size = min(max(2 * BLOCK // max(width, 1), 16), 64)
    gram = torch.zeros(count, count, dtype=torch.float64, device=deltas.device)
    for begin in range(0, total, size):
        end = min(begin + size, total)
        half = layer.kernel(slice(begin, end), slice(end)).to(deltas.dtype)
        square = half[:, begin:].tril_()
        square.diagonal().mul_(0.5)
        mixed = torch.stack([product(half, delta[:end].T) for delta in deltas])
        gram += (deltas[:, begin:end].flatten(1) @ mixed.flatten(1).T).double()
    return gram + gram.T


def products_of_rows(layer: Linear, delta: Tensor, owner: Tensor, count: int) -> Tensor:
    """The same where each row belongs to one task alone, float64.

    :param delta: gradient at the layer's output, [B, Dout].
    :param owner: task of each row, [B] long.
    :param count: P.
    """
    everything = slice(None)
    both = layer.kernel(everything, everything).to(delta.dtype).mul_(product(delta, delta)).double()
    half = both.new_zeros(count, len(both)).index_add_(0, owner, both)
    return half.new_zeros(count, count).index_add_(0, owner, half.T.contiguous())
