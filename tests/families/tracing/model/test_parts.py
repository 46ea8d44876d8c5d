from __future__ import annotations

import pytest
import torch

from umbel.families.tracing.model.parts import SetEmbedding, read_through, recurrent, shifted


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_long_sequences_are_read_as_a_whole_and_learned_in_parts(cell: str) -> None:
    torch.manual_seed(0)
    layer = recurrent(cell, 3, 4)
    x = torch.randn(2, 11, 3, requires_grad=True)
    whole, _ = layer(x)
    parts = read_through(layer, x, span=4)
    torch.testing.assert_close(parts, whole)
    (last,) = torch.autograd.grad(parts[:, -1].sum(), x)
    assert (last[:, :8] == 0).all()  # the last part begins at step 8
    assert (last[:, 8:] != 0).any()
    with torch.no_grad():
        torch.testing.assert_close(read_through(layer, x, span=4), whole)


def test_a_set_is_the_mean_of_its_concepts() -> None:
    torch.manual_seed(1)
    table = SetEmbedding(5, 3)
    sets = torch.tensor([[[1, 0, 0], [2, 4, 0]], [[0, 0, 0], [1, 3, 5]]])
    found = table(sets)
    torch.testing.assert_close(found[0, 0], table.weight[1])
    torch.testing.assert_close(found[0, 1], (table.weight[2] + table.weight[4]) / 2)
    assert (found[1, 0] == 0).all()
    torch.testing.assert_close(table(sets[..., :1])[0, 0], table.weight[1])


def test_each_step_is_told_of_the_one_before() -> None:
    x = torch.arange(6.0).view(1, 3, 2)
    assert shifted(x).tolist() == [[[0, 0], [0, 1], [2, 3]]]
