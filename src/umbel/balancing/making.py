"""Balancers made by name, with their options checked."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from umbel.balancing.balancer import BALANCERS, Balancer
from umbel.errors import ConfigError, near

__all__ = ["check_options", "make"]


def check_options(method: str, options: Iterable[str]) -> type[Balancer]:
    """The class of a balancer that knows these options.

    :raises ConfigError: no such method, or it has no such option; near names are given.
    """
    form: type[Balancer] = BALANCERS.get(method)
    known = [name for name in inspect.signature(form).parameters if name != "count"]
    for name in options:
        if name not in known:
            raise ConfigError(
                f"an option of the balancer '{method}' must be one it has",
                found=f"'{name}'",
                remedy=near(name, known) if known else "it has none",
            )
    return form


def make(method: str, count: int, *, seed: int = 0, options: Mapping[str, Any] | None = None) -> Balancer:
    """A new balancer, before its first step.

    :param method: as ``umbel methods balancer`` lists them.
    :param count: how many losses there are, P.
    :param seed: of what it draws.
    :param options: keyword options of the method.
    :raises ConfigError: no such method or option, or a value that it cannot have.
    """
    form = check_options(method, options or {})
    found = form(count, **(options or {}))
    found.start(seed)
    return found
