"""A balanced backward pass in a loop of one's own, against plain autograd; and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from umbel.balancing import backward, balancer, solve
from umbel.balancing.balancer import BALANCERS
from umbel.errors import BalancingError, ConfigError

P, B = 3, 6


def perceptron() -> tuple[nn.Module, Tensor]:
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 7), nn.Tanh()), torch.randn(B, 5)


def without_bias() -> tuple[nn.Module, Tensor]:
    return nn.Sequential(
        nn.Linear(5, 8, bias=False), nn.LayerNorm(8), nn.Linear(8, 7, bias=False)
    ), torch.randn(B, 5)


def wide() -> tuple[nn.Module, Tensor]:
    """Few rows and wide layers: the Gramian is had without any gradient."""
    return nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 7)), torch.randn(2, 40)


def pictures() -> tuple[nn.Module, Tensor]:
    layers = (
        nn.Conv2d(1, 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 3, 2, stride=2, padding=1),
        nn.Flatten(),
    )
    return nn.Sequential(*layers, nn.Linear(27, 7)), torch.randn(B, 1, 12, 12)


def sequences() -> tuple[nn.Module, Tensor]:
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 7)), torch.randn(B, 4, 5)


class Tied(nn.Module):
    """The same layer used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(5, 5), nn.Linear(5, 7)

    def forward(self, x: Tensor) -> Tensor:
        """Features."""
        found: Tensor = self.last(self.layer(self.layer(x).tanh()))
        return found


def tied() -> tuple[nn.Module, Tensor]:
    return Tied(), torch.randn(B, 5)


NETS: list[Callable[[], tuple[nn.Module, Tensor]]] = [
    perceptron, without_bias, wide, pictures, sequences, tied,
]  # fmt: skip


def made(
    net: Callable[[], tuple[nn.Module, Tensor]], count: int = P
) -> tuple[nn.Module, nn.ModuleList, Tensor, Tensor]:
    torch.manual_seed(0)
    trunk, x = net()
    heads = nn.ModuleList(nn.Linear(7, 2) for _ in range(count))
    return trunk.double(), heads.double(), x.double(), torch.randn(count, *x.shape[:1]).double()


def losses_of(heads: nn.ModuleList, z: Tensor, y: Tensor) -> list[Tensor]:
    flat = z if z.ndim == 2 else z.mean(dim=1)
    return [(head(flat).sum(dim=1) - answer).square().mean() for head, answer in zip(heads, y, strict=True)]


def rows_of(losses: list[Tensor], inputs: list[Tensor]) -> Tensor:
    rows = []
    for loss in losses:
        grads = torch.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True)
        rows.append(
            torch.cat(
                [
                    torch.zeros_like(x).flatten() if g is None else g.flatten()
                    for x, g in zip(inputs, grads, strict=True)
                ]
            )
        )
    return torch.stack(rows)


@pytest.mark.parametrize("count", [2, 3, 9])
@pytest.mark.parametrize("net", NETS)
def test_at_the_parameters_it_is_weights_times_the_jacobian(
    net: Callable[[], tuple[nn.Module, Tensor]], count: int
) -> None:
    trunk, heads, x, y = made(net, count)
    shared, own = list(trunk.parameters()), list(heads.parameters())
    losses = losses_of(heads, trunk(x), y)
    jacobian = rows_of(losses, shared)
    plain = torch.autograd.grad(sum(losses), own, retain_graph=True)  # type: ignore[arg-type]
    for method in ("mgda", "upgrad"):
        for p in (*shared, *own):
            p.grad = None
        weights = backward(losses_of(heads, trunk(x), y), shared=shared, method=method)
        torch.testing.assert_close(weights, solve(method, jacobian @ jacobian.T), rtol=1e-6, atol=1e-8)
        update = torch.cat([p.grad.flatten() for p in shared if p.grad is not None])
        torch.testing.assert_close(update, weights @ jacobian, rtol=1e-7, atol=1e-10)
        for p, expected in zip(own, plain, strict=True):
            torch.testing.assert_close(p.grad, expected)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("as_tensor", [False, True])
def test_at_the_features_one_pass_goes_on(
    net: Callable[[], tuple[nn.Module, Tensor]], as_tensor: bool
) -> None:
    trunk, heads, x, y = made(net)
    shared, own = list(trunk.parameters()), list(heads.parameters())
    z = trunk(x)
    losses = losses_of(heads, z, y)
    jacobian, at_features = rows_of(losses, shared), rows_of(losses, [z])
    plain = torch.autograd.grad(sum(losses), own, retain_graph=True)  # type: ignore[arg-type]
    weights = backward(torch.stack(losses) if as_tensor else losses, shared=z, method="cagrad")
    torch.testing.assert_close(weights, solve("cagrad", at_features @ at_features.T), rtol=1e-6, atol=1e-8)
    update = torch.cat([p.grad.flatten() for p in shared if p.grad is not None])
    torch.testing.assert_close(update, weights @ jacobian, rtol=1e-7, atol=1e-10)
    for p, expected in zip(own, plain, strict=True):
        torch.testing.assert_close(p.grad, expected)


def test_two_features_and_a_head_that_two_losses_use() -> None:
    torch.manual_seed(1)
    x, w = torch.randn(4, 3).double(), nn.Linear(3, 5).double()
    head, both = nn.Linear(10, 1).double(), nn.Linear(1, 1).double()
    one, other = w(x).tanh(), w(x).relu()
    losses = [
        both(head(torch.cat([one, other], 1))).square().mean(),
        both(one[:, :1] - other[:, 1:2]).abs().mean(),
    ]
    jacobian = rows_of(losses, [one, other])
    expected = torch.autograd.grad(sum(losses), [*head.parameters(), *both.parameters()], retain_graph=True)  # type: ignore[arg-type]
    weights = backward(losses, shared=[one, other], method="mgda")
    torch.testing.assert_close(weights, solve("mgda", jacobian @ jacobian.T), rtol=1e-6, atol=1e-9)
    for p, grad in zip([*head.parameters(), *both.parameters()], expected, strict=True):
        torch.testing.assert_close(p.grad, grad)


def test_some_of_the_shared_parameters_may_be_balanced() -> None:
    trunk, heads, x, y = made(perceptron)
    last = list(trunk[2].parameters())  # type: ignore[index]
    first = list(trunk[0].parameters())  # type: ignore[index]
    losses = losses_of(heads, trunk(x), y)
    jacobian, plain = rows_of(losses, last), torch.autograd.grad(sum(losses), first, retain_graph=True)  # type: ignore[arg-type]
    weights = backward(losses, shared=last, method="upgrad")
    update = torch.cat([p.grad.flatten() for p in last if p.grad is not None])
    torch.testing.assert_close(update, weights @ jacobian, rtol=1e-7, atol=1e-10)
    for p, grad in zip(first, plain, strict=True):
        torch.testing.assert_close(p.grad, grad)


@pytest.mark.parametrize(
    "method", [n for n in BALANCERS.names() if not BALANCERS.get(n).needs & {"cross", "validation"}]
)
def test_every_method_of_one_batch_takes_a_step(method: str) -> None:
    trunk, heads, x, y = made(perceptron)
    form = balancer(method, P, seed=3).double()
    for _ in range(2):
        trunk.zero_grad()
        z = trunk(x)
        shared = z if "features" in form.places else list(trunk.parameters())
        weights = backward(losses_of(heads, z, y), shared=shared, method=form)
        assert torch.isfinite(weights).all()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in trunk.parameters())


def refused(error: type[Exception], *words: str, **asked: object) -> None:
    with pytest.raises(error) as caught:
        backward(**asked)  # type: ignore[arg-type]
    for word in words:
        assert word in str(caught.value)
    assert "found:" in str(caught.value)


def test_bad_input_is_told_before_torch_sees_it() -> None:
    trunk, heads, x, y = made(perceptron)
    z = trunk(x)
    losses = losses_of(heads, z, y)
    alone = nn.Parameter(torch.ones(2).double())
    refused(BalancingError, "[3, 1]", losses=torch.stack(losses)[:, None], shared=z)
    refused(BalancingError, "loss 1", "one number", losses=[losses[0], z], shared=z)
    refused(BalancingError, "loss 0", "gradient", losses=[losses[0].detach(), losses[1]], shared=z)
    refused(BalancingError, "loss 1", "nan", losses=[losses[0], losses[1] * torch.nan], shared=z)
    refused(BalancingError, "loss 0", "inf", losses=[losses[0] * torch.inf, losses[1]], shared=z)
    refused(BalancingError, "at least two", losses=losses[:1], shared=z)
    refused(BalancingError, "reached by a loss", "[2]", losses=losses, shared=[alone])
    refused(BalancingError, "require a gradient", "not detached", losses=losses, shared=z.detach())
    refused(BalancingError, "something shared", losses=losses, shared=[])
    refused(BalancingError, "either features or parameters", losses=losses, shared=[z, alone])
    refused(BalancingError, "one for 2", losses=losses, shared=z, method=balancer("mgda", 2))
    refused(ConfigError, "'upgrad'", losses=losses, shared=z, method="upgrat")
    refused(ConfigError, "parameters", losses=losses, shared=z, method="graddrop")
    refused(ConfigError, "more than one batch", losses=losses, shared=list(trunk.parameters()), method="modo")
    assert all(p.grad is None for p in trunk.parameters())
    with pytest.raises(ConfigError, match="'d'"):
        balancer("cagrad", 3, d=1)
