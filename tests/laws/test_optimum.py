"""The balancers that solve a convex problem find its optimum: against other solvers, and against TorchJD."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import quadprog
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torchjd.aggregation import (
    DualProj,
    DualProjWeighting,
    FairGrad,
    FairGradWeighting,
    MGDAWeighting,
    UPGrad,
    UPGradWeighting,
)
from torchjd.linalg import QuadprogProjector

from umbel.balancing.qp import dual_cone
from umbel.balancing.solve import solve

Array = NDArray[np.float64]

COUNT = 200
NEAR = 1e-6  # of the objective, relative
RIDGE = 1e-12  # quadprog factors the products, so it needs them regular


def jacobians(*, cancelling: bool) -> list[Array]:
    """Gradients [P, W] of 2 to 12 tasks, lengths over 1 to 100: of full rank, of low rank, and, where they
    may cancel each other, of low rank anywhere and of small integers, whose ties are exact."""
    draw, found = np.random.default_rng(0), []
    for k in range(COUNT):
        count = int(draw.integers(2, 13))
        kind = k % (4 if cancelling else 2)
        J = draw.normal(
            size=(count, int(draw.integers(1, count) if kind else draw.integers(count, 4 * count)))
        )
        if kind == 1:
            J[:, 0] = np.abs(J[:, 0]) + 0.1
        if kind == 3:
            J = np.round(J)
            J[~J.any(axis=1), 0] = 1.0
        found.append(J * 10 ** draw.uniform(0, 2, size=(count, 1)))
    return found


def ours(method: str, J: Array, **options: float) -> Array:
    found: Array = solve(method, torch.from_numpy(J @ J.T), **options).numpy()
    return found


class TestAgainstOtherSolvers:
    def test_mgda(self) -> None:
        """Quadprog on |J^T v|^2 over the simplex, with v in units of 1 / length."""
        for J in jacobians(cancelling=True):
            v, lengths = ours("mgda", J), np.linalg.norm(J, axis=1)
            assert v.min() >= 0
            assert v.sum() == pytest.approx(1, abs=1e-12)
            C, shortest = J @ J.T / np.outer(lengths, lengths), lengths.min()
            count = len(J)
            sides = np.column_stack([shortest / lengths, np.eye(count)])
            right = np.concatenate([[1.0], np.zeros(count)])
            y = quadprog.solve_qp(C + RIDGE * np.eye(count), np.zeros(count), sides, right, meq=1)[0]
            best, found = y @ C @ y, v @ J @ J.T @ v / shortest**2
            assert found == pytest.approx(best, rel=NEAR, abs=1e-10)

    def test_projections_onto_the_dual_cone(self) -> None:
        """Quadprog on |J^T v|^2 over v >= u, for each gradient (UPGrad) and for the mean (DualProj)."""
        for J in jacobians(cancelling=True):
            lengths, count = np.linalg.norm(J, axis=1), len(J)
            C = J @ J.T / np.outer(lengths, lengths)
            rows = np.vstack([np.eye(count), np.ones(count)]) / count
            V = dual_cone(torch.from_numpy(J @ J.T), torch.from_numpy(rows)).numpy()
            assert (rows <= V).all()
            np.testing.assert_allclose(ours("dualproj", J), V[-1], rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(ours("upgrad", J), V[:-1].sum(axis=0), rtol=1e-5, atol=1e-7)
            for u, v in zip(rows, V, strict=True):
                y = quadprog.solve_qp(C + RIDGE * np.eye(count), np.zeros(count), np.eye(count), u * lengths)[
                    0
                ]
                size = np.square(J.T @ u).sum()
                assert np.square(J.T @ v).sum() / size == pytest.approx(y @ C @ y / size, rel=NEAR, abs=1e-9)

    def test_cagrad(self) -> None:
        """The primal problem in the space of updates: the greatest m for which {d: J d >= m} meets the ball.

        The distance of the mean gradient from that set is found by quadprog, and m by bisection.
        """
        for J in jacobians(cancelling=True):
            for c in (0.5, 0.9):
                g, lengths = J.mean(axis=0), np.linalg.norm(J, axis=1)
                size, unit = np.linalg.norm(g), J / lengths[:, None]

                def reaches(m: float, g: Array = g, unit: Array = unit, lengths: Array = lengths) -> float:
                    try:
                        d = quadprog.solve_qp(np.eye(len(g)), g, unit.T.copy(), m / lengths)[0]
                    except ValueError:  # no d at all
                        return np.inf
                    return float(np.linalg.norm(d - g))

                low, high = float((J @ g).min()), float(size**2 * (1 + c))
                for _ in range(60):
                    middle = (low + high) / 2
                    low, high = (middle, high) if reaches(middle) <= c * size else (low, middle)
                d = J.T @ ours("cagrad", J, c=c)
                assert np.linalg.norm(d - g) <= c * size * (1 + 1e-9)
                scale = size * lengths.min()  # what the worst gains at most, up to 1 + c
                assert (J @ d).min() / scale == pytest.approx(low / scale, rel=NEAR, abs=NEAR)

    @pytest.mark.parametrize("alpha", [None, 0.5, 2.0])
    def test_nash_and_fairgrad(self, alpha: float | None) -> None:
        """L-BFGS on the objective whose slope is G w - w^(-power), in log(w length^(2 / (1 + power)))."""
        power = 1.0 if alpha is None else 1 / alpha
        for J in jacobians(cancelling=False)[:: 1 if alpha is None else 4]:
            G, logs = J @ J.T, np.log(np.linalg.norm(J, axis=1))
            w = ours("nash", J) if alpha is None else ours("fairgrad", J, alpha=alpha)

            def value(w: Array, G: Array = G) -> float:
                gains = np.log(w) if power == 1 else w ** (1 - power) / (1 - power)
                return float(w @ G @ w / 2 - gains.sum())

            def objective(z: Array, G: Array = G, logs: Array = logs) -> tuple[float, Array]:
                w = np.exp(z - 2 / (1 + power) * logs)
                return value(w, G), w * (G @ w) - w ** (1 - power)

            begin = np.zeros(len(J))
            best = minimize(
                objective, begin, jac=True, method="L-BFGS-B", options={"gtol": 1e-10, "ftol": 1e-15}
            )
            size = max(abs(best.fun), 1.0)
            assert value(w) / size == pytest.approx(best.fun / size, abs=NEAR)
            assert value(w) <= best.fun + 1e-9 * size


def full_rank(seed: int) -> torch.Tensor:
    """[P, W], of 2 to 7 tasks with lengths over 1 to 10."""
    draw = np.random.default_rng(seed)
    count = int(draw.integers(2, 8))
    J = draw.normal(size=(count, 3 * count)) * 10 ** draw.uniform(0, 1, size=(count, 1))
    return torch.from_numpy(J)


SEEDS = range(25)


class TestAgainstTorchJD:
    """TorchJD 0.18, with its safeguards set to nothing where they change the problem."""

    @pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
    def test_fairgrad(self, alpha: float) -> None:
        for seed in SEEDS:
            J = full_rank(seed)
            expected = FairGradWeighting(alpha=alpha)(J @ J.T)
            found = solve("fairgrad", J @ J.T, alpha=alpha)
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8)
            torch.testing.assert_close(J.T @ found, FairGrad(alpha=alpha)(J), rtol=1e-5, atol=1e-7)

    @pytest.mark.parametrize(
        ("method", "weighting", "aggregator"),
        [("upgrad", UPGradWeighting, UPGrad), ("dualproj", DualProjWeighting, DualProj)],
    )
    def test_projections(
        self, method: str, weighting: Callable[..., object], aggregator: Callable[..., object]
    ) -> None:
        """Quinton & Rey 2024, Proposition 1: min v^T G v, v >= u.

        Theirs adds 0.0001 to the diagonal of G / trace(G), which is another problem. Without it they are
        equal; with it each of their v keeps to its bounds, and none has a smaller v^T G v.
        """
        greater = 0
        for seed in SEEDS:
            J = full_rank(seed)
            G, count = J @ J.T, len(J)
            found = solve(method, G)
            exact = {"projector": QuadprogProjector(norm_eps=0.0, reg_eps=0.0)}
            torch.testing.assert_close(found, weighting(**exact)(G), rtol=1e-5, atol=1e-8)
            torch.testing.assert_close(J.T @ found, aggregator(**exact)(J), rtol=1e-5, atol=1e-7)
            u = torch.eye(count).double() if method == "upgrad" else torch.ones(1, count).double()
            theirs, rows = QuadprogProjector()(u / count, G), dual_cone(G, u / count)
            torch.testing.assert_close(theirs.sum(dim=0), weighting()(G))
            ratio = (theirs @ G * theirs).sum(dim=1) / (rows @ G * rows).sum(dim=1)
            assert (ratio >= 1 - 1e-9).all()
            greater += int((ratio > 1 + 1e-9).sum())
        assert greater > 5

    def test_mgda(self) -> None:
        """Sener & Koltun 2018, eq. 3: min |J^T v|^2 over the simplex.

        Theirs takes Frank-Wolfe steps, and by default ends after 100 or at a step of 0.001: never shorter
        than ours, and more than 1 % longer at times. With many small steps it comes to ours where all
        tasks have weight.
        """
        longer = []
        for seed in SEEDS:
            J = full_rank(seed)
            G = J @ J.T
            found, theirs = solve("mgda", G), MGDAWeighting()(G)
            longer.append(float(theirs @ G @ theirs / (found @ G @ found)) - 1)
        assert min(longer) >= -1e-12
        assert max(longer) > 0.01
        for seed in SEEDS[:8]:
            draw = np.random.default_rng(seed)
            J = torch.from_numpy(draw.normal(size=(4, 60)))
            found = solve("mgda", J @ J.T)
            assert float(found.min()) > 0
            theirs = MGDAWeighting(epsilon=1e-9, max_iters=2000)(J @ J.T)
            torch.testing.assert_close(found, theirs, rtol=0, atol=1e-5)

    GRADIENTS = (
        ((-4.0, 1.0, 1.0), (6.0, 1.0, 1.0)),
        ((1.0, 2.0, 0.0, -1.0), (0.0, 1.0, 3.0, 1.0), (2.0, -1.0, 1.0, 0.0)),
        (
            (2.0, -1.0, 0.0, 1.0, 0.0),
            (-1.0, 3.0, 1.0, 0.0, 1.0),
            (0.0, 1.0, -2.0, 2.0, 1.0),
            (1.0, 1.0, 1.0, -1.0, 3.0),
        ),
    )

    @pytest.mark.parametrize(
        ("which", "c", "theirs"),
        [
            (0, 0.5, (0.7041241467, 0.5000000012)),
            (0, 0.2, (0.5816496581, 0.4999999999)),
            (1, 0.5, (0.6187171110, 0.3333333347, 0.5631492562)),
            (1, 0.2, (0.4609521574, 0.3333333335, 0.4054091072)),
            (2, 0.5, (0.6581169289, 0.3228945314, 0.2500000029, 0.2500000015)),
            (2, 0.2, (0.3928869020, 0.2500000006, 0.2500000008, 0.2500000006)),
        ],
    )
    def test_cagrad(self, which: int, c: float, theirs: tuple[float, ...]) -> None:
        """Values of CAGradWeighting(c, norm_eps=1e-12), which needs cvxpy (1.9.3) and clarabel (0.11.1).

        Liu et al. 2021, Algorithm 1: of the updates in the ball, ours is the better one for the worst task.
        """
        J = torch.tensor(self.GRADIENTS[which], dtype=torch.float64)
        G, expected = J @ J.T, torch.tensor(theirs, dtype=torch.float64)
        found = solve("cagrad", G, c=c)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
        assert (G @ found).min() >= (G @ expected).min() - 1e-8

    @pytest.mark.parametrize(
        ("which", "theirs"),
        [
            (0, (0.5914611897, 0.4070715042)),
            (1, (0.3875718922, 0.2547351184, 0.3679941029)),
            (2, (0.5393030323, 0.3287151130, 0.2620024690, 0.2116794681)),
        ],
    )
    def test_nash(self, which: int, theirs: tuple[float, ...]) -> None:
        """Values of NashMTL(max_norm=0), which needs cvxpy (1.9.3) and ecos (2.0.14).

        Navon et al. 2022: G a = 1 / a, and ours is nearer to it.
        """
        J = torch.tensor(self.GRADIENTS[which], dtype=torch.float64)
        G, expected = J @ J.T, torch.tensor(theirs, dtype=torch.float64)
        found = solve("nash", G)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
        assert (G @ found * found - 1).abs().max() <= (G @ expected * expected - 1).abs().max()
