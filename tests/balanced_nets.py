"""Small nets of many shapes whose losses are balanced, and what plain autograd says of their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["CASES", "Case", "flat", "jacobian", "made", "same"]

Features = list[Tensor]


@dataclass
class Case:
    """A net in two halves.

    :param trunk: its shared layers.
    :param private: the layers of the heads.
    :param features: runs the shared layers.
    :param heads: losses of features.
    """

    trunk: list[nn.Module]
    private: list[nn.Module]
    features: Callable[[], Features]
    heads: Callable[[Features], list[Tensor]]
    own: list[Tensor] = field(init=False)
    shared: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.shared = _parameters(self.trunk)
        known = {id(p) for p in self.shared}
        self.own = [p for p in _parameters(self.private) if id(p) not in known]

    def losses(self) -> list[Tensor]:
        return self.heads(self.features())


def _parameters(modules: Sequence[nn.Module]) -> list[Tensor]:
    return list({id(p): p for module in modules for p in module.parameters()}.values())


def _squares(outputs: Sequence[Tensor]) -> list[Tensor]:
    return [((out - 0.3 * k) ** 2).mean() for k, out in enumerate(outputs)]


def perceptron(bias: bool = True, hidden: int = 0) -> Case:
    first, second = nn.Linear(4, 6, bias=bias), nn.Linear(6, 5, bias=bias)
    heads = [nn.Linear(5, width, bias=bias) for width in (1, 3, 1)]
    more = [nn.Linear(5, 5) for _ in heads] if hidden else []
    x = torch.randn(7, 4)

    def run(features: Features) -> list[Tensor]:
        seen = [layer(features[0]).relu() for layer in more] or [features[0]] * 3
        return _squares([head(z) for head, z in zip(heads, seen, strict=True)])

    return Case(
        [first, second], [*heads, *more], lambda: [torch.tanh(second(torch.relu(first(x))))], run
    )  # fmt: skip


def convolutions() -> Case:
    first, second, last = nn.Conv2d(1, 5, 3), nn.Conv2d(5, 6, 3, stride=2, bias=False), nn.Linear(24, 4)
    heads = [nn.Linear(4, 3) for _ in range(4)]
    x, y = torch.randn(8, 1, 14, 14), torch.randint(3, (4, 8))

    def features() -> Features:
        z = functional.max_pool2d(first(x), 2).relu()
        return [last(second(z).relu().flatten(1)).relu()]

    def run(features: Features) -> list[Tensor]:
        return [functional.cross_entropy(h(features[0]), labels) for h, labels in zip(heads, y, strict=True)]

    return Case([first, second, last], list(heads), features, run)


def sequences() -> Case:
    first, norm, second = nn.Linear(3, 6), nn.LayerNorm(6), nn.Linear(6, 4, bias=False)
    heads = [nn.Linear(4, 2) for _ in range(2)]
    x = torch.randn(5, 3, 3)
    return Case(
        [first, norm, second], list(heads), lambda: [second(norm(first(x)).relu())],
        lambda features: _squares([head(features[0]) for head in heads]),
    )  # fmt: skip


def recurrent() -> Case:
    words, cell = nn.Embedding(9, 3), nn.GRU(3, 4, batch_first=True)
    heads = [nn.Linear(4, 1) for _ in range(2)]
    x = torch.randint(9, (6, 3))
    return Case(
        [words, cell], list(heads), lambda: [cell(words(x))[0][:, -1]],
        lambda features: _squares([head(features[0]) for head in heads]),
    )  # fmt: skip


def tied() -> Case:
    """A layer that is run twice, and whose weight a head uses, too."""
    layer = nn.Linear(4, 4)
    heads = [nn.Linear(4, 1) for _ in range(3)]
    x = torch.randn(6, 4)

    def run(features: Features) -> list[Tensor]:
        outputs = [head(features[0]) for head in heads]
        outputs[0] = outputs[0] + functional.linear(features[0], layer.weight).sum(dim=1, keepdim=True)
        return _squares(outputs)

    return Case([layer], list(heads), lambda: [torch.tanh(layer(torch.tanh(layer(x))))], run)


def two_depths() -> Case:
    """Heads see two features tensors, one behind the other."""
    first, second = nn.Linear(4, 5), nn.Linear(5, 6)
    near, far = ([nn.Linear(width, 1) for _ in range(3)] for width in (6, 5))
    x = torch.randn(7, 4)

    def features() -> Features:
        z = torch.tanh(first(x))
        return [torch.tanh(second(z)), z]

    def run(features: Features) -> list[Tensor]:
        pairs = zip(near, far, strict=True)
        return _squares([one(features[0]) + other(features[1]) for one, other in pairs])

    return Case([first, second], [*near, *far], features, run)


def common_head() -> Case:
    """Two losses see one head, whose outputs are mixed before, and a third has its own."""
    first, head, alone = nn.Linear(4, 5), nn.Linear(5, 3), nn.Linear(5, 1)
    x = torch.randn(7, 4)

    def run(features: Features) -> list[Tensor]:
        shares = head(features[0]).softmax(dim=1)
        return [*_squares([shares[:, 0], shares[:, 1] * shares[:, 2]]), _squares([alone(features[0])])[0]]

    return Case([first], [head, alone], lambda: [torch.tanh(first(x))], run)


def trunk_per_task() -> Case:
    """The trunk runs on other rows for each task: nothing but its parameters is shared."""
    layer = nn.Linear(4, 5)
    heads = [nn.Linear(5, 1) for _ in range(3)]
    x = torch.randn(3, 6, 4)
    return Case(
        [layer], list(heads), lambda: [torch.tanh(layer(rows)) for rows in x],
        lambda features: _squares([head(z) for head, z in zip(heads, features, strict=True)]),
    )  # fmt: skip


CASES: dict[str, Callable[[], Case]] = {
    "perceptron": perceptron,
    "without bias": lambda: perceptron(bias=False),
    "deep heads": lambda: perceptron(hidden=5),
    "convolutions": convolutions,
    "sequences": sequences,
    "recurrent": recurrent,
    "tied": tied,
    "two depths": two_depths,
    "common head": common_head,
    "trunk per task": trunk_per_task,
}


def made(name: str) -> Case:
    """A case in float64, always the same."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(3)
            return CASES[name]()
    finally:
        torch.set_default_dtype(before)


def jacobian(losses: Sequence[Tensor], inputs: Sequence[Tensor]) -> Tensor:
    """Each loss alone by plain autograd, [P, W]; zero where it depends on nothing."""
    rows = []
    for loss in losses:
        grads = torch.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True)
        rows.append(
            flat([torch.zeros_like(x) if g is None else g for x, g in zip(inputs, grads, strict=True)])
        )
    return torch.stack(rows)


def flat(parts: Sequence[Tensor]) -> Tensor:
    """One vector."""
    return torch.cat([part.flatten() for part in parts])


def same(found: Tensor, expected: Tensor) -> None:
    """Equal to the last digits of float64."""
    torch.testing.assert_close(found.detach(), expected.detach(), rtol=1e-9, atol=1e-12)
