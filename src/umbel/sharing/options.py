"""Checks of options that several trunks and architectures have."""

from __future__ import annotations

from umbel.errors import ConfigError

__all__ = ["fraction", "whole"]


def whole(of: str, option: str, value: int, *, least: int) -> int:
    """A whole number that is large enough.

    :param of: whose option it is, as it stands in a message.
    :param option: its name.
    :param value: what was given.
    :param least: the smallest it may be.
    :returns: the value.
    :raises ConfigError: it is smaller, or no whole number.

    >>> whole("mmoe", "experts", 4, least=1)
    4
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(
            f"'{option}' of '{of}' must be a whole number, {least} or more",
            found=f"{option}: {value!r}",
            remedy=f"{option}: {least}, or more",
        )
    return value


def fraction(of: str, option: str, value: float, *, below_1: bool = False) -> float:
    """A share of a whole, in [0, 1].

    :param of: whose option it is, as it stands in a message.
    :param option: its name.
    :param value: what was given.
    :param below_1: whether 1 is too much, as for dropout.
    :returns: the value.
    :raises ConfigError: it is out of range.

    >>> fraction("cross_stitch", "own", 0.9)
    0.9
    """
    if not 0.0 <= value <= 1.0 or (below_1 and value == 1.0):
        raise ConfigError(
            f"'{option}' of '{of}' must be in [0, 1{')' if below_1 else ']'}",
            found=f"{option}: {value!r}",
            remedy=f"{option}: 0.5, for one half",
        )
    return value
