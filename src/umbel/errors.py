"""Errors that name the rule, what came, and what to do.

Every error a user can cause is an :class:`UmbelError`; the command line prints it as one message and
ends with exit code 2. Nothing below ``app`` prints or exits.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BalancingError",
    "ConfigError",
    "DataError",
    "DiskError",
    "KindError",
    "ModelFileError",
    "ShapeError",
    "UmbelError",
    "near",
]


class UmbelError(Exception):
    """A broken rule, told in one message.

    :param rule: the rule that was broken, one sentence.
    :param found: what came instead (task, column, row, value).
    :param remedy: what to do about it.

    >>> print(UmbelError("a target must be a column", found="'scor'", remedy="did you mean 'score'?"))
    a target must be a column
      found:  'scor'
      remedy: did you mean 'score'?
    """

    exit_code = 2

    def __init__(self, rule: str, *, found: str = "", remedy: str = "") -> None:
        self.rule, self.found, self.remedy = rule, found, remedy
        lines = [rule]
        if found:
            lines.append(f"  found:  {found}")
        if remedy:
            lines.append(f"  remedy: {remedy}")
        super().__init__("\n".join(lines))


class DataError(UmbelError):
    """The table, the log or the stream breaks a rule (column, row and value are named)."""


class KindError(DataError):
    """A column does not fit the kind its task was given."""


class ConfigError(UmbelError):
    """An option or a key of the configuration is unknown or has a value it cannot have."""


class ShapeError(UmbelError):
    """An array has another shape than the contract says."""


class BalancingError(UmbelError):
    """Losses or gradients that cannot be balanced: wrong shape, not finite, or no solution was found."""


class ModelFileError(UmbelError):
    """A model folder is damaged, incomplete or of a version that cannot be read."""


class DiskError(UmbelError):
    """A file could not be written; what stood there before is untouched."""


def near(name: object, names: Iterable[object], *, count: int = 3) -> str:
    """Names close to a mistyped one, as the remedy of an error.

    :param name: what came.
    :param names: what there is.
    :param count: the most near names to give.
    :returns: ``"did you mean 'x'?"``, or a list of what there is when nothing is near.

    >>> near("scor", ["score", "school"])
    "did you mean 'score', 'school'?"
    >>> near("q", ["score", "school"])
    "there is 'score', 'school'"
    """
    known = [str(other) for other in names]
    lowered = {other.lower(): other for other in known}
    close = difflib.get_close_matches(str(name).lower(), list(lowered), n=count, cutoff=0.5)
    if close:
        return "did you mean " + ", ".join(f"'{lowered[other]}'" for other in close) + "?"
    shown = ", ".join(f"'{other}'" for other in known[:12])
    return f"there is {shown}" + (f" and {len(known) - 12} more" if len(known) > 12 else "")
