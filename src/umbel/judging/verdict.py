"""The three answers to "does this task gain from being learned with the others?"."""

from __future__ import annotations

from typing import Literal

__all__ = ["GAINS", "LOSES", "NO_EVIDENCE", "UNDEFINED", "Verdict", "verdict"]

Verdict = Literal["gains", "no evidence", "loses"]

GAINS: Verdict = "gains"
NO_EVIDENCE: Verdict = "no evidence"
LOSES: Verdict = "loses"
UNDEFINED = "undefined"
"""How the verdict column begins where there is nothing to judge; the reason follows."""


def verdict(low: float, high: float) -> Verdict:
    """The verdict that the interval of a gain deserves.

    :param low, high: ends of the interval of a gain that is signed so that positive is better.

    >>> verdict(0.01, 0.05), verdict(-0.01, 0.05), verdict(-0.05, -0.01), verdict(0.0, 0.0)
    ('gains', 'no evidence', 'loses', 'no evidence')
    """
    if low > 0:
        return GAINS
    return LOSES if high < 0 else NO_EVIDENCE
