"""What each check of an audit found, as findings: how bad, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from umbel.data.audit_adversary import Adversary
from umbel.data.audit_copies import Copies
from umbel.data.audit_drift import Drift
from umbel.data.audit_identity import Identity
from umbel.data.audit_overlap import Overlap, Shared
from umbel.data.audit_report import Finding
from umbel.data.leaks import Leak

__all__ = [
    "adversary_finding",
    "copies_finding",
    "drift_findings",
    "identity_findings",
    "near_finding",
    "overlap_finding",
    "predictor_findings",
    "scope_notes",
]

TOLD = 2
"""Entities whose rows a sentence names."""


def _named(named: Sequence[str]) -> str:
    return f"{'; '.join(named[:TOLD])} (the first row is 0)"


def overlap_finding(overlap: Overlap) -> Finding:
    """Entities on two sides.

    :param overlap: the counts.
    """
    if overlap.shared == 0:
        sides = ", ".join(f"{side} {count:,}" for side, count in overlap.entities.items())
        what = (
            f"entities ({overlap.names})"
            if overlap.names
            else "rows (no entity is given, so that each is one)"
        )
        return Finding("entities", "passed", f"No entity is on two sides: {sides} {what}.")
    sides, learned, judged, count = overlap.worst
    one, other = sides.split("/")
    tasks = f"'{learned}'" if learned == judged else f"'{learned}' and '{judged}'"
    pair = f"of {tasks}, {count:,} have known answers in {one} and in {other}; " if count else ""
    return Finding(
        "entities",
        "leak",
        f"{overlap.shared:,} entities ({overlap.names}) are on two sides; {pair}"
        f"the first: {_named(overlap.named)}.",
        overlap.shared,
        overlap.rows,
        f"split by entity, so that rows of one {overlap.names} stay on one side",
    )


def identity_findings(
    found: Sequence[Identity], standing: Mapping[str, Shared], *, known: bool
) -> list[Finding]:
    """Columns that look like an identity and stand on two sides.

    :param found: the columns.
    :param standing: by column, its values on two sides.
    :param known: whether entities were given, so that nothing was looked for.
    """
    if known:
        return [Finding("identity", "passed", "Entities are given, so that none is looked for.")]
    if not found:
        words = "No column looks like an identity whose rows stand on two sides."
        return [Finding("identity", "passed", words)]
    return [
        Finding(
            "identity",
            "leak",
            f"'{one.column}' looks like an identity: {one.why}. {len(standing[one.column].codes):,} of its "
            f"values are on two sides; the first: {_named(standing[one.column].named)}.",
            len(standing[one.column].codes),
            tuple(map(int, standing[one.column].rows[:20])),
            f"name it as the entity (entity: {one.column}) and split again; "
            f"if it is none: audit(..., ordinary=['{one.column}'])",
        )
        for one in found
    ]


def copies_finding(copies: Copies, *, known: bool) -> Finding:
    """Rows with the same inputs on two sides.

    :param copies: what was found.
    :param known: whether entities were given, so that rows alike by chance are known to be others.
    """
    if copies.kinds == 0:
        return Finding("copies", "passed", "No row of inputs is on two sides.")
    words = f"{copies.count:,} rows have the same inputs as a row of another side"
    if copies.chance:
        return Finding(
            "copies",
            "passed" if known else "warning",
            f"{words}, {copies.kinds:,} kinds; the inputs are coarse, so that it may be chance; "
            f"the first: {_named(copies.named)}.",
            copies.count,
            copies.rows,
            "name an entity if they are the same thing",
        )
    return Finding(
        "copies",
        "leak",
        f"{words}, {copies.kinds:,} kinds, too fine for chance; the first: {_named(copies.named)}.",
        copies.count,
        copies.rows,
        "name the columns that tell one thing from another under 'entity', or drop the copies",
    )


def near_finding(shared: Shared) -> Finding:
    """Near-duplicates on two sides.

    :param shared: the codes on two sides, and their rows.
    """
    if not len(shared.codes):
        return Finding("near copies", "passed", "No near-duplicates are on two sides.")
    return Finding(
        "near copies",
        "leak",
        f"{len(shared.codes):,} sets of near-duplicates are on two sides; the first: {_named(shared.named)}.",
        len(shared.codes),
        tuple(map(int, shared.rows[:20])),
        "let near-duplicates be one entity",
    )


def drift_findings(drifts: Sequence[Drift]) -> list[Finding]:
    """Tasks whose answers differ between the sides; one finding where none does.

    :param drifts: one per task and side that was tested.
    """
    warned = [
        Finding(
            "label drift", "warning", drift.words, 1, (), "balance the split, or read the score with care"
        )
        for drift in sorted(drifts, key=lambda drift: -drift.effect)
        if drift.warns
    ]
    if warned:
        return warned
    if not drifts:
        words = "No task has 20 known answers (of different entities) in training and on another side."
        return [Finding("label drift", "not done", words)]
    return [Finding("label drift", "passed", f"No answers drift: {len(drifts)} tests of task and side.")]


def adversary_finding(found: Adversary | None) -> Finding:
    """How well training and test rows are told apart.

    :param found: what was measured; None where nothing was.
    """
    if found is None:
        words = "Fewer than 10 entities in training or on the side that is judged, or no input to look at."
        return Finding("adversary", "not done", words)
    if not found.warns:
        return Finding("adversary", "passed", found.words)
    return Finding(
        "adversary",
        "warning",
        found.words,
        len(found.columns),
        (),
        "scores of this split tell of rows unlike those of training; is that what is wanted?",
    )


def predictor_findings(found: Sequence[Leak]) -> list[Finding]:
    """Inputs that are a target in other words (leaks), or tell one too well (warnings).

    :param found: the strongest first.
    """
    if not found:
        return [Finding("inputs", "passed", "No single input tells a target too well.")]
    return [
        Finding(
            "inputs",
            "leak" if leak.twin else "warning",
            leak.words,
            1,
            (),
            f"leave it out (ignore: {leak.column})" if leak.twin else "leave it out if it is known too late",
        )
        for leak in found
    ]


def scope_notes(
    divided: Sequence[str], looked: int, held: int, names: Sequence[str], drifts: Sequence[Drift]
) -> list[str]:
    """What the audit did not look at, a sentence each.

    :param divided: columns that the split follows.
    :param looked: rows that the checks of a sample saw.
    :param held: rows on any side.
    :param names: of all tasks.
    :param drifts: those that were tested.
    """
    found = []
    if looked < held:
        found.append(f"Drift, the adversary and single inputs were judged from {looked:,} of {held:,} rows.")
    if divided:
        columns = ", ".join(f"'{name}'" for name in divided)
        found.append(f"The split follows {columns}: the adversary did not see it.")
    tested = {drift.task for drift in drifts}
    left_out = [f"'{name}'" for name in names if name not in tested]
    if left_out and tested:
        more = f" and {len(left_out) - 5} more" if len(left_out) > 5 else ""
        found.append(
            f"The drift of {', '.join(left_out[:5])}{more} was not tested: fewer than 20 known answers of "
            "different entities in training or on the other sides, or answers of free form."
        )
    return found
