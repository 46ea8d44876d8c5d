"""The quadratic problems: closed forms, optimality, every scale and rank, and what is no Gramian."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from umbel.balancing.nnls import nonnegative
from umbel.balancing.qp import answer, dual_cone, simplex_minimum, unit
from umbel.errors import BalancingError

RANKS = ("full", "low", "cancelling", "twins", "opposite", "nearly low", "nearly opposite")


def jacobian(rank: str, seed: int, *, count: int = 7) -> Tensor:
    """Task gradients [P, W] whose lengths are spread over 1 to 100."""
    draw = np.random.default_rng(seed)
    J = draw.normal(size=(count, 3 * count))
    if rank in ("low", "cancelling", "nearly low"):
        J = draw.normal(size=(count, count // 2))
    if rank == "low":  # all in one half-space: no combination of them is 0
        J[:, 0] = np.abs(J[:, 0]) + 0.2
    if rank == "nearly low":
        J = np.hstack([J, 1e-6 * draw.normal(size=(count, count))])
    J *= 10 ** draw.uniform(0, 2, size=(count, 1))
    if rank in ("twins", "opposite"):
        J[3] = J[1] if rank == "twins" else -J[1]
    if rank == "nearly opposite":
        J[3] = 1e-6 * draw.normal(size=J.shape[1]) - 0.1 * J[1]
    return torch.from_numpy(J)


def gramian(rank: str, seed: int) -> Tensor:
    J = jacobian(rank, seed)
    return J @ J.T


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rank", RANKS)
class TestOptimality:
    """The conditions of Karush, Kuhn and Tucker are necessary and enough, for the problems are convex."""

    def test_on_the_simplex_no_vertex_is_better(self, rank: str, seed: int) -> None:
        G = gramian(rank, seed)
        v = simplex_minimum(G)
        assert (v >= 0).all()
        assert float(v.sum()) == pytest.approx(1, abs=1e-14)
        slopes, lengths = G @ v, G.diagonal().sqrt()
        # in units of each gradient, and of the shortest, which no combination has to exceed
        assert ((slopes - v @ slopes) / (lengths * lengths.min()) >= -1e-10).all()

    def test_in_the_cone_what_is_added_lies_on_its_boundary(self, rank: str, seed: int) -> None:
        G = gramian(rank, seed)
        u = torch.eye(len(G), dtype=torch.float64)
        v, lengths = dual_cone(G, u), G.diagonal().sqrt()
        slack, added = v @ G / lengths, (v - u) * lengths
        size = torch.maximum(added.max(dim=1).values, lengths)[:, None]
        assert (added >= 0).all()
        assert (slack >= -1e-10 * size).all()
        assert (added * slack <= 1e-10 * size**2).all()

    def test_the_whole_scale_does_not_matter(self, rank: str, seed: int) -> None:
        G = gramian(rank, seed)
        u = torch.full((1, len(G)), 1 / len(G), dtype=torch.float64)
        for scale in (2.0**-50, 2.0**50):  # about 1e-15 and 1e15, without rounding
            assert torch.equal(simplex_minimum(G * scale), simplex_minimum(G))
            assert torch.equal(dual_cone(G * scale, u), dual_cone(G, u))

    def test_the_order_does_not_matter(self, rank: str, seed: int) -> None:
        G = gramian(rank, seed)
        order = torch.randperm(len(G), generator=torch.Generator().manual_seed(seed))
        H, u = G[order][:, order], torch.eye(len(G), dtype=torch.float64) / len(G)
        digits = 1e-7 if "nearly" in rank else 1e-12  # products have half the digits of gradients
        one, other = simplex_minimum(G)[order], simplex_minimum(H)
        assert float((one - other) @ H @ (one - other)) <= digits * float(G.diagonal().min())
        first, second = dual_cone(G, u).sum(dim=0)[order], dual_cone(H, u).sum(dim=0)
        assert float((first - second) @ H @ (first - second)) <= digits * float(G.diagonal().mean())
        if "nearly" not in rank:  # there the products do not tell the weights to more digits
            torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-7)
            torch.testing.assert_close(second, first, rtol=1e-5, atol=1e-6)


def test_two_gradients_on_the_simplex() -> None:
    """v_1 = (b - m) / (a + b - 2 m), held within [0, 1], for the products a, m, b."""
    for a, m, b in [(1.0, 0.0, 4.0), (1.0, 0.5, 4.0), (1.0, 3.0, 16.0), (2.0, -1.0, 2.0), (9.0, -5.0, 3.0)]:
        first = min(max((b - m) / (a + b - 2 * m), 0.0), 1.0)
        found = simplex_minimum(torch.tensor([[a, m], [m, b]], dtype=torch.float64))
        torch.testing.assert_close(found, torch.tensor([first, 1 - first], dtype=torch.float64))


def test_a_projection_onto_one_gradient_in_conflict() -> None:
    """v = u + max(0, -g_2 . g_1 / |g_2|^2) e_2 for u = e_1, where nothing else is in conflict."""
    G = torch.tensor([[1.0, -3.0, 0.2], [-3.0, 16.0, 0.0], [0.2, 0.0, 1.0]], dtype=torch.float64)
    found = dual_cone(G, torch.tensor([[1.0, 0.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.0, 3 / 16, 0.0]], dtype=torch.float64))


def test_without_conflict_nothing_moves() -> None:
    G = torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    u = torch.tensor([[0.3, 0.7], [1.0, 0.0]], dtype=torch.float64)
    assert torch.equal(dual_cone(G, u), u)


def test_zero_gradients() -> None:
    G = torch.tensor(
        [[4.0, 0.0, -1.0, 0.0], [0.0] * 4, [-1.0, 0.0, 1.0, 0.0], [0.0] * 4], dtype=torch.float64
    )
    assert simplex_minimum(G).tolist() == [0.0, 0.5, 0.0, 0.5]
    found = dual_cone(G, torch.eye(4))
    torch.testing.assert_close(found[0], torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64))
    assert found[1].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert simplex_minimum(torch.zeros(3, 3)).tolist() == pytest.approx([1 / 3] * 3)
    assert torch.equal(dual_cone(torch.zeros(3, 3), torch.eye(3)), torch.eye(3, dtype=torch.float64))


def test_a_gradient_as_short_as_rounding() -> None:
    """Its weight makes up for its length: G v >= 0 holds for it too."""
    J = torch.tensor([[1e-12, 0.0], [-1.0, 1.0]], dtype=torch.float64)
    v = dual_cone(J @ J.T, torch.tensor([[0.0, 1.0]]))
    torch.testing.assert_close(v, torch.tensor([[1e12, 1.0]], dtype=torch.float64))
    assert simplex_minimum(J @ J.T).tolist() == pytest.approx([1.0, 1e-12], rel=1e-6)


def test_twins_share() -> None:
    for seed in range(20):
        G = gramian("twins", seed)
        v = simplex_minimum(G)
        w = dual_cone(G, torch.eye(len(G), dtype=torch.float64) / len(G)).sum(dim=0)
        assert float(v[1]) == pytest.approx(float(v[3]), rel=1e-6, abs=1e-7)
        assert float(w[1]) == pytest.approx(float(w[3]), rel=1e-6)


def test_products_of_low_precision_are_mended() -> None:
    """Rounding to float32 makes a singular Gramian indefinite: the result is near that of float64."""
    mended = 0
    for seed in range(20):
        G = gramian("low", seed)
        rough = G.to(torch.float32)
        mended += int(float(torch.linalg.eigvalsh(rough.double())[0]) < 0)
        v, w = simplex_minimum(G), simplex_minimum(rough)
        assert float(w @ G @ w) == pytest.approx(float(v @ G @ v), rel=1e-3)
    assert mended > 5


def test_forty_tasks_whose_products_are_mended() -> None:
    """Eigenvalues of the size of float32's rounding: optimal for the products as they were mended."""
    for seed in range(5):
        J = jacobian("cancelling", seed, count=40).to(torch.float32)
        G = (J @ J.T).double()
        C, lengths = unit((G + G.T) / 2)
        u = torch.eye(40, dtype=torch.float64)
        added = (dual_cone(G, u) - u).numpy() * lengths
        slack = (added + np.diag(lengths)) @ C
        size = np.maximum(added.max(axis=1), lengths)[:, None]
        assert (slack >= -1e-9 * size).all()
        assert (added * slack <= 1e-9 * size**2).all()
        v = simplex_minimum(G).numpy() * lengths
        assert (C @ v - v @ C @ v / lengths >= -1e-9 * lengths.min()).all()


def test_what_is_no_gramian_is_told() -> None:
    for wrong in ([[1.0, 2.0], [2.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]):
        with pytest.raises(BalancingError, match="semi-definite") as told:
            simplex_minimum(torch.tensor(wrong))
        assert "a Gramian of 2 tasks" in told.value.found
    three = torch.full((3, 3), -0.9) + 1.9 * torch.eye(3)  # each pair could be, all three cannot
    with pytest.raises(BalancingError, match="semi-definite"):
        dual_cone(three, torch.eye(3))
    with pytest.raises(BalancingError, match="finite"):
        simplex_minimum(torch.full((2, 2), torch.nan))


def test_unit_lengths() -> None:
    C, lengths = unit(torch.tensor([[4.0, 3.0, 0.0], [3.0, 9.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64))
    assert lengths.tolist() == [2.0, 3.0, 0.0]
    np.testing.assert_allclose(C, [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]])


def test_an_answer_is_in_the_precision_of_the_gramian() -> None:
    assert answer(np.ones(2), torch.eye(2)).dtype == torch.float32
    assert answer(np.ones(2) / 2, torch.eye(2, dtype=torch.int64)).tolist() == [0.5, 0.5]


class TestNonNegative:
    """The problem under both: x >= 0 that minimises x^T A x / 2 - b^T x."""

    def test_a_regular_one_against_scipy(self) -> None:
        from scipy.optimize import nnls

        draw = np.random.default_rng(0)
        for _ in range(20):
            F = draw.normal(size=(12, 6))
            F /= np.linalg.norm(F, axis=0)
            c = draw.normal(size=(3, 12))
            found = nonnegative(F.T @ F, c @ F, torch.eye(6))
            np.testing.assert_allclose(found, [nnls(F, row)[0] for row in c], atol=1e-12)

    def test_a_guess_changes_nothing(self) -> None:
        draw = np.random.default_rng(1)
        for rank in (4, 9):  # singular, regular
            F = draw.normal(size=(rank, 6))
            F /= np.linalg.norm(F, axis=0)
            b = np.abs(draw.normal(size=(1, rank))) @ np.abs(F)
            A = np.abs(F).T @ np.abs(F)
            guess = np.zeros((1, 6))
            guess[0, 2] = 1.0
            one, other = (
                nonnegative(A, b, torch.eye(6)),
                nonnegative(A, b, torch.eye(6), start=guess),
            )
            np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-7)

    def test_without_a_minimum_it_says_so(self) -> None:
        A = np.array([[1.0, -1.0], [-1.0, 1.0]])  # x = (k, k) lowers -b^T x without end
        with pytest.raises(BalancingError, match="must be solved") as told:
            nonnegative(A, np.array([[1.0, 1.0]]), torch.from_numpy(A))
        assert "condition" in told.value.found
