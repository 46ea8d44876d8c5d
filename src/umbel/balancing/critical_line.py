"""CAGrad's dual problem followed along a line of its solutions, and in closed form for two tasks.

With s = |g_w| / c the optimal weights w minimise w^T G w / 2 + s b^T w over the simplex, where b are the
products with the mean gradient. Where s is great the task with the least product has all the weight; while
the same tasks have weight, w moves on a line as s falls, and it is known where that ends.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from umbel.balancing.nnls import Array, regular

__all__ = ["follow", "pair", "root"]

_CLEAR = 1e-7  # products, in unit lengths, by which tasks without weight must be away from having some
_APART = 1e-6  # squared sine between two gradients above which their products keep their digits


def root(square: float, half: float, constant: float, low: float, near: float, high: float) -> float | None:
    """The root of square x^2 + 2 half x + constant nearest to near, of those within (low, high), if any."""
    under = half * half - square * constant
    if under < 0:
        return None
    q = -half - math.copysign(math.sqrt(under), half)
    roots = [q / square if square else math.inf, constant / q if q else math.inf]
    return min((x for x in roots if low < x < high), key=lambda x: abs(x - near), default=None)


def follow(G: Array, along: Array, c: float) -> tuple[float, Array] | None:
    """The s and the weights w on the simplex at which the combination of gradients has the length c s.

    :param G: products of the gradients [P, P], in units of the mean gradient's square.
    :param along: their products with the mean gradient, [P].
    :param c: radius of the ball.
    :returns: None where the weights are not the only ones, or gradients that have weight depend on each
        other: other means are needed then.

    Source: Markowitz 1956 for the line ("critical"), here with the mean gradient for the expected return.
    """
    lengths = np.sqrt(np.diagonal(G))
    least = float(lengths.min())
    if least <= 0:
        return None
    t, C, beta = least / lengths, G / lengths[:, None] / lengths, along / lengths / least
    free = np.zeros(len(t), dtype=bool)
    free[along.argmin()] = True
    high, moved = math.inf, -1
    for _ in range(3 * len(t)):
        F = np.flatnonzero(free)
        part, t_F = C[F], t[F]
        A = part[:, F] + t_F[:, None] * t_F
        if not regular(A):
            return None
        z, q = np.linalg.solve(A, np.stack([t_F, beta[F]], axis=1)).T
        total, pull = float(t_F @ z), float(t_F @ q)
        a, e = z / total, z * (pull / total) - q  # weights a + s e, in units of the shortest over each length
        reach = np.stack([a, e]) @ part
        slack, rise = reach[0] - (1 / total - 1) * t, reach[1] + beta - (pull / total) * t
        low, place = _end(slack, rise, a, e, F, high, moved)
        inner = least * least * reach[:, F]
        s = root(float(e @ inner[1]) - c * c, float(a @ inner[1]), float(a @ inner[0]), low, low, high)
        if s is not None:
            clear = len(F) == len(t) or float((slack + s * rise)[~free].min()) > _CLEAR
            w = np.zeros(len(t))
            w[F] = t_F * (a + s * e)
            return (s, w) if clear and w.min() >= 0 else None
        if low <= 0:
            return None
        free[place] ^= True
        high, moved = low, place
    return None


def _end(
    slack: Array, rise: Array, a: Array, e: Array, F: NDArray[np.intp], high: float, moved: int
) -> tuple[float, int]:
    """Down to which s the same tasks have weight, and which task is the next to have some, or none.

    :param moved: the one that was the last.
    """
    top, bottom = -slack, rise.copy()
    top[F], bottom[F] = -a, e
    if moved >= 0:
        bottom[moved] = 0.0
    ends = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    place = int(ends.argmax())
    return min(float(ends[place]), high), place


def pair(G: list[list[float]], c: float) -> tuple[float, float] | None:
    """The weights of two tasks, those of the update; None where their gradients are nearly parallel.

    With w = (x, 1 - x) the slope of the dual objective is zero at one x at most.

    :param G: products of the gradients [2, 2].
    :param c: radius of the ball, above 0.
    """
    (one, both), (_, two) = G
    inner = one * two - both * both
    if not inner > _APART * one * two:
        return None
    bend, half = one + two - 2 * both, both - two
    mean = (one + two + 2 * both) / 4
    slope = (one - two) / 2
    # c |g_0| (bend x + half) / |g_w| = -slope, where mean bend = slope^2 + inner
    under = c * c * inner - (1 - c * c) * slope * slope
    x = 0.0 if slope > 0 else 1.0
    if under > 0:
        x = min(max((-slope * math.sqrt(inner / under) - half) / bend, 0.0), 1.0)
    size = math.sqrt(mean / (bend * x * x + 2 * half * x + two))
    return 0.5 + c * size * x, 0.5 + c * size * (1 - x)
