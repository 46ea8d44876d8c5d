"""CAGrad: the update near the mean gradient that is best for the task it is worst for."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS, Neutral
from umbel.balancing.critical_line import follow, pair, root
from umbel.balancing.gramian import GramBalancer, check_gram
from umbel.balancing.nnls import Array, nonnegative, regular
from umbel.balancing.qp import answer, dual_cone, unit, unsolved
from umbel.errors import ConfigError

__all__ = ["CAGrad", "solve_cagrad"]

_ROUNDS = 100
_CLOSE = 1e-13  # relative error of the length that is sought
_FLAT = 1e-14  # a mean gradient whose square is this part of the longest one's is zero
_STATIONARY = 1e-7  # a hull that comes this near to 0, in lengths of its shortest gradient, holds it
_GAP = 1e-5  # distance from the optimum, where cancelling gradients leave few digits; else it is 1e-12


def solve_cagrad(gram: Tensor, *, c: float = 0.5) -> Tensor:
    """Weights of the update d that maximises min_p g_p . d within |d - g_0| <= c |g_0|, g_0 the mean.

    By duality d = g_0 + c |g_0| g_w / |g_w|, where g_w = sum_p w_p g_p minimises g_w . g_0 + c |g_0| |g_w|
    over the simplex. The weights are those of d: 1 / P + c |g_0| / |g_w| w_p. They are not divided by
    1 + c or 1 + c^2, as in some code; without conflict they add up to 1 + c.

    Where g_w would be 0 (a task without a gradient, gradients that cancel each other) all d of the ball
    that harm no task are best, and this is the one nearest to g_0. A zero mean gradient leaves no choice:
    d = 0, with weights 1 / P.

    :param gram: [P, P] products of the task gradients, symmetric, positive semi-definite, any scale.
    :param c: radius of the ball in lengths of the mean gradient: 0, or from 0.001 to below 1.
    :returns: weights [P], each at least 1 / P; where several give d, like tasks have like ones.
    :raises ConfigError: c is outside its range.
    :raises BalancingError: it is no Gramian, or no solution was found.

    Source: Liu et al. 2021, Algorithm 1.

    >>> solve_cagrad(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), c=0.5)
    tensor([0.7500, 0.7500])
    """
    c = _checked(c)
    exact = check_gram(gram).cpu()
    if len(exact) == 2 and c > 0 and (two := pair(exact.tolist(), c)) is not None:
        return answer(np.array(two), gram)
    C, lengths = unit(exact)
    equal = np.full(len(C), 1 / len(C))
    size = lengths / (lengths.max() or 1.0)
    G = C * size[:, None] * size
    square = float(G.mean())  # of the mean gradient
    if c == 0 or square <= _FLAT:
        return answer(equal, gram)
    hull = _Hull(G / square, exact)
    shortest = float(size[size > 0].min()) / math.sqrt(square)
    met = None if regular(C) else follow(hull.G, hull.along, c)
    if met is not None and hull.holds(*met):
        (s, w), stationary = met, False
    else:
        s, w, stationary = _meet(hull, c, _STATIONARY * shortest / c)
    best = float(hull.along @ w) + c * math.sqrt(max(float(w @ hull.G @ w), 0.0))  # of the dual problem
    enough = best - _GAP * (abs(best) + shortest) - 1e-13 * float(hull.G.max())
    for nearest in (stationary, not stationary):
        v = dual_cone(exact, torch.from_numpy(equal)[None]).numpy()[0] if nearest else equal + w / s
        within = not nearest or float((v - equal) @ hull.G @ (v - equal)) <= c * c * (1 + _GAP)
        if within and float((hull.G @ v).min()) >= enough:
            return answer(v, gram)
    raise unsolved("the update of 'cagrad' must be the best in its ball", exact)


def _checked(c: float) -> float:
    if c != 0 and not 1e-3 <= c < 1:
        raise ConfigError(
            "c of 'cagrad' must be 0, or from 0.001 to below 1", found=f"c: {c}", remedy="c: 0.5, the default"
        )
    return float(c)


class _Hull:
    """The shortest vector in the hull of the gradients, all of them shifted by s times the mean's direction.

    It solves the dual problem of the ball whose radius is its unshifted part's length over s: there the
    slopes of both are proportional. The radius grows with 1 / s.

    :param G: products of the gradients [P, P], in units of the mean gradient's square.
    """

    def __init__(self, G: Array, gram: Tensor) -> None:
        self.G, self.gram = G, gram
        self.along: Array = G.mean(axis=1)  # products with the mean gradient
        least = self.along <= self.along.min() + 1e-12 * np.abs(self.along).max()
        self.w: Array = least / least.sum()  # right where s is great

    def at(self, s: float) -> tuple[Array, Array]:
        """Weights w [P], and how they move with s while the same tasks have weight, dw [P]."""
        H = self.G + s * (self.along[:, None] + self.along) + s * s
        squares = np.diagonal(H)
        zero = squares <= 1e-14 * (np.diagonal(self.G) + 2 * s * np.abs(self.along) + s * s)
        if zero.any():
            self.w = zero / zero.sum()
            return self.w, np.zeros(len(H))
        lengths = np.sqrt(squares)
        t = lengths.min() / lengths
        A = H / lengths[:, None] / lengths + t[:, None] * t
        x = nonnegative(A, t[None], self.gram, start=(self.w / t)[None])[0]
        F = np.flatnonzero(x > 1e-9 * x.max())
        z, turned = _solve(A[F[:, None], F], np.stack([t[F], (self.along / lengths)[F] / lengths.min()]))
        dw = np.zeros(len(t))
        total = float(t[F] @ z)
        if total > _FLAT:  # else gradients cancel, and w says nothing of its way
            dw[F] = t[F] * (z * (t[F] @ turned) / total - turned)
        self.w = t * x / (t @ x)
        return self.w, dw

    def holds(self, s: float, w: Array) -> bool:
        """Whether w is the shortest vector at s, to rounding."""
        slope = self.G @ w + s * self.along
        noise = 1e-15 * (np.abs(self.G) @ np.abs(w) + s * np.abs(self.along))
        return bool(w.min() >= -1e-15 and (slope - w @ slope + noise + w @ noise).min() >= 0)


def _solve(A: Array, B: Array) -> Array:
    """Solutions of A x = b for each row b of B, the least ones where A is singular."""
    if regular(A):
        return np.asarray(np.linalg.solve(A, B.T).T)
    values, vectors = np.linalg.eigh(A)
    keep = values > 1e-12 * values[-1]
    return np.asarray(B @ vectors[:, keep] / values[keep] @ vectors[:, keep].T)


def _meet(hull: _Hull, c: float, tiny: float) -> tuple[float, Array, bool]:
    """s > 0 at which the unshifted combination w has the length c s, w, and whether s could as well be 0.

    While the same tasks have weight w moves on a line, and the square of its length is a parabola in s:
    the root of one is the next guess, held within a bracket.
    """
    low, high, s = 0.0, math.inf, 1 / c
    for _ in range(_ROUNDS):
        w, dw = hull.at(s)
        rest = float(w @ hull.G @ w) - (c * s) ** 2
        noise = 1e-15 * float(w @ np.abs(hull.G) @ w)
        low, high = (s, high) if rest > 0 else (low, s)
        if high <= tiny or (c * high) ** 2 <= 10 * noise:
            return s, w, True
        if abs(rest) <= _CLOSE * (c * s) ** 2 + noise or high - low <= _CLOSE * low:
            return s, w, False
        begin, Gdw = w - s * dw, hull.G @ dw
        near = root(float(dw @ Gdw) - c * c, float(begin @ Gdw), float(begin @ hull.G @ begin), low, s, high)
        if near is not None:
            there = w + (near - s) * dw
            s = max(near, tiny)
            if s == near and hull.holds(near, there):
                return s, np.maximum(there, 0.0), False
        elif low == 0:
            s = tiny
        else:
            s = 4 * low if math.isinf(high) else math.sqrt(low * high)
    raise unsolved("the radius of 'cagrad' must be met", hull.gram)


@BALANCERS.register("cagrad", source="Liu et al. 2021, Algorithm 1")
class CAGrad(GramBalancer):
    """The update near the mean gradient that is best for the task it is worst for.

    :param c: radius of the ball around the mean gradient, in its lengths: 0, or from 0.001 to below 1.
    """

    name: ClassVar[str] = "cagrad"
    neutral: ClassVar[Neutral] = "mean"

    def __init__(self, count: int, *, c: float = 0.5) -> None:
        super().__init__(count)
        self.c = _checked(c)

    def solve(self, gram: Tensor) -> Tensor:
        """Weights [P], see :func:`solve_cagrad`."""
        return solve_cagrad(gram, c=self.c)
