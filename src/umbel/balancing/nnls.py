"""Non-negative least squares with products alone: x >= 0 that minimises x^T A x / 2 - b^T x.

Where A is regular the solution is unique, and block pivoting finds it in a few linear systems. Where A is
singular an interior-point path leads to one of its solutions, always the same one: places that are alike
get values that are alike, in whatever order they come.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from umbel.balancing.gramian import condition
from umbel.errors import BalancingError

__all__ = ["Array", "nonnegative", "regular"]

Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

_NEAR = 1e-7  # squared distance of a unit row from the span of those before it: below, A is singular
_PIVOTS, _PATIENCE = 60, 2
_STEPS, _CENTRE, _STEP, _FLOOR = 150, 0.02, 0.99, 1e-14  # of the path; the last is the least s / x
_MIDWAY, _TIGHT = 1e-8, 1e-16  # where the path is left, and its end
_RIDGES = (1e-7, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11)  # of the proximal steps
_EXACT, _ENOUGH, _HOLDS = 1e-14, 1e-12, 1e-10
_ENDLESS = 1e10  # x this much greater than b goes on for ever: there is no minimum


def regular(A: Array) -> bool:
    """Whether each row of a factor of A is clearly outside the span of those before it."""
    try:
        return bool(np.diagonal(np.linalg.cholesky(A)).min() ** 2 > _NEAR)
    except np.linalg.LinAlgError:
        return False


def _pivot(A: Array, B: Array, free: Mask) -> tuple[Array, Mask]:
    """Block pivoting for all rows of B at once: solutions [N, P], and which of them are settled.

    A guess of the free places is solved for, and all places that turn out to be wrong change sides.
    Rows whose number of wrong places does not fall are given up.

    Source: Portugal, Judice & Vicente 1994; Kim & Park 2011, section 4 (several right-hand sides).
    """
    X, settled, one = np.zeros_like(B), np.zeros(len(B), dtype=bool), np.eye(len(A))
    free, rows = free.copy(), np.arange(len(B))
    best, patience = np.full(len(B), len(A) + 1), np.full(len(B), _PATIENCE)
    for _ in range(_PIVOTS):
        F, b = free[rows], B[rows]
        M = np.where(F[:, :, None] & F[:, None, :], A, one)
        x = np.linalg.solve(M, np.where(F, b, 0.0)[:, :, None])[:, :, 0]
        noise = 2e-15 * (np.abs(x).sum(axis=1) + np.abs(b).max(axis=1))
        wrong = np.where(F, x < 0, x @ A - b < -noise[:, None])
        count = wrong.sum(axis=1)
        done = count == 0
        X[rows[done]], settled[rows[done]] = x[done], True
        fewer = count < best[rows]
        best[rows] = np.where(fewer, count, best[rows])
        patience[rows] = np.where(fewer, _PATIENCE, patience[rows] - 1)
        on = ~done & (patience[rows] > 0)
        free[rows[on]] = F[on] ^ wrong[on]
        rows = rows[on]
        if not len(rows):
            break
    return X, settled


def _descend(A: Array, b: Array, x: Array) -> Array | None:
    """The active-set method from a feasible x [P]; None where another solution may exist.

    Each round goes towards the solution on the free places until one of them becomes 0, or, once there,
    frees the place with the greatest gain. The objective falls in each.

    Source: Lawson & Hanson 1974, chapter 23.
    """
    free = x > 0
    for _ in range(3 * len(b)):
        F = np.flatnonzero(free)
        if not len(F) or not regular(A[F[:, None], F]):
            return None
        z = np.zeros_like(x)
        z[F] = np.linalg.solve(A[F[:, None], F], b[F])
        back = free & (z <= 0)
        if back.any():
            x = x + (x[back] / (x[back] - z[back])).min() * (z - x)
            free &= x > 1e-14 * x.max()
            x = np.where(free, x, 0.0)
            continue
        x, slack = z, np.where(free, np.inf, A @ z - b)
        if slack.min() >= -2e-15 * (x.sum() + np.abs(b).max()):
            return x if slack.min() > _NEAR else None
        free[slack.argmin()] = True
    return None


def _interior(A: Array, B: Array, end: float) -> Array:
    """An infeasible interior-point path to mu = end for all rows of B at once, [N, P]; for any A.

    Along the path x s = mu and A x - b + mu r = s, with one mu for both: x stays bounded where the
    solutions do not, and goes to the solution with the least sum(r x - log x) over the places that can
    be positive. The step is Newton's, towards mu / 50.

    Source: Wright 1997, chapter 6 (infeasible paths); Mizuno 1994 for one mu.
    """
    X, place, rows = np.zeros_like(B), np.arange(len(A)), np.arange(len(B))
    scale = np.abs(B).max(axis=1, keepdims=True)
    b, x = B / scale, np.full_like(B, 1 / np.sqrt(max(1.0, A.sum(axis=1).max())))
    s = x @ A - b
    r = np.maximum(1.0, 1.0 - s.min(axis=1, keepdims=True))
    s = s + r
    ratio, step = r / (x * s).mean(axis=1, keepdims=True), np.ones_like(r)
    for _ in range(_STEPS):
        mu = (x * s).mean(axis=1, keepdims=True)
        left = np.maximum(mu, r)
        done = ((left <= end) | ((left <= _ENOUGH) & (step < 0.5)))[:, 0]  # rounding stops it somewhere
        if done.any():
            X[rows[done]] = np.where((x < s) & (x < 1e4 * end), 0.0, x)[done] * scale[rows[done]]
            rows, x, s, r, mu, ratio = (one[~done] for one in (rows, x, s, r, mu, ratio))
            if not len(rows):
                break
        M = np.repeat(A[None], len(rows), axis=0)
        M[:, place, place] += np.maximum(s / x, _FLOOR)
        aim = np.minimum(r, _CENTRE * ratio * mu)
        dx = np.linalg.solve(M, (r - aim + _CENTRE * mu / x - s)[:, :, None])[:, :, 0]
        ds = (_CENTRE * mu - s * dx) / x - s
        shrink = np.maximum(-dx / x, -ds / s).max(axis=1, keepdims=True)
        step = np.minimum(1.0, _STEP / np.maximum(shrink, _STEP))
        x, s, r = x + step * dx, s + step * ds, r + step * (aim - r)
    return X


def _proximal(A: Array, B: Array, X: Array) -> Array:
    """A few proximal steps from X towards solutions [N, P], each exact, as far as they can be taken.

    Source: Rockafellar 1976.
    """
    rows = np.arange(len(B))
    for ridge in _RIDGES:
        Y, settled = _pivot(A + ridge * np.eye(len(A)), B[rows] + ridge * X[rows], X[rows] > 0)
        X[rows[settled]] = Y[settled]
        rows = rows[settled]
        rows = rows[~_hold(A, B[rows], X[rows], _EXACT)]
        if not len(rows):
            break
    return X


def _singular(A: Array, B: Array, start: Array | None) -> Array:
    """Solutions for any A [N, P]: proximal steps from the guess, or else from a point of the path.

    So far from the path's end rounding does not tell like places apart, and the steps, which are least
    ones, keep it so. Where they do not arrive (A has eigenvalues just above rounding) the path does.
    """
    X = _proximal(A, B, np.maximum(B, 0.0) if start is None else start.copy())
    rest = ~_hold(A, B, X, _ENOUGH)
    if rest.any():
        X[rest] = _proximal(A, B[rest], _interior(A, B[rest], _MIDWAY))
        rest = ~_hold(A, B, X, _ENOUGH)
    if rest.any():
        X[rest] = _interior(A, B[rest], _TIGHT)
    return X


def _hold(A: Array, B: Array, X: Array, error: float) -> Mask:
    """Which rows X [N, P] are solutions, up to an error relative to x and b."""
    slack, b, x = X @ A - B, np.abs(B).max(axis=1, keepdims=True), X.max(axis=1, keepdims=True)
    size = b + x
    held = (slack >= -error * size) & (X * slack <= error * size**2) & (x <= _ENDLESS * b)
    return np.asarray(held.all(axis=1))


def nonnegative(A: Array, B: Array, gram: Tensor, *, start: Array | None = None) -> Array:
    """x >= 0 that minimises x^T A x / 2 - b^T x, for each row b of B.

    :param A: [P, P] symmetric, positive semi-definite, with a diagonal of about 1.
    :param B: [N, P], each such that the minimum is finite.
    :param gram: what a message tells of.
    :param start: [N, P] guesses, each with a positive place, alike for like places.
    :returns: [N, P]; of several solutions always the same one, and 0 where it is one.
    :raises BalancingError: no solution was found.
    """
    X, settled = np.zeros_like(B), B.max(axis=1) <= 0  # where 0 is best
    if regular(A):
        X, settled = _pivot(A, B, B > 0 if start is None else start > 0)
    elif start is not None:
        for row, (b, x) in enumerate(zip(B, start, strict=True)):
            found = _descend(A, b, x)
            if found is not None:
                X[row], settled[row] = found, True
    if not settled.all():
        with suppress(np.linalg.LinAlgError):  # then X does not hold
            X[~settled] = _singular(A, B[~settled], None if start is None else start[~settled])
    if not _hold(A, B, X, _HOLDS).all():
        raise BalancingError(
            "a quadratic problem of the Gramian must be solved",
            found=condition(gram),
            remedy="another balancer ('equal' always works)",
        )
    return X
