"""The audit of a split: what leaks from training into what is judged, and what has drifted."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from umbel.data.audit_adversary import Adversary, tell_apart
from umbel.data.audit_copies import find_copies
from umbel.data.audit_drift import find_drifts
from umbel.data.audit_features import encode_inputs
from umbel.data.audit_identity import Identity, find_identities
from umbel.data.audit_overlap import compact, count_overlap, find_shared, sides_of
from umbel.data.audit_report import Report
from umbel.data.audit_tasks import TaskTable
from umbel.data.audit_words import (
    adversary_finding,
    copies_finding,
    drift_findings,
    identity_findings,
    near_finding,
    overlap_finding,
    predictor_findings,
    scope_notes,
)
from umbel.data.cells import blank
from umbel.data.entities import find_entities
from umbel.data.inputs import choose_inputs
from umbel.data.leaks import Leak, find_leaks
from umbel.data.problem import Problem
from umbel.data.read import check_table, take_column
from umbel.data.schema import Schema
from umbel.data.split import SIDES, Split
from umbel.errors import DataError
from umbel.seeding import numpy_generator

__all__ = ["audit"]

ROWS = 20_000
"""Rows looked at by the checks that need not see all."""
MEASURES = 5_000_000
"""Rows times inputs times targets of the check of single inputs."""

Codes = NDArray[np.int64]
Sides = NDArray[np.int8]


def audit(
    frame: pd.DataFrame,
    problem: Problem,
    split: Split,
    *,
    entities: NDArray[np.int64] | None = None,
    seed: int = 0,
    near: NDArray[np.int64] | None = None,
    ordinary: Collection[str] = (),
) -> Report:
    """Look for leaks and drift in a split.

    1. *entities*: no entity stands on two sides, counted for every pair of tasks (all rows).
    2. *identity*: where no entity is given, no column that looks like an identity stands on two sides (the
       rule: :mod:`umbel.data.audit_identity`).
    3. *copies*: no row of inputs, and no code of ``near``, stands on two sides (all rows). Where inputs are
       so coarse that rows are alike by chance (:mod:`umbel.data.audit_copies`), it is a warning, and none
       where entities are given.
    4. *label drift*: each task's answers on validation and test against training; chi-square or
       Kolmogorov-Smirnov, Holm over tasks; a warning where p < 0.01 and the effect is above 0.1.
    5. *adversary*: a boosted classifier tells training from test rows; a warning from AUC 0.6. The columns
       that a split by time or by situation follows are left out.
    6. *inputs*: an input that is a target in other words is a leak, one that tells it too well a warning.

    Checks 4 to 6 see at most 20,000 rows, drawn by the seed.

    :param frame: the table.
    :param problem: what is asked.
    :param split: positions of the rows on each side.
    :param entities: [B]; those that the problem's columns make where None.
    :param seed: of all that is drawn.
    :param near: [B], near-duplicate codes: rows with an equal one are nearly the same; below 0 is none.
    :param ordinary: columns that look like an identity, and are none.
    :returns: what was found; :meth:`Report.raise_leaks` makes an error of the leaks.
    :raises DataError: a column is not there, a row is on two sides or outside the table, or the codes are not
        one per row, or there is nothing to learn from or nothing to judge.

    >>> table = pd.DataFrame({"who": np.arange(60) % 20, "x": np.sin(np.arange(60.0)), "y": np.arange(60.0)})
    >>> report = audit(table, Problem.of("y", entity="who"), Split.of(np.arange(60) // 20))
    >>> report.overlap.shared, report.leaks[0].check
    (20, 'entities')
    """
    frame = check_table(frame)
    table = TaskTable(frame, problem)
    sides = sides_of(split, len(frame))
    if not len(split.train) or not (len(split.test) or len(split.valid)):
        raise DataError(
            "an audit holds training rows against those that are judged",
            found=", ".join(f"{side}: {count} rows" for side, count in split.sizes.items()),
            remedy="give training and test a row at least",
        )
    for name in ordinary:
        take_column(frame, name, "ordinary column")
    codes, called = _entities(frame, problem, entities)
    known = entities is not None or bool(problem.entity or problem.group)
    schema = choose_inputs(frame, problem, split.train)[0]
    held = np.flatnonzero(sides >= 0)
    rows = _some(held, seed)

    overlap = count_overlap(table, codes, sides, called)
    findings = [overlap_finding(overlap)]
    seen = {} if known else _identities(frame, table, schema, _asked(problem) | set(ordinary), seed)
    standing = {name: find_shared(_lifted(mine), sides) for name, (_, mine) in seen.items()}
    identities = tuple(one for name, (one, _) in seen.items() if len(standing[name].codes))
    findings += identity_findings(identities, standing, known=known)
    copies = find_copies([blank(frame[c], problem.missing) for c in schema.names], sides, seed=seed)
    findings.append(copies_finding(copies, known=known))
    if near is not None:
        findings.append(near_finding(find_shared(_lifted(_near(near, len(frame))), sides)))
    # rows of what looks like an identity are no independent draws either
    clusters = next((_lifted(mine) for _, mine in seen.values()), codes)
    drifts = find_drifts(table, clusters, rows, sides, seed=seed)
    findings += drift_findings(drifts)
    adversary = _adversary(frame, problem, schema, rows, sides, clusters, seed)
    findings.append(adversary_finding(adversary))
    predictors = _predictors(table, schema, rows, seed)
    findings += predictor_findings(predictors)
    return Report(
        rows=split.sizes,
        findings=tuple(findings),
        overlap=overlap,
        identities=identities,
        copies=copies,
        drifts=tuple(drifts),
        adversary=adversary,
        predictors=tuple(predictors),
        notes=tuple(scope_notes(_dividing(frame, problem), len(rows), len(held), table.names, drifts)),
    )


def _asked(problem: Problem) -> set[str]:
    """Columns that are asked, or say where a row belongs: none of them is an identity."""
    return problem.sources | {name for name in (problem.by, problem.time) if name is not None}


def _entities(frame: pd.DataFrame, problem: Problem, given: NDArray[np.int64] | None) -> tuple[Codes, str]:
    """Entity of each row, and what a message calls them; empty where each row is its own."""
    what = [f"'{name}'" for name in (*problem.entity, *problem.group)]
    what += ["same rows" if name == "rows" else f"like '{name}'" for name in problem.duplicates]
    names = ", ".join(what)
    if given is not None:
        return compact(given, len(frame)), names or "the given entities"
    return find_entities(frame, problem), names


def _dividing(frame: pd.DataFrame, problem: Problem) -> list[str]:
    """Columns that the split follows, so that they tell its sides apart by intent."""
    spec = problem.split
    found = [problem.time, spec.horizon] if spec.how == "time" else [spec.situation, spec.difficulty]
    return [name for name in found if isinstance(name, str) and name in frame.columns]


def _lifted(codes: Codes) -> Codes:
    """Codes where each one below 0 is a code of its own."""
    none = codes < 0
    if not none.any():
        return codes
    return np.where(none, int(codes.max(initial=-1)) + np.cumsum(none), codes).astype(np.int64)


def _near(codes: NDArray[np.int64], count: int) -> Codes:
    """Near-duplicate codes, -1 where there is none."""
    codes = np.asarray(codes)
    found = compact(codes, count)
    return found if codes.dtype.kind not in "iu" else np.where(codes < 0, -1, found).astype(np.int64)


def _some(rows: Codes, seed: int) -> Codes:
    if len(rows) <= ROWS:
        return rows
    return np.sort(numpy_generator(seed, "audit").choice(rows, ROWS, replace=False))


def _identities(
    frame: pd.DataFrame, table: TaskTable, schema: Schema, without: set[str], seed: int
) -> dict[str, tuple[Identity, Codes]]:
    """Columns that look like an identity, with their codes."""
    cells = pd.DataFrame({str(n): blank(frame[n], table.problem.missing) for n in frame.columns}, copy=False)
    return find_identities(
        cells, schema.names, lambda rows: {t: table.parts(t, rows) for t in table.targets}, without, seed=seed
    )


def _adversary(
    frame: pd.DataFrame,
    problem: Problem,
    schema: Schema,
    rows: Codes,
    sides: Sides,
    entities: Codes,
    seed: int,
) -> Adversary | None:
    """Training against test rows; against validation where no row is held for test."""
    number = 2 if (sides == 2).any() else 1
    rows = rows[(sides[rows] == 0) | (sides[rows] == number)]
    divided = _dividing(frame, problem)
    columns = Schema(tuple(c for c in schema.columns if c.name not in divided))
    if not columns.columns:
        return None
    X, owners, codes = encode_inputs(frame.iloc[rows], columns, problem.missing)
    return tell_apart(X, owners, codes, sides[rows] == number, entities[rows], SIDES[number], seed=seed)


def _predictors(table: TaskTable, schema: Schema, rows: Codes, seed: int) -> list[Leak]:
    """Inputs that tell a target too well, or are it in other words."""
    problem = table.problem
    answers = {
        name if len(sources) == 1 else f"{name}: {source}": source
        for name, sources in table.sources.items()
        for source in sources
    }
    most = max(1_000, MEASURES // max(1, len(answers) * len(schema.names)))
    if len(rows) > most:
        rows = np.sort(numpy_generator(seed, "predictors").choice(rows, most, replace=False))
    cells = {n: blank(table.frame[n].iloc[rows], problem.missing) for n in {*schema.names, *answers.values()}}
    targets = {name: cells[source] for name, source in answers.items()}
    return find_leaks(pd.DataFrame({n: cells[n] for n in schema.names}), schema.names, targets)
