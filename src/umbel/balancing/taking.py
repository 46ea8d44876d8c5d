"""How task gradients are taken: by one batched pass or by a loop."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from umbel.balancing.matrices import fast_products

__all__ = [
    *("Edge", "How", "Layer", "Rows", "add", "apart", "edges_of", "ending_at", "how_to", "leaf_of", "nodes"),
    "rows",
]

How = Literal["batched", "loop"]
Edge = Tensor | GradientEdge


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


# Operations whose gradient under vmap is one large kernel. A convolution's is not: on a CPU the loop is
# faster; and a function written in Python has no such gradient at all.
_BATCHES = {
    *("Addmm", "Mm", "Bmm", "Mul", "Add", "Sub", "Div", "Neg", "Exp", "Mean", "Sum", "Where", "Softmax"),
    *("Relu", "Silu", "Gelu", "Tanh", "Sigmoid", "NativeLayerNorm", "NativeDropout", "ToCopy", "Clone"),
    *("T", "Transpose", "Permute", "View", "UnsafeView", "Reshape", "Expand", "Select", "Slice", "Alias"),
    *("Squeeze", "Unsqueeze", "Cat", "Stack"),
}

_LARGE = 65536
"""Numbers of one task's gradient from which a CPU is as fast in a loop, which needs less memory."""


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


def edges_of(places: Iterable[Edge]) -> list[GradientEdge]:
    """Tensors as places in the graph."""
    return [x if isinstance(x, GradientEdge) else get_gradient_edge(x) for x in places]


def how_to(outputs: Iterable[Edge]) -> How:
    """The faster way to take many gradients of this graph.

    One batched pass where every operation has a batched kernel, as in perceptrons; else a loop, and also
    where each task's part is so large on a CPU that batching saves nothing.

    :param outputs: places in the graph.
    """
    edges = edges_of(outputs)
    places: list[Any] = [edge.node._input_metadata[edge.output_nr] for edge in edges]
    if any(place.device.type == "cpu" and math.prod(place.shape) >= _LARGE for place in places):
        return "loop"
    for node in nodes(edge.node for edge in edges):
        if leaf_of(node) is None and type(node).__name__.removesuffix("Backward0") not in _BATCHES:
            return "loop"
    return "batched"


class Rows:
    """Gradients of P tasks at one place, [P, ...], put in as they come; several of one task add up.

    :param count: P.
    :param whole: where they are put, [P, ...]; memory of its own where None.
    """

    def __init__(self, count: int, whole: Tensor | None = None) -> None:
        self._whole = whole
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
    cotangents: list[Tensor],
    inputs: Sequence[Edge],
    how: How,
    layers: Sequence[Layer] = (),
    into: Mapping[int, Tensor] | None = None,
    *,
    large: bool = False,
) -> list[Tensor | None]:
    """Vector-Jacobian products, one per task: cotangents [P, *output] to gradients [P, *input].

    The graph is kept.

    :param outputs: places in the graph.
    :param cotangents: for each of them P gradients, [P, ...]; a loop empties the list as soon as it can.
    :param inputs: where the products are wanted; one that nothing reaches gets None.
    :param layers: whose parameters' products are wanted, too, and taken by the layer itself; in a loop only.
    :param into: by id of an input or a parameter where its products are to be put, [P, ...].
    :param large: whether there are products of matrices so large that it matters who makes them; in a loop
        only.
    :returns: by input, then by parameter of the layers.
    """
    starts: list[Any] = list(inputs)
    places = into or {}
    if how == "batched" and outputs and inputs:
        found = torch.autograd.grad(
            outputs, starts, cotangents, retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        return [_put(part, places.get(id(x))) for x, part in zip(inputs, found, strict=True)]
    count = len(cotangents[0]) if cotangents else 0
    taken = [[Rows(count, places.get(id(x)))] for x in inputs]
    taken += [[Rows(count, places.get(id(p))) for p in layer.parameters] for layer in layers]
    starts += [layer.edge for layer in layers]

    def one(p: int) -> None:  # a function, so that nothing of a task stays while the next is taken
        heads = [c[p] for c in cotangents]
        if p == count - 1:
            cotangents.clear()
        with fast_products() if large else nullcontext():
            found = torch.autograd.grad(outputs, starts, heads, retain_graph=True, allow_unused=True)
        parts: list[Tensor | None] = list(found)
        del heads, found
        for k in range(len(parts)):  # each is let go as soon as it is used
            part, parts[k] = parts[k], None
            if part is not None:
                put(k, p, part)

    def put(k: int, p: int, part: Tensor) -> None:
        turned = [part] if k < len(inputs) else layers[k - len(inputs)].gradients(part)
        for whole, grad in zip(taken[k], turned, strict=True):
            whole.put(p, grad)

    for p in range(count if starts else 0):
        one(p)
    return [whole.whole() for group in taken for whole in group]


def _put(part: Tensor | None, place: Tensor | None) -> Tensor | None:
    if place is None or part is None:
        return part
    return place.copy_(part)


def apart(grads: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of one pass, of which no two share memory (a sum hands the same to all its parts)."""
    held: set[int] = set()
    found = []
    for grad in grads:
        place = 0 if grad.is_sparse else grad.untyped_storage().data_ptr()
        alone = grad.is_sparse or (place not in held and grad.is_contiguous())
        found.append(grad if alone else grad.clone())
        held.add(place)
    return found


def add(parameter: Tensor, grad: Tensor) -> None:
    """Add to a parameter's gradient.

    :param grad: nobody else holds it: it may become the parameter's.
    """
    if parameter.grad is None:
        parameter.grad = grad.detach()
    else:
        parameter.grad += grad
