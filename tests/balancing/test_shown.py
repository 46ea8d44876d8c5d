"""What is shown of the present tasks is theirs alone, and finite."""

from __future__ import annotations

import pytest
import torch

from task_gradients import jacobian, shown
from umbel.balancing.shown import in_pieces, present_cross, present_rows, spread
from umbel.errors import BalancingError

PRESENT = [True, False, True, True]


def test_present_alone() -> None:
    rows, second = jacobian(0), jacobian(1)
    seen = shown(rows, other=second, present=PRESENT)
    place, found = present_rows(seen)
    assert place.tolist() == [0, 2, 3]
    assert torch.equal(found[place], rows[PRESENT])
    torch.testing.assert_close(present_cross(seen)[1], rows[PRESENT] @ second[PRESENT].T)
    assert spread(seen, place, torch.tensor([1.0, 2.0, 3.0])).tolist() == [1, 0, 2, 3]


def test_a_gradient_whose_square_is_too_large_is_finite() -> None:
    rows = jacobian(0).float()
    rows[2] *= 1e30
    present_rows(shown(rows, present=PRESENT))
    rows[2, 1] = torch.inf
    with pytest.raises(BalancingError, match=r"tasks \[2\]"):
        present_rows(shown(rows, present=PRESENT))


@pytest.mark.parametrize("place", [[0, 2, 3], [0, 1, 2, 3], [1]])
def test_pieces_of_some_rows(place: list[int]) -> None:
    one, other = jacobian(0, 4, 300_000), jacobian(1, 4, 300_000)
    parts = list(in_pieces(torch.tensor(place), one, other))
    assert len(parts) > 1
    for whole, found in zip((one, other), zip(*parts, strict=True), strict=True):
        assert torch.equal(torch.cat(found, dim=1), whole[place])


def test_what_is_not_finite_is_told_and_absent_tasks_may_be_anything() -> None:
    rows = jacobian(0)
    rows[1] = torch.nan
    present_rows(shown(rows, present=PRESENT))
    present_cross(shown(rows, present=PRESENT))
    rows[2, 5] = torch.inf
    with pytest.raises(BalancingError, match=r"tasks \[2\]"):
        present_rows(shown(rows, present=PRESENT))
    with pytest.raises(BalancingError, match="must be finite"):
        present_cross(shown(rows, present=PRESENT))
