"""What cannot be balanced is said: what came, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from umbel.balancing import backward
from umbel.balancing.checks import checked_losses
from umbel.errors import BalancingError, ConfigError


def leaf(*values: float) -> Tensor:
    return torch.tensor(values, requires_grad=True)


X = leaf(1.0, 2.0)


def losses() -> list[Tensor]:
    return [(X**2).sum(), (3 * X).sum()]


BAD_LOSSES: dict[str, tuple[Callable[[], Sequence[Tensor] | Tensor], str, str]] = {
    "a matrix": (lambda: torch.ones(2, 3) * X[0], r"shape \[2, 3\]", "mean over its rows"),
    "a scalar": (lambda: X.sum(), r"shape \[\]", "mean over its rows"),
    "one": (lambda: [X.sum()], "1", r"loss.backward\(\)"),
    "one in a tensor": (lambda: X[:1], "1", r"loss.backward\(\)"),
    "none": (lambda: [], "0", r"loss.backward\(\)"),
    "not reduced": (lambda: [X.sum(), X], r"loss 1: shape \[2\]", "mean over the rows"),
    "a number": (lambda: [X.sum(), 2.0], "loss 1: float", "mean over the rows"),
    "without a gradient": (lambda: [X.sum(), torch.tensor(1.0)], "loss 1 does not", "no_grad"),
    "detached in a stack": (lambda: torch.stack([X.sum(), X.sum().detach()]), "loss 1 does not", "no_grad"),
    "a detached tensor": (lambda: torch.stack(losses()).detach(), "loss 0 does not", "no_grad"),
    "nan": (lambda: [X.sum(), X.sum() * torch.nan], "loss 1: nan", "skip this batch"),
    "infinite": (lambda: torch.stack([X.sum() / 0, X.sum()]), "loss 0: inf", "learning rate"),
}


@pytest.mark.parametrize("name", BAD_LOSSES)
def test_losses(name: str) -> None:
    make, found, remedy = BAD_LOSSES[name]
    with pytest.raises(BalancingError) as caught:
        backward(make(), shared=X, method="mgda")
    assert caught.match(found)
    assert caught.match(remedy)
    assert X.grad is None


SHARED: dict[str, tuple[Callable[[], Tensor | list[Tensor]], str, str]] = {
    "nothing": (lambda: [], "no tensor", "features that all heads see"),
    "no gradient": (lambda: [X, torch.ones(3)], r"tensor 1 of shape \[3\]", "not detached"),
    "both kinds": (lambda: [X, X * 2], "some of both", "features alone"),
    "twice": (lambda: [X, X], "2 tensors, of which 1", "repetitions"),
    "a parameter of nobody": (lambda: [X, leaf(1.0)], r"tensor 1 of shape \[1\]", "computed from"),
    "features of nobody": (lambda: X * 2, r"tensor 0 of shape \[2\]", "computed from"),
}


@pytest.mark.parametrize("name", SHARED)
def test_shared(name: str) -> None:
    make, found, remedy = SHARED[name]
    with pytest.raises(BalancingError) as caught:
        backward(losses(), shared=make(), method="mgda")
    assert caught.match(found)
    assert caught.match(remedy)
    assert X.grad is None


@pytest.mark.parametrize(
    ("method", "shared", "what"),
    [("graddrop", "features", "shared parameters"), ("modo", "parameters", "umbel fit")],
)
def test_methods_that_need_something_else(method: str, shared: str, what: str) -> None:
    x = leaf(1.0, 2.0)
    z = x * 1
    with pytest.raises(ConfigError, match=what):
        backward([z.sum(), (z**2).sum()], shared=z if shared == "features" else x, method=method)


def test_losses_of_one_number_each_whatever_their_shape() -> None:
    x = leaf(1.0, 2.0)
    z = x * 1
    given = [z.sum().view(1), (z**2).sum().view(1, 1)]
    roots, values = checked_losses(given)
    assert len(roots) == 2
    assert values.tolist() == [3.0, 5.0]
    assert not values.requires_grad
    weights = backward(given, shared=z, method="equal")
    assert weights.tolist() == [1.0, 1.0]
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 5.0]


def test_a_stack_is_followed_to_its_scalars() -> None:
    given = losses()
    roots, _ = checked_losses(torch.stack(given))
    assert [root.node for root in roots] == [loss.grad_fn for loss in given]
