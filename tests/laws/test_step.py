"""Laws of the step: float64, no dropout, parameters drawn by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neural_tables import COLUMNS, dataset
from stepping import ALL, FRAME, batch_of, model_for, same, shared, trained
from umbel.balancing.balancer import BALANCERS
from umbel.data.batch import Batch
from umbel.data.schema import Schema
from umbel.encoders.space import FeatureSpace
from umbel.sharing.sharing import SHARINGS
from umbel.training.losses import TaskWeighting, count_labels, likelihood


@pytest.mark.parametrize("weighting", ["tasks", "labels"])
@pytest.mark.parametrize("balancing", ["equal", "uncertainty", "revised_uncertainty"])
def test_a_task_of_weight_0_changes_nothing(weighting: TaskWeighting, balancing: str) -> None:
    few = dataset(FRAME, ("height", "sick"))
    more = dataset(FRAME, ("height", "grade", "sick"), weights={"grade": 0.0})
    one = trained(few, weighting=weighting, balancing=balancing)
    other = trained(more, weighting=weighting, balancing=balancing)
    names = shared(one, other)
    assert {"heads.of_height.weight", "sharing.first.weight", "loss of sick"} <= set(names)
    same(one, other, names=names)


@pytest.mark.parametrize("weighting", ["tasks", "labels"])
def test_permuting_tasks_changes_order_only(weighting: TaskWeighting) -> None:
    one = trained(dataset(FRAME, ALL), weighting=weighting, clip=0.1)
    other = trained(dataset(FRAME, ALL[::-1]), weighting=weighting, clip=0.1)
    wide = [n for n in one if n.startswith("wide.")]
    same(one, other, names=[n for n in one if n not in wide])
    for name in wide:  # columns: sick, tags p and q; reversed: tags p and q, sick
        torch.testing.assert_close(other[name][:, [2, 0, 1]], one[name], rtol=0, atol=1e-10)


def test_permuting_columns_changes_nothing() -> None:
    one = trained(dataset(FRAME))
    other = trained(dataset(FRAME[list(FRAME.columns[::-1])], columns=COLUMNS[::-1]))
    same(one, other)


def test_a_row_without_a_label_changes_nothing() -> None:
    data = dataset(FRAME)
    known = np.logical_or.reduce([data.known(t.name) for t in data.tasks.targets])
    assert 0 < (~known).sum() < len(data)
    same(trained(data), trained(data.take(known)))


@pytest.mark.parametrize("by", [None, "school"])
def test_under_a_fixed_normaliser_a_row_twice_is_a_row_of_weight_2(by: str | None) -> None:
    data = dataset(FRAME, ALL, by=by)
    model = model_for(data)
    batch = batch_of(data, model)
    counts = count_labels(batch, data.tasks)
    twice = batch.take(torch.cat([torch.arange(len(batch)), torch.tensor([4, 5])]))
    heavy = {name: w.clone() for name, w in batch.weights.items()}
    for weight in heavy.values():
        weight[[4, 5]] *= 2
    two = Batch(batch.inputs, batch.targets, heavy, batch.rows, batch.side)
    one, other = (likelihood(model, b, data.tasks, counts) for b in (twice, two))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    grads = [
        torch.autograd.grad(loss.sum(), list(model.parameters()), allow_unused=True) for loss in (one, other)
    ]
    for left, right in zip(*grads, strict=True):
        assert (left is None) == (right is None)
        if left is not None and right is not None:
            torch.testing.assert_close(left, right, rtol=0, atol=1e-12)


@pytest.mark.parametrize("by", [None, "school"])
def test_pieces_of_a_batch_give_the_same_update(by: str | None) -> None:
    data = dataset(FRAME, ALL, by=by)
    same(trained(data), trained(data, pieces=4))


PAIRS = [
    *((sharing, "equal") for sharing in SHARINGS.names()),
    *((sharing, "mgda") for sharing in SHARINGS.names()),
    *(("hard", balancing) for balancing in BALANCERS.names()),
]


@pytest.mark.parametrize(("sharing", "balancing"), PAIRS)
def test_permuting_rows_changes_nothing(sharing: str, balancing: str) -> None:
    data = dataset(FRAME, ("height", "sick"))
    order = np.random.default_rng(0).permutation(len(data))
    same(
        trained(data, sharing=sharing, balancing=balancing),
        trained(data.take(order), sharing=sharing, balancing=balancing),
        atol=1e-8,
    )


def test_rows_layout_equals_columns_of_one_group_each() -> None:
    """The losses of a target's groups are those of its rows, group by group."""
    data = dataset(FRAME, ("height",), by="school")
    model = model_for(data)
    batch = batch_of(data, model)
    counts = count_labels(batch, data.tasks)
    losses = likelihood(model, batch, data.tasks, counts)
    assert data.group is not None
    for task, loss, count in zip(data.tasks.tasks, losses, counts, strict=True):
        rows = torch.from_numpy(data.positions(task))
        assert len(rows) == count
        part = batch.take(rows)
        alone = task.kind.nll(model(part)["height"], part.targets["height"]).mean()
        torch.testing.assert_close(loss, alone)


def test_weights_of_any_sign_are_normalised_by_their_number() -> None:
    data = dataset(FRAME, ("height",))
    model = model_for(data)
    batch = batch_of(data, model)
    signs = torch.where(torch.arange(len(batch)) % 2 == 0, 1.0, -1.0).double()
    weight = batch.weights["height"] * signs
    signed = Batch(batch.inputs, batch.targets, {"height": weight}, batch.rows)
    counts = count_labels(signed, data.tasks)
    assert counts.tolist() == [float((batch.weights["height"] != 0).sum())]
    raw = model(signed)["height"]
    nll = data.tasks.targets[0].kind.nll(raw, batch.targets["height"])
    expected = (nll * weight).sum() / counts[0]
    torch.testing.assert_close(likelihood(model, signed, data.tasks, counts)[0], expected)


def test_the_schema_of_the_table_is_used_by_name() -> None:
    space = FeatureSpace(Schema(COLUMNS[::-1]))
    assert [c.name for _, e in space.each() for c in e.columns] == ["a", "b", "level", "names", "title"]
