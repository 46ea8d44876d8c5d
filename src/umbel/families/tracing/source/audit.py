"""The audit of answer logs: no step behind its own answer, and no student on two sides of a split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from umbel.data.audit_report import Finding
from umbel.errors import DataError
from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.merge import same_event

__all__ = ["LeakError", "audit_log", "find_expanded", "find_shared", "refuse_leaks"]

ONE_STEP = "a question's concepts must be one step"
ONE_SIDE = "a student must stand on one side of a split"
STUDENTS = "students"
SHOWN = 3
"""Steps and students that a message names."""


class LeakError(DataError):
    """Scores of this log would mean nothing: an answer can be known before it is forecast."""


def audit_log(log: AnswerLog | None = None, **sides: AnswerLog) -> tuple[Finding, ...]:
    """Look for what leaks in a log, or in the sides of a split.

    :param log: one log.
    :param sides: logs by side, e.g. ``train=...``, ``test=...``: each is looked at, and their students are
        held against each other.
    :returns: findings; :func:`refuse_leaks` makes an error of the leaks.
    """
    alone = [] if log is None else [find_expanded(log)]
    each = [find_expanded(one, name) for name, one in sides.items()]
    return (*alone, *each, *([find_shared(sides)] if sides else []))


def refuse_leaks(findings: Iterable[Finding]) -> None:
    """Stop where something leaks.

    :raises LeakError: the first leak.
    """
    for finding in findings:
        if finding.severity == "leak":
            rule = ONE_SIDE if finding.check == STUDENTS else ONE_STEP
            raise LeakError(rule, found=finding.words, remedy=finding.remedy)


def find_expanded(log: AnswerLog, side: str = "") -> Finding:
    """Whether rows of one question were left as several steps: the second is told by the first.

    Looked for are consecutive steps of one student with the same question, at the same time where times are
    known, and disjoint concepts. Where a question's concepts merely change by chance, such pairs have
    different answers as often as any neighbours; expanded rows always have the same. It is a leak when pairs
    with the same answer exceed what those with different answers let expect by four standard deviations, and
    a warning when there are fewer.

    :param log: the log.
    :param side: its name in the split.
    """
    check = "steps" + (f" of {side}" if side else "")
    if not (log.question >= 0).any():
        return Finding(check, "not done", "No step names its question: expanded rows cannot be told.")
    pairs = _pairs(log, answers=True)
    others = len(_pairs(log, answers=False)) - len(pairs)
    if not len(pairs):
        return Finding(check, "passed", "No question's concepts stand in several steps.")
    inside = log.student[1:] == log.student[:-1]
    alike = float((log.correct[1:] == log.correct[:-1])[inside].mean())
    expected = others * alike / max(1 - alike, 1e-9) if others else 0.0
    far = len(pairs) > expected + 4 * np.sqrt(max(expected, 1.0))
    first = "; ".join(
        f"student '{log.students[log.student[i]]}', steps {log.place[i]} and {log.place[i] + 1},"
        f" question '{log.questions[log.question[i]]}'"
        for i in (pairs - 1)[:SHOWN]
    )
    words = (
        f"{len(pairs):,} steps ({len(pairs) / log.steps:.1%}) have the question and answer of the step before"
        f" them and other concepts, where {expected:,.0f} would be chance: {first}"
        + (f" and {len(pairs) - SHOWN:,} more." if len(pairs) > SHOWN else ".")
    )
    remedy = "merge(log) of umbel.families.tracing.source.merge, or read_log(..., merge=True)"
    rows = tuple(int(i) for i in pairs[:100])
    return Finding(check, "leak" if far else "warning", words, len(pairs), rows, remedy)


def _pairs(log: AnswerLog, *, answers: bool) -> NDArray[np.int64]:
    """Steps that could be the one before them with other concepts, none of them the same."""
    steps = np.flatnonzero(same_event(log, answers=answers))
    both = np.stack([log.sets[steps - 1], log.sets[steps]], axis=1)
    kinds, kind = np.unique(both, axis=0, return_inverse=True)
    own = log.concept_sets
    apart = [
        bool(len(own[a]) and len(own[b]) and not np.intersect1d(own[a], own[b]).size)
        for a, b in kinds.tolist()
    ]
    found: NDArray[np.int64] = steps[np.array(apart, dtype=bool)[kind.ravel()]]
    return found


def find_shared(sides: Mapping[str, AnswerLog]) -> Finding:
    """Whether a student, by name, stands on two sides of a split, or twice on one.

    :param sides: logs by side.
    """
    stands: dict[str, list[str]] = {}
    for side, log in sides.items():
        for name in log.students:
            stands.setdefault(name, []).append(side)
    twice = {name: found for name, found in stands.items() if len(found) > 1}
    if not twice:
        return Finding(STUDENTS, "passed", f"Each of {len(stands):,} students stands on one side.")
    shown = "; ".join(f"'{name}' in {' and '.join(found)}" for name, found in [*twice.items()][:SHOWN])
    more = f" and {len(twice) - SHOWN:,} more" if len(twice) > SHOWN else ""
    return Finding(
        STUDENTS,
        "leak",
        f"{len(twice):,} of {len(stands):,} students stand twice: {shown}{more}.",
        len(twice),
        remedy="split by student: split_students(log)",
    )
