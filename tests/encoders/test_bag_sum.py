"""Sums of bags and dropout against torch's own."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from umbel.encoders.bag_sum import bag_sum
from umbel.encoders.bags import Bags, join_bags
from umbel.encoders.dropout import dropout


def test_bag_sum_is_embedding_bag_with_its_gradient() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([2, 0, 5, 1])
    places = torch.randint(0, 7, (8,))
    table = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    starts = torch.cumsum(lengths, 0) - lengths
    one = bag_sum(table, places, lengths)
    other = functional.embedding_bag(places, table, starts, mode="sum")
    torch.testing.assert_close(one, other)
    grad = torch.randn_like(one)
    (mine,) = torch.autograd.grad(one, table, grad)
    (its,) = torch.autograd.grad(other, table, grad)
    torch.testing.assert_close(mine, its)
    assert torch.autograd.gradcheck(lambda t: bag_sum(t, places, lengths), (table,))


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    torch.manual_seed(0)
    for share in (0.1, 0.3, 0.5):
        x = torch.ones(301, 331, requires_grad=True)
        found = dropout(x, share, True)
        dropped = (found == 0).float().mean().item()
        assert abs(dropped - share) < 0.01
        assert abs(found.mean().item() - 1) < 0.02
        (grad,) = torch.autograd.grad(found.sum(), x)
        assert torch.equal(grad, found.detach())
    torch.manual_seed(1)
    one = dropout(x, 0.5, True)
    torch.manual_seed(1)
    assert torch.equal(one, dropout(x, 0.5, True))
    assert dropout(x, 0.5, False) is x
    assert dropout(x, 0.0, True) is x


def test_bags_of_several_columns_lie_row_by_row() -> None:
    first = (np.array([1, 2, 3]), np.array([2, 0, 1]))
    second = (np.array([7, 8]), np.array([0, 1, 1]))
    bags = join_bags([first, second], np.zeros((3, 1), np.float32))
    assert bags.values.tolist() == [1, 2, 7, 3, 8]
    assert bags.offsets.tolist() == [0, 2, 3, 5]
    assert bags.lengths.tolist() == [[2, 0], [0, 1], [1, 1]]
    taken = bags.take(torch.tensor([2, 0]))
    assert isinstance(taken, Bags)
    assert taken.values.tolist() == [3, 8, 1, 2]
    assert taken.lengths.tolist() == [[1, 1], [2, 0]]
    assert len(taken) == 2
