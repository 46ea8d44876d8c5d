"""Laws of the balanced step: float64, no dropout, parameters drawn by name, many labels missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from neural_tables import dataset, frame
from stepping import ALL, FRAME, batch_of, model_for, same, shared, trained
from umbel.balancing.balancer import BALANCERS, Balancer, Place
from umbel.balancing.gramian import GramBalancer
from umbel.data.batch import Batch, Input
from umbel.errors import BalancingError, ConfigError
from umbel.sharing.model import MultiTaskNet
from umbel.tasks import TaskSet
from umbel.training.losses import count_labels, likelihoods
from umbel.training.pulling.cut import Cut
from umbel.training.step import step

PLACES: tuple[Place, ...] = ("features", "parameters")
CASES = [
    (name, place) for name in BALANCERS.names() for place in PLACES if place in BALANCERS.get(name).places
]
GRADIENT = [
    (n, p) for n, p in CASES if BALANCERS.get(n).needs & {"gramian", "jacobian", "cross", "validation"}
]


class Ones(GramBalancer):
    """Weights that look at the Gramian and are 1 all the same: the update must be the plain one."""

    name: ClassVar[str] = "ones"

    def solve(self, gram: Tensor) -> Tensor:
        return torch.ones(len(gram), dtype=torch.float64)


class Mean(Ones):
    """The same, for weights that add up to 1."""

    neutral = "mean"

    def solve(self, gram: Tensor) -> Tensor:
        return torch.full((len(gram),), 1 / len(gram), dtype=torch.float64)


@pytest.mark.parametrize("place", [*PLACES, "subsample"])
@pytest.mark.parametrize("form", [Ones, Mean])
@pytest.mark.parametrize("by", [None, "school"])
@pytest.mark.parametrize("weighting", ["tasks", "labels"])
def test_weights_of_1_give_the_plain_update(
    place: Place, form: type[Ones], by: str | None, weighting: str
) -> None:
    data = dataset(FRAME, ("height", "sick", "tags"), by=by)
    options = {"weighting": weighting, "steps": 2, "clip": 0.5}
    plain = trained(data, **options)
    same(plain, trained(data, balancer=form(len(data.tasks)), gradients=place, **options), atol=1e-9)


@pytest.mark.parametrize(("name", "place"), CASES)
def test_pieces_of_a_batch_give_the_same_update(name: str, place: Place) -> None:
    data = dataset(FRAME, ("height", "sick", "grade"))
    options = {"balancing": name, "gradients": place}
    same(trained(data, **options), trained(data, pieces=3, **options), atol=1e-8)


@pytest.mark.parametrize(("name", "place"), CASES)
def test_a_task_of_weight_0_changes_nothing(name: str, place: Place) -> None:
    few = dataset(FRAME, ("height", "sick"))
    more = dataset(FRAME, ("height", "sick", "grade"), weights={"grade": 0.0})
    one = trained(few, balancing=name, gradients=place)
    other = trained(more, balancing=name, gradients=place)
    if name not in ("rlw", "pcgrad", "gradvac"):  # these draw for each task there is
        same(one, other, names=shared(one, other), atol=1e-8)
    held = model_for(more).heads["of_grade"].weight
    torch.testing.assert_close(other["heads.of_grade.weight"], held.detach(), rtol=0, atol=0.05)


@pytest.mark.parametrize(("name", "place"), GRADIENT)
def test_a_task_without_a_label_in_the_batch_takes_no_part(name: str, place: Place) -> None:
    table = FRAME.copy()
    table["weight"] = np.nan
    data = dataset(FRAME, ("height", "sick", "weight"))
    model = model_for(data)
    batch = batch_of(data, model)
    batch.weights["weight"].zero_()
    balancer: Balancer = BALANCERS.get(name)(3).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model.heads["of_weight"].weight.clone()
    told = step(model, batch, data.tasks, balancer, None, optimizer, gradients=place, held=batch)
    assert told.weights[2] == 0
    assert torch.equal(model.heads["of_weight"].weight, before)
    assert model.heads["of_height"].weight.grad is not None
    assert model.heads["of_height"].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("by", [None, "school"])
@pytest.mark.parametrize("sharing", ["hard", "mmoe", "cross_stitch", "ple", "mtan"])
def test_the_gramian_at_the_features_is_that_of_each_loss_alone(by: str | None, sharing: str) -> None:
    data = dataset(FRAME, ("height", "sick"), by=by)
    model = model_for(data, sharing)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    batch = batch_of(data, model)
    counts = count_labels(batch, data.tasks)
    cut = Cut(model, len(data.tasks.groups))
    torch.cat(likelihoods(cut, batch, data.tasks, counts)).sum().backward()
    expected = _by_autograd(model, batch, data.tasks, counts)
    torch.testing.assert_close(cut.gram(), expected, rtol=1e-9, atol=1e-14)


def _by_autograd(model: MultiTaskNet, batch: Batch, tasks: TaskSet, counts: Tensor) -> Tensor:
    """Each loss alone, back to detached copies of what is shared."""
    features = tuple(x.detach().requires_grad_(x.requires_grad) for x in model.shared(batch))
    answered = model.answer(batch, dict.fromkeys(model.targets, features))
    copies = [x for x in features if x.requires_grad]
    rows = []
    for loss in torch.cat(likelihoods(lambda _: answered, batch, tasks, counts)):
        grads = torch.autograd.grad(loss, copies, retain_graph=True, allow_unused=True)
        flat = [torch.zeros_like(x) if g is None else g for x, g in zip(copies, grads, strict=True)]
        rows.append(torch.cat([g.flatten() for g in flat]))
    jacobian = torch.stack(rows)
    return jacobian @ jacobian.T


@pytest.mark.parametrize("sharing", ["hard", "film", "ple"])
@pytest.mark.parametrize("by", [None, "school"])
def test_the_gramian_at_the_parameters_is_that_of_each_loss_alone(by: str | None, sharing: str) -> None:
    data = dataset(FRAME, ("height", "sick", "tags"), by=by)
    model = model_for(data, sharing)
    batch = batch_of(data, model)
    seen = {}

    class Spy(Ones):
        def solve(self, gram: Tensor) -> Tensor:
            seen["gram"] = gram
            return super().solve(gram)

    count = len(data.tasks)
    step(
        model,
        batch,
        data.tasks,
        Spy(count),
        None,
        torch.optim.SGD(model.parameters(), lr=0.0),
        gradients="parameters",
    )
    parts = likelihoods(model, batch, data.tasks, count_labels(batch, data.tasks))
    losses = [loss for part in parts for loss in part.unbind()]
    own = list(model.parameters())
    rows = [torch.autograd.grad(loss, own, retain_graph=True, allow_unused=True) for loss in losses]
    shared_ones = [k for k in range(len(own)) if sum(row[k] is not None for row in rows) > 1]
    jacobian = torch.stack(
        [
            torch.cat(
                [(torch.zeros_like(own[k]) if row[k] is None else row[k]).flatten() for k in shared_ones]
            )
            for row in rows
        ]
    )
    torch.testing.assert_close(seen["gram"], jacobian @ jacobian.T, rtol=1e-8, atol=1e-13)


def test_a_loss_that_is_not_finite_is_named_or_skipped() -> None:
    data = dataset(FRAME, ("height", "sick"))
    model = model_for(data)
    batch = batch_of(data, model)
    batch.targets["height"][3] = float("nan")
    batch.weights["height"][3] = 1.0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = [p.detach().clone() for p in model.parameters()]
    for name in ("equal", "imtl_g"):
        balancer = BALANCERS.get(name)(2)
        with pytest.raises(BalancingError, match="'height' nan"):
            step(model, batch, data.tasks, balancer, None, optimizer)
        told = step(model, batch, data.tasks, balancer, None, optimizer, bad_loss="skip")
        assert "'height' nan" in told.skipped
    assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))


def test_a_balancer_that_cannot_weigh_names_the_tasks() -> None:
    """'gls' takes the logarithm of losses, and a number's likelihood may be negative: that of place 2."""
    data = dataset(FRAME, ("height", "sick", "weight"))
    model = model_for(data)
    batch = batch_of(data, model)
    batch.weights["height"][:] = 0.0  # without a label in this step
    with torch.no_grad():
        model.head("weight").free.fill_(-3.0)  # a small noise, about answers that are hit
        hit = data.tasks.target("weight").kind.predict(model(batch)["weight"]).value
    batch.targets["weight"][:] = torch.from_numpy(hit)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(BalancingError) as told:
        step(model, batch, data.tasks, BALANCERS.get("gls")(3), None, optimizer)
    assert "of the task at place 2 (of 3); the tasks by place: 1 'sick', 2 'weight'\n" in str(told.value)
    assert told.value.rule == "'gls' needs losses above 0"
    assert "such as 'equal'" in told.value.remedy


def test_a_balancer_that_takes_gradients_elsewhere_says_where() -> None:
    data = dataset(FRAME, ("height", "sick"))
    with pytest.raises(ConfigError, match="gradients: parameters"):
        trained(data, balancing="graddrop", gradients="features")


def _single(values: Mapping[str, Input]) -> dict[str, Input]:
    return {k: v.float() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in values.items()}


@pytest.mark.parametrize("name", [n for n in BALANCERS.names() if "gramian" in BALANCERS.get(n).needs])
def test_autocast_solves_in_full_precision(name: str) -> None:
    data = dataset(FRAME, ("height", "sick", "tags"))
    model = model_for(data).float()
    batch = batch_of(data, model)
    batch = Batch(_single(batch.inputs), _single(batch.targets), batch.weights, batch.rows, batch.side)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    balancer: Balancer = BALANCERS.get(name)(3)
    for place in ("features", "parameters"):
        told = step(
            model, batch, data.tasks, balancer, None, optimizer, precision=torch.bfloat16, gradients=place
        )
        assert told.gram is not None
        assert told.gram.dtype == torch.float64
        assert torch.isfinite(told.weights).all()


def test_all_targets_at_once_in_every_place() -> None:
    data = dataset(frame(60, seed=5), ALL)
    for place in ("features", "parameters", "subsample"):
        found = trained(data, balancing="aligned_mtl", gradients=place, steps=2)
        assert all(torch.isfinite(value).all() for value in found.values())
