"""Nash-MTL: the bargain of the tasks over the update, by Newton's method on its convex objective."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from umbel.balancing.balancer import BALANCERS
from umbel.balancing.gramian import GramBalancer, check_gram
from umbel.balancing.nnls import Array
from umbel.balancing.options import number
from umbel.balancing.qp import answer, unit, unsolved
from umbel.errors import BalancingError

__all__ = ["Nash", "check_ridge", "equilibrium", "solve_nash"]

_ROUNDS = 100
_WHOLE = 1e-4  # decrement, as a part of the objective, below which Newton's step is taken whole
_ENOUGH = 1e-7  # largest relative error of the equations in float64
_SPOILT = 1e-3  # largest relative error of the equations with the Gramian as it came, in its precision
_LOST = 1e13  # where a product is so much smaller than its terms no digits of it are left


def check_ridge(method: str, ridge: float) -> float:
    """The ridge of a method.

    :raises ConfigError: it is negative, or 1 or more.
    """
    return number(method, "ridge", ridge, least=0, below=1)


def equilibrium(method: str, gram: Tensor, power: float, ridge: float) -> Array:
    """Weights w > 0 with G' w = w^(-power), G' = G + ridge * mean(diag G) * I.

    They are the minimum of w^T G' w / 2 - sum_p (the integral of w_p^(-power)), which is strictly convex.
    With lengths l, products C at unit length and u = l w, G' w = w^(-power) is C u = l^(power - 1)
    u^(-power): no scale of the gradients can spoil it.

    :param method: the name that messages give.
    :param gram: [P, P] products of the gradients, of any scale; without a ridge 0 is not in their hull.
    :param power: above 0; 1 for Nash-MTL.
    :param ridge: in [0, 1).
    :returns: [P].
    :raises BalancingError: there is no solution: a gradient is zero, or some cancel each other.
    """
    exact = check_gram(gram).cpu()
    if ridge > 0:
        exact = exact + ridge * exact.diagonal().mean() * torch.eye(len(exact), dtype=torch.float64)
    C, lengths = unit(exact)
    remedy = "another balancer" + ("" if ridge else ", or ridge: 0.001, which always has a solution")
    zero = np.flatnonzero(lengths == 0)
    if len(zero):
        raise BalancingError(
            f"'{method}' cannot weigh a task without a gradient",
            found=f"zero gradients of the tasks {zero.tolist()}",
            remedy=remedy,
        )
    scale = math.exp(float(np.log(lengths).mean()))
    logs = np.log(lengths / scale)
    u = _newton(C, (power - 1) * logs, power)
    if u is not None:
        log_w = np.log(u) - logs
        sides = exact.numpy() / scale / scale @ np.exp(log_w) * np.exp(power * log_w)  # 1 for each task
        if np.abs(sides - 1).max() <= _SPOILT:
            return np.asarray(np.exp(log_w - 2 / (1 + power) * math.log(scale)))
    raise unsolved(f"'{method}' has a solution only where no gradients cancel each other", exact, remedy)


def _newton(C: Array, log_k: Array, power: float) -> Array | None:
    """u > 0 with C u = k u^(-power), log k [P] given; None where none is found.

    Source: Boyd & Vandenberghe 2004, section 9.5 (damped Newton), with steps that keep u positive.
    """
    u = np.exp(log_k / (1 + power))  # right where C is the identity
    u = u * (max(float(u @ C @ u), 1e-12) / float(u @ u)) ** (-1 / (1 + power))
    best, error = u, math.inf
    for _ in range(_ROUNDS):
        Cu, pull = C @ u, np.exp(log_k - power * np.log(u))
        left = float(np.abs(Cu / pull - 1).max())
        if left >= error and error <= _ENOUGH:
            break
        if left < error:
            best, error = u, left
        if error <= 1e-15 or (u / pull).max() > _LOST:
            break
        value = _objective(u, Cu, pull, power, log_k)
        try:
            du = np.linalg.solve(C + np.diag(power * pull / u), pull - Cu)
        except np.linalg.LinAlgError:
            break
        decrement = float(du @ (pull - Cu))
        step = min(1.0, 0.9 / max(float((-du / u).max()), 0.9))
        while decrement > _WHOLE * abs(value) and step > 1e-10:  # below it rounding hides the fall
            there = u + step * du
            reached = _objective(there, C @ there, np.exp(log_k - power * np.log(there)), power, log_k)
            if reached <= value - 1e-4 * step * decrement:
                break
            step /= 2
        u = u + step * du
    return best if error <= _ENOUGH else None


def _objective(u: Array, Cu: Array, pull: Array, power: float, log_k: Array) -> float:
    gains = np.exp(log_k) * np.log(u) if power == 1 else pull * u / (1 - power)
    return float(u @ Cu / 2 - gains.sum())


def solve_nash(gram: Tensor, *, ridge: float = 0.0) -> Tensor:
    """Weights of the Nash bargaining solution: the update maximises the product of all g_p . d.

    Up to its length d = J^T a with G a = 1 / a; the length is that of the paper, |d|^2 = P. The weights
    are the minimum of the strictly convex a^T G a / 2 - sum log a. It has none where 0 is in the convex
    hull of the gradients (a zero gradient, gradients that cancel each other), where the paper's method
    ends; a ridge gives a^T (G + ridge * mean(diag G) * I) a / 2 - sum log a, which has one for any G
    but zero, with weights whose norm is at most sqrt(P / (ridge * mean(diag G))).

    :param gram: [P, P] products of the task gradients, symmetric, positive semi-definite, any scale.
    :param ridge: in [0, 1); 0 is the paper's problem.
    :returns: weights [P], positive; those of c^2 G are those of G over c.
    :raises ConfigError: the ridge is outside its range.
    :raises BalancingError: the problem has no solution, or G is no Gramian.

    Source: Navon et al. 2022, Algorithm 1, without its bound on the norm of the update.

    >>> solve_nash(torch.tensor([[1.0, 0.0], [0.0, 4.0]]))
    tensor([1.0000, 0.5000])
    """
    return answer(equilibrium("nash", gram, 1.0, check_ridge("nash", ridge)), gram)


@BALANCERS.register("nash", source="Navon et al. 2022, Algorithm 1")
class Nash(GramBalancer):
    """The bargain of the tasks over the update, in which no scale of a loss matters.

    :param ridge: in [0, 1), see :func:`solve_nash`; 0 fails where a gradient is zero.
    """

    name: ClassVar[str] = "nash"
    degree: float | None = -1.0

    def __init__(self, count: int, *, ridge: float = 0.0) -> None:
        super().__init__(count)
        self.ridge = check_ridge("nash", ridge)

    def solve(self, gram: Tensor) -> Tensor:
        """Weights [P], see :func:`solve_nash`."""
        return solve_nash(gram, ridge=self.ridge)
