"""Small trunks of every kind, and the laws that an architecture keeps over each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from umbel.seeding import torch_generator
from umbel.sharing.model import initialise
from umbel.sharing.sharing import SHARINGS, Sharing
from umbel.sharing.trunk import Trunk, trunk_of

TARGETS = ("one", "t.wo", "three")

CASES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "mlp": ((5,), {"width": 6, "depth": 3}),
    "convolution": ((2, 8, 9), {"blocks": "convolution", "channels": 4, "width": 6, "depth": 2}),
    "gru": ((7, 5), {"blocks": "sequence", "width": 6, "depth": 2}),
    "tcn": ((7, 5), {"blocks": "sequence", "width": 6, "depth": 2, "cell": "tcn"}),
}
"""The shape of a row and the options of the trunk, by name."""

SHAPES: dict[str, tuple[int, ...]] = {"mlp": (5,), "convolution": (2, 28, 28), "sequence": (7, 5)}
"""The shape of a row by the blocks that take it, as large as they come."""

Made = TypeVar("Made", bound=Sharing)


def begun(form: Callable[..., Made], blocks: str, targets: Sequence[str], **options: Any) -> Made:
    """An architecture as its training begins, parameters drawn by name, not stirred; float64, no dropout."""
    plain = {"width": 8, "depth": 2, "dropout": 0.0}
    sharing = form(SHAPES[blocks], targets, blocks=blocks, **{**plain, **options})
    initialise(sharing, 5)
    return sharing.double()


def three_rows(blocks: str) -> Tensor:
    """Rows of the shape that the blocks take."""
    return torch.randn(3, *SHAPES[blocks], generator=torch_generator(1, blocks), dtype=torch.float64)


def rows(case: str, count: int = 4) -> Tensor:
    return torch.randn(count, *CASES[case][0], generator=torch_generator(1, case), dtype=torch.float64)


def stir(module: nn.Module) -> None:
    """Move parameters by noise drawn by their names, away from the zeros some start at."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=torch_generator(5, name), dtype=torch.float64)
            parameter += 0.1 * noise


def drawn(name: str, case: str, targets: tuple[str, ...] = TARGETS, **options: Any) -> Sharing:
    """An architecture over a trunk, parameters drawn by name, float64, no dropout."""
    shape, trunk = CASES[case]
    sharing: Sharing = SHARINGS.get(name)(shape, targets, **{**trunk, **options})
    initialise(sharing, 3)
    sharing.double().eval()
    stir(sharing)
    return sharing


def trunk_for(case: str, **more: Any) -> Trunk:
    shape, options = CASES[case]
    options = {**options, **more}
    return trunk_of(options.pop("blocks", "mlp"), shape, options)


def alone(case: str, parameters: nn.Module) -> nn.Sequential:
    """A trunk built apart from any architecture, with the parameters of a list of stages."""
    apart = nn.Sequential(*trunk_for(case).stages()).double().eval()
    apart.load_state_dict(parameters.state_dict())
    return apart


def same(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def reached(loss: Tensor, module: nn.Module) -> set[str]:
    """Names of the parameters that a loss depends on, at these values."""
    named = dict(module.named_parameters())
    grads = torch.autograd.grad(loss, list(named.values()), retain_graph=True, materialize_grads=True)
    return {name for name, grad in zip(named, grads, strict=True) if grad.abs().sum() > 0}


def hold_laws(name: str, case: str, **options: Any) -> None:
    """The contract of a sharing architecture, over this trunk and with these options."""
    sharing, x = drawn(name, case, **options), rows(case)
    found = sharing(x)
    assert set(found) == set(TARGETS)
    for target, h in found.items():
        assert h.shape == (4, sharing.out)
        same(h, sharing.own(sharing.shared(x), target))
    assert not torch.equal(sharing(2 * x)["one"], found["one"])

    other = drawn(name, case, TARGETS[::-1], **options)(x)
    for target in TARGETS:
        same(other[target], found[target])

    part = sharing(x[1:3])
    for target in TARGETS:
        same(part[target], found[target][1:3])

    wide = sharing(rows(case, 9))
    loss = torch.stack([h.square().sum() for h in wide.values()]).sum()
    assert reached(loss, sharing) == {key for key, _ in sharing.named_parameters()}

    hold_cut(sharing, x)

    small = SHARINGS.get(name)(CASES[case][0], TARGETS, **{**CASES[case][1], **options})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = small(rows(case).float())
    assert all(h.isfinite().all() for h in half.values())
    torch.stack([h.float().square().sum() for h in half.values()]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in small.parameters())


def hold_cut(sharing: Sharing, x: Tensor) -> None:
    """Gradients taken at the shared tensors, and on from there, are the gradients: nothing counts twice."""
    parameters = list(sharing.parameters())
    x = x.clone().requires_grad_()
    wanted = [x, *parameters]
    shared = sharing.shared(2 * x)  # not a leaf, like the output of an encoder
    for target in sharing.targets:
        copies = [h.detach().requires_grad_() for h in shared]
        apart = sharing.own(tuple(copies), target).square().sum()
        own = torch.autograd.grad(apart, [*copies, *parameters], materialize_grads=True)
        cut, rest = own[: len(copies)], own[len(copies) :]
        loss = sharing.own(shared, target).square().sum()
        for one, other in zip(torch.autograd.grad(loss, shared, retain_graph=True), cut, strict=True):
            same(one, other)
        on = torch.autograd.grad(shared, wanted, cut, retain_graph=True, materialize_grads=True)
        whole = torch.autograd.grad(loss, wanted, retain_graph=True, materialize_grads=True)
        same(on[0], whole[0])
        for one, two, three in zip(on[1:], rest, whole[1:], strict=True):
            same(one + two, three)


def hold_real_shapes(name: str) -> None:
    """Images of one channel and sequences, with the options an architecture has by itself."""
    for blocks, shape in (("convolution", (1, 28, 28)), ("sequence", (7, 5))):
        sharing = SHARINGS.get(name)(shape, ("a", "b"), blocks=blocks).eval()
        found = sharing(torch.randn(2, *shape))
        assert {h.shape for h in found.values()} == {(2, sharing.out)}
