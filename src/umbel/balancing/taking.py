"""How task gradients are taken: by one batched pass or by a loop, and their products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, Protocol, TypeVar, cast

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

__all__ = [
    *("BLOCK", "Edge", "How", "Rows", "add", "choosable", "edges_of", "ending_at", "gram_of", "how_to", "leaf_of"),
    *("Layer", "nodes", "product", "rows", "scatter_rows", "used_once"),
]

How = Literal["batched", "loop"]
Edge = Tensor | GradientEdge
T = TypeVar("T")


class Layer(Protocol):
    """A layer in the graph that gives its parameters' gradients from the gradient at its output."""

    @property
    def edge(self) -> GradientEdge:
        """The place of its output."""
        ...

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """Its parameters."""
        ...

    def gradients(self, delta: Tensor) -> list[Tensor]:
        """By parameter."""
        ...


BLOCK = 16384
"""So many products of float32 are added up before the sum goes on in float64: one sum of some 100,000
would lose three digits."""

# Operations whose gradient under vmap is one large kernel. A convolution's is not: on a CPU the loop is
# 1.5 to 2 times as fast; and a function written in Python has no such gradient at all.
_BATCHES = {
    *("Addmm", "Mm", "Bmm", "Mul", "Add", "Sub", "Div", "Neg", "Exp", "Mean", "Sum", "Where", "Softmax"),
    *("Relu", "Silu", "Gelu", "Tanh", "Sigmoid", "NativeLayerNorm", "NativeDropout", "ToCopy", "Clone"),
    *("T", "Transpose", "Permute", "View", "UnsafeView", "Reshape", "Expand", "Select", "Slice", "Alias"),
    *("Squeeze", "Unsqueeze", "Cat", "Stack"),
}

_LARGE = 65536
"""Numbers of one task's gradient from which a CPU is as fast in a loop, which needs less memory."""

_LARGE_PRODUCT = 2**21
"""Multiplications from which it pays to choose who makes a product of matrices."""


def leaf_of(node: Any) -> Tensor | None:
    """The parameter whose gradient a node of the graph collects; None for any other node."""
    return cast("Tensor | None", getattr(node, "variable", None))


def nodes(roots: Iterable[Any]) -> Iterator[Any]:
    """All nodes of the graph from some of its nodes on, each once."""
    seen: set[Any] = set()
    todo = list(roots)
    while todo:
        node = todo.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            todo.extend(following for following, _ in node.next_functions)


def used_once(roots: Sequence[GradientEdge], known: Callable[[Any], tuple[T, list[Any]] | None]) -> list[T]:
    """What is recognised behind some places of the graph.

    :param known: of a node what it is recognised as, and nodes that may lead nowhere else; or None.
    """
    uses: Counter[Any] = Counter(root.node for root in roots)
    found: list[tuple[T, list[Any]]] = []
    for node in nodes(root.node for root in roots):
        uses.update(following for following, _ in node.next_functions)
        if (one := known(node)) is not None:
            found.append(one)
    return [one for one, nodes_of in found if all(uses[node] == 1 for node in nodes_of)]


def edges_of(places: Iterable[Edge]) -> list[GradientEdge]:
    """Tensors as places in the graph."""
    return [x if isinstance(x, GradientEdge) else get_gradient_edge(x) for x in places]


def how_to(outputs: Iterable[Edge], cotangents: Sequence[Tensor]) -> How:
    """The faster way to take many gradients of this graph.

    One batched pass where every operation has a batched kernel, as in perceptrons; else a loop, and also
    where each task's part is so large on a CPU that batching saves nothing.

    :param outputs: places in the graph.
    :param cotangents: for each of them P gradients, [P, ...].
    """
    if any(c.device.type == "cpu" and c[0].numel() >= _LARGE for c in cotangents):
        return "loop"
    for node in nodes(edge.node for edge in edges_of(outputs)):
        if leaf_of(node) is None and type(node).__name__.removesuffix("Backward0") not in _BATCHES:
            return "loop"
    return "batched"


class Rows:
    """Gradients of P tasks at one place, [P, ...], put in as they come; several of one task add up.

    :param count: P.
    """

    def __init__(self, count: int) -> None:
        self._whole: Tensor | None = None
        self._missing = set(range(count))
        self._count = count

    def put(self, task: int, grad: Tensor) -> None:
        """A gradient of a task."""
        grad = grad.to_dense() if grad.is_sparse else grad
        if self._whole is None:
            self._whole = grad.new_empty((self._count, *grad.shape))
        if task in self._missing:
            self._missing.remove(task)
            self._whole[task] = grad
        else:
            self._whole[task] += grad

    def whole(self) -> Tensor | None:
        """All of them, zero where none was put; None where nothing was."""
        if self._whole is not None:
            for task in self._missing:
                self._whole[task] = 0
            self._missing.clear()
        return self._whole


@contextmanager
def ending_at(edges: Iterable[GradientEdge]) -> Iterator[None]:
    """Gradients are told at these places of the graph, and go no further."""
    places: dict[Any, set[int]] = {}
    for edge in edges:
        if leaf_of(edge.node) is None:
            places.setdefault(edge.node, set()).add(edge.output_nr)

    def stop(numbers: set[int], grads: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        return tuple(None if k in numbers else grad for k, grad in enumerate(grads))

    hooks = [n.register_prehook(lambda grads, k=numbers: stop(k, grads)) for n, numbers in places.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def rows(
    outputs: Sequence[GradientEdge],
    cotangents: Sequence[Tensor],
    inputs: Sequence[Edge],
    how: How,
    layers: Sequence[Layer] = (),
) -> list[Tensor | None]:
    """Vector-Jacobian products, one per task: cotangents [P, *output] to gradients [P, *input].

    The graph is kept.

    :param outputs: places in the graph.
    :param cotangents: for each of them P gradients, [P, ...].
    :param inputs: where the products are wanted; one that nothing reaches gets None.
    :param layers: whose parameters' products are wanted, too, and taken by the layer itself; in a loop only.
    :returns: by input, then by parameter of the layers.
    """
    starts = edges_of(inputs)
    if how == "batched" and outputs and inputs:
        found = torch.autograd.grad(
            outputs, starts, cotangents, retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        return list(found)
    count = len(cotangents[0]) if cotangents else 0
    taken = [[Rows(count)] for _ in starts] + [[Rows(count) for _ in layer.parameters] for layer in layers]
    starts += [layer.edge for layer in layers]
    for p in range(count if starts else 0):
        parts = torch.autograd.grad(
            outputs, starts, [c[p] for c in cotangents], retain_graph=True, allow_unused=True
        )
        for k, part in enumerate(parts):
            if part is not None:
                turned = [part] if k < len(inputs) else layers[k - len(inputs)].gradients(part)
                for whole, grad in zip(taken[k], turned, strict=True):
                    whole.put(p, grad)
    return [whole.whole() for group in taken for whole in group]


@cache
def _onednn() -> Callable[[Tensor, Tensor], Tensor] | None:
    """left @ right.T by oneDNN, if this torch has it and it is right."""
    try:
        form = torch.ops.mkldnn._linear_pointwise
        left, right = torch.arange(6.0).view(2, 3), torch.arange(12.0).view(4, 3)
        if not torch.equal(form(left, right, None, "none", [], ""), left @ right.T):
            return None
    except (AttributeError, RuntimeError, TypeError):
        return None
    return lambda left, right: cast(Tensor, form(left, right, None, "none", [], ""))


def product(left: Tensor, right: Tensor) -> Tensor:
    """left @ right.T, for large matrices on any CPU at its full speed.

    MKL, which torch asks for products, uses half of what a processor of AMD can do; oneDNN uses all of it.

    :param left: [M, K].
    :param right: [N, K].
    """
    onednn = _onednn() if choosable(left, len(right)) and left.dtype == right.dtype else None
    return left @ right.T if onednn is None else onednn(left, right)


def choosable(left: Tensor, width: int) -> bool:
    """Whether a product with a matrix of so many rows is left to the faster of two libraries."""
    large = left.numel() * width >= _LARGE_PRODUCT
    return large and left.device.type == "cpu" and left.dtype == torch.float32


def gram_of(parts: Iterable[Tensor]) -> Tensor:
    """The Gramian [P, P] of gradients that are given in parts, each [P, ...]; float64.

    Products of float32 are summed in float64 block by block, see ``BLOCK``.
    """
    gram: Tensor | None = None
    for part in parts:
        flat = part.flatten(1)
        if flat.dtype not in (torch.float32, torch.float64):
            flat = flat.float()
        for block in torch.split(flat, BLOCK, dim=1):
            both = product(block, block).double()
            gram = both if gram is None else gram + both
    return cast(Tensor, gram)


def scatter_rows(weights: Tensor, parts: Sequence[Tensor]) -> list[Tensor]:
    """weights [P] times the gradients of P tasks, part by part."""
    return [torch.tensordot(weights.to(part), part, dims=1) for part in parts]


def add(parameter: Tensor, grad: Tensor | None, *, fresh: bool = False) -> None:
    """Add to a parameter's gradient.

    :param fresh: nobody else holds ``grad``: it may become the parameter's.
    """
    if grad is None:
        return
    if parameter.grad is None:
        parameter.grad = grad.detach() if fresh else grad.detach().clone()
    else:
        parameter.grad += grad
