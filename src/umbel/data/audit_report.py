"""What an audit of a split found: leaks are errors, drift is a warning, all of it plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from umbel.data.audit_adversary import Adversary
from umbel.data.audit_copies import Copies
from umbel.data.audit_drift import Drift
from umbel.data.audit_identity import Identity
from umbel.data.audit_overlap import Overlap
from umbel.data.leaks import Leak
from umbel.errors import DataError

__all__ = ["Finding", "Report", "Severity", "plain"]

Severity = Literal["leak", "warning", "passed", "not done"]
"""``leak``: the scores of this split mean nothing; ``warning``: read them with care."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    :param check: what was checked.
    :param severity: how bad it is.
    :param words: one sentence.
    :param count: how many entities, rows, tasks or columns it is about; 0 where it passed.
    :param rows: some of the rows it is about.
    :param remedy: what to do about it.
    """

    check: str
    severity: Severity
    words: str
    count: int = 0
    rows: tuple[int, ...] = ()
    remedy: str = ""


def plain(value: Any) -> Any:
    """A value as JSON has it: arrays as lists, numpy's numbers as Python's, NaN as None.

    :param value: numbers, text and containers of them.

    >>> plain({"a": np.array([1.0, np.nan])})
    {'a': [1.0, None]}
    """
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value


@dataclass(frozen=True)
class Report:
    """What an audit found, in the order of its checks.

    :param rows: rows on each side.
    :param findings: at least one per check.
    :param overlap: entities of each pair of tasks on two sides.
    :param identities: columns that look like an identity; empty where entities were given.
    :param copies: rows with the same inputs on two sides.
    :param drifts: each task's answers held against those of training.
    :param adversary: how well training and test rows are told apart; None where it was not done.
    :param predictors: inputs that tell a target too well.
    :param notes: what was left out of the audit, and why.
    """

    rows: dict[str, int]
    findings: Sequence[Finding]
    overlap: Overlap
    identities: Sequence[Identity]
    copies: Copies
    drifts: Sequence[Drift]
    adversary: Adversary | None
    predictors: Sequence[Leak]
    notes: Sequence[str] = ()

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    @property
    def leaks(self) -> list[Finding]:
        """What makes the scores of this split meaningless."""
        return self.of("leak")

    @property
    def warnings(self) -> list[str]:
        """Sentences to read the scores with."""
        return [finding.words for finding in self.of("warning")]

    @property
    def words(self) -> str:
        """One sentence."""
        counts = {severity: len(self.of(severity)) for severity in ("leak", "warning", "passed", "not done")}
        told = [f"{counts['leak']} leaks", f"{counts['warning']} warnings", f"{counts['passed']} passed"]
        told += [f"{counts['not done']} not done"] if counts["not done"] else []
        return f"The audit of the split: {', '.join(told)}."

    def raise_leaks(self) -> None:
        """Stop where the split leaks.

        :raises DataError: there is a leak; the first is told with its rows, the others in short.
        """
        leaks = self.leaks
        if not leaks:
            return
        more = [f"and, {leak.check}: {leak.words}" for leak in leaks[1:4]]
        more += [f"and {len(leaks) - 4} further leaks"] if len(leaks) > 4 else []
        raise DataError(
            "a split must not leak from training into what is judged",
            found="\n          ".join([leaks[0].words, *more]),
            remedy=leaks[0].remedy,
        )

    def lines(self) -> list[list[str]]:
        """Rows of a table: check, finding, severity, how many."""
        return [[f.check, f.words, f.severity, f"{f.count:,}" if f.count else ""] for f in self.findings]

    @property
    def state(self) -> dict[str, Any]:
        """All of it as JSON."""
        found: dict[str, Any] = plain(asdict(self))
        return found | {"words": self.words}
