"""ESMM: probabilities multiply along the chain, stably, and the entire space is what is learned."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neural_tables import NUMBERS, dataset, frame
from umbel.encoders.space import FeatureSpace
from umbel.errors import ConfigError
from umbel.sharing.esmm import EntireSpace, logit_of_both
from umbel.sharing.model import MultiTaskNet

TARGETS = ("click", "cart", "buy", "price")


def made(*chain: str) -> EntireSpace:
    return EntireSpace(5, TARGETS, chain=chain or None, width=8, depth=2, dropout=0.0)


def raws(rows: int = 50) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    widths = {"click": 1, "cart": 1, "buy": 1, "price": 2}
    return {t: 3 * torch.randn(rows, w, generator=generator, dtype=torch.float64) for t, w in widths.items()}


def test_probabilities_multiply_along_the_chain() -> None:
    raw = raws()
    found = made("click", "cart", "buy").finish(dict(raw))
    p = {target: raw[target].sigmoid() for target in TARGETS}
    assert list(found) == list(TARGETS)
    assert found["click"] is raw["click"]
    assert found["price"] is raw["price"]
    torch.testing.assert_close(found["cart"].sigmoid(), p["click"] * p["cart"], rtol=1e-12, atol=0)
    torch.testing.assert_close(found["buy"].sigmoid(), p["click"] * p["cart"] * p["buy"], rtol=1e-12, atol=0)


def test_without_a_chain_nothing_is_touched() -> None:
    raw = raws()
    found = made().finish(dict(raw))
    assert all(found[target] is raw[target] for target in TARGETS)


def test_the_order_of_the_chain_is_its_own() -> None:
    raw = raws()
    found = made("buy", "click").finish(dict(raw))
    assert found["buy"] is raw["buy"]
    torch.testing.assert_close(found["click"].sigmoid(), raw["buy"].sigmoid() * raw["click"].sigmoid())
    assert found["cart"] is raw["cart"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_logit_of_a_product_is_exact_at_any_size(dtype: torch.dtype) -> None:
    """Against log p - log(1 - p) in exact fractions of 1 / (1 + e^-a)."""

    def exact(a: float, b: float) -> float:
        odds = [Fraction(math.exp(-v)) for v in (a, b)]
        against = (1 + odds[0]) * (1 + odds[1]) - 1  # (1 - pq) / pq
        size = math.log(against.numerator) - math.log(against.denominator)
        return -size

    for a in (-300.0, -40.0, -3.0, 0.0, 0.7, 20.0, 300.0):
        for b in (-300.0, -40.0, -3.0, 0.0, 0.7, 20.0, 300.0):
            logits = torch.tensor([a, b], dtype=dtype, requires_grad=True)
            found = logit_of_both(logits[:1], logits[1:])
            tolerance = 1e-12 if dtype == torch.float64 else 1e-5
            assert found.item() == pytest.approx(exact(a, b), rel=tolerance, abs=tolerance)
            (grad,) = torch.autograd.grad(found.sum(), logits)
            assert torch.isfinite(grad).all()
            assert (grad >= 0).all()  # a product grows with each factor


def test_it_is_the_form_in_log_probabilities() -> None:
    a, b = torch.linspace(-8, 8, 41, dtype=torch.float64).split([20, 21])
    a, b = torch.meshgrid(a, b, indexing="ij")
    log_p = functional.logsigmoid(a) + functional.logsigmoid(b)
    expected = log_p - torch.log(-torch.expm1(log_p))
    torch.testing.assert_close(logit_of_both(a, b), expected, rtol=1e-9, atol=1e-9)
    assert torch.autograd.gradcheck(logit_of_both, (a[:3, :3].clone().requires_grad_(), b[:3, :3]))


def test_the_entire_space_is_learned() -> None:
    """Likelihoods over all rows, clicked or not, are at their optimum where the head of ``buy`` has the
    share of buyers among those who clicked: cells of 100, 60, 10 rows, 40, 30, 5 clicks, 8, 15, 4 buys.
    """
    rows, clicks, buys = torch.tensor([[100.0, 60, 10], [40, 30, 5], [8, 15, 4]], dtype=torch.float64)
    click = torch.logit(clicks / rows)[:, None].requires_grad_()
    buy = torch.logit(buys / clicks)[:, None].requires_grad_()
    found = made("click", "buy").finish({"click": click, "buy": buy})
    loss = torch.zeros((), dtype=torch.float64)
    for target, happened in (("click", clicks), ("buy", buys)):
        logit = found[target][:, 0]
        loss = loss - (happened * functional.logsigmoid(logit)).sum()
        loss = loss - ((rows - happened) * functional.logsigmoid(-logit)).sum()
    for grad in torch.autograd.grad(loss, (click, buy)):
        torch.testing.assert_close(grad, torch.zeros_like(grad), rtol=0, atol=1e-10)


def test_a_half_precision_logit_is_widened() -> None:
    raw = {t: r.bfloat16() for t, r in raws().items()}
    found = made("click", "buy").finish(raw)
    assert found["buy"].dtype == torch.float32
    assert found["price"].dtype == torch.bfloat16
    expected = raw["click"].double().sigmoid() * raw["buy"].double().sigmoid()
    torch.testing.assert_close(found["buy"].double().sigmoid(), expected, rtol=1e-5, atol=0)


def test_a_target_that_is_not_binary_is_named() -> None:
    with pytest.raises(ConfigError, match="'price' with 2 raw outputs"):
        made("click", "price").finish(raws())


def net(*chain: str) -> MultiTaskNet:
    data = dataset(frame(40), ("sick", "visits", "tags", "height"), columns=NUMBERS)
    space = FeatureSpace(data.schema, {"numbers": {}}).fit(data.source)
    return MultiTaskNet(space, data.tasks, sharing="esmm", options={"chain": chain or None})


@pytest.mark.parametrize(("target", "kind"), [("visits", "count"), ("tags", "multilabel")])
def test_a_chain_takes_binary_targets_alone_even_of_one_output(target: str, kind: str) -> None:
    assert net().sharing.chain == ()
    with pytest.raises(ConfigError, match=f"'{target}' of kind '{kind}'"):
        net("sick", target)
    with pytest.raises(ConfigError, match=f"'{target}' of kind '{kind}'"):
        net(target, "sick")


def test_a_chain_of_unknown_targets_is_told() -> None:
    with pytest.raises(ConfigError, match="did you mean 'click'"):
        made("clck", "buy")
