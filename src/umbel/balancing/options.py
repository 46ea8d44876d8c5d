"""Options of balancers, checked as they are given."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from umbel.errors import ConfigError

__all__ = ["number", "numbers", "whole"]


def _range(above: float, least: float, below: float, most: float) -> str:
    """The range in words, beginning with a comma; empty where anything goes."""
    parts = [f"above {above:g}"] if above > -math.inf else []
    parts += [f"at least {least:g}"] if least > -math.inf else []
    parts += [f"below {below:g}"] if below < math.inf else []
    parts += [f"at most {most:g}"] if most < math.inf else []
    return ", " + " and ".join(parts) if parts else ""


def number(
    method: str,
    option: str,
    value: float,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
) -> float:
    """A finite number within its range.

    :param method: the balancer's name.
    :param option: the option's name.
    :param above: it is more than this.
    :param least: it is this or more.
    :param below: it is less than this.
    :param most: it is this or less.
    :raises ConfigError: it is none.

    >>> number("dwa", "temperature", 2, above=0)
    2.0
    """
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not (fits and above < value < below and least <= value <= most):
        raise ConfigError(
            f"the option '{option}' of '{method}' is a number{_range(above, least, below, most)}",
            found=repr(value),
            remedy="leave it out for the default",
        )
    return float(value)


def whole(method: str, option: str, value: int, *, least: int = 0) -> int:
    """A whole number, at least ``least``.

    :raises ConfigError: it is none.

    >>> whole("stch", "warmup", 100)
    100
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(
            f"the option '{option}' of '{method}' is a whole number, at least {least}",
            found=repr(value),
            remedy="leave it out for the default",
        )
    return value


def numbers(
    method: str,
    option: str,
    values: Sequence[float] | None,
    count: int,
    *,
    default: float,
    above: float = -math.inf,
    least: float = -math.inf,
) -> Tensor:
    """A number for each of P tasks, [P], float64.

    :param values: P numbers; None for ``default`` each.
    :param count: P.
    :raises ConfigError: there are not P of them, or one is out of its range.

    >>> numbers("fixed", "weights", [1, 0.5], 2, default=1.0)
    tensor([1.0000, 0.5000], dtype=torch.float64)
    """
    if values is None:
        return torch.full((count,), default, dtype=torch.float64)
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != count:
        raise ConfigError(
            f"the option '{option}' of '{method}' is a list of numbers, one for each of the {count} losses",
            found=repr(values),
            remedy="leave it out for the default",
        )
    found = [
        number(method, f"{option}[{p}]", value, above=above, least=least) for p, value in enumerate(values)
    ]
    return torch.tensor(found, dtype=torch.float64)
