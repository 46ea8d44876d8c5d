"""The layers of a graph whose task gradients are had in a better way than by autograd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.autograd.graph import GradientEdge

from umbel.balancing.convolution import Convolution, convolution_of
from umbel.balancing.ghost import Linear, linear_of
from umbel.balancing.taking import nodes

__all__ = ["layers_of"]


def layers_of(
    roots: Sequence[GradientEdge], wanted: Sequence[Tensor]
) -> tuple[list[Linear], list[Convolution]]:
    """Linear layers and convolutions behind some places of the graph.

    Only those whose weight is wanted and used once: else the gradient at one output is not all of it.

    :param roots: where to begin.
    :param wanted: parameters.
    """
    keys = {id(p) for p in wanted}
    uses: Counter[Any] = Counter(root.node for root in roots)
    linears: list[tuple[Linear, list[Any]]] = []
    convolutions: list[tuple[Convolution, list[Any]]] = []
    for node in nodes(root.node for root in roots):
        uses.update(following for following, _ in node.next_functions)
        if (linear := linear_of(node, keys)) is not None:
            linears.append(linear)
        elif (convolution := convolution_of(node, keys)) is not None:
            convolutions.append(convolution)
    return (
        [layer for layer, once in linears if all(uses[node] == 1 for node in once)],
        [layer for layer, once in convolutions if all(uses[node] == 1 for node in once)],
    )
