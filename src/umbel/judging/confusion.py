"""What is taken for what."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.judging.scorecard import Candidate, jobs
from umbel.judging.section import Figure, Section, TableData
from umbel.judging.truth import Truth
from umbel.judging.words import label_names

__all__ = ["confusion", "confusion_section"]

_MOST_CLASSES = 30


def confusion(
    values: NDArray[Any], decision: NDArray[Any], weights: NDArray[Any], classes: int
) -> NDArray[np.float64]:
    """Weight of rows by true class (row) and decided class (column).

    :param values, decision: class indices [N].
    :param weights: [N].
    :returns: [C, C].

    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), np.ones(3), 2).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    cell = values.astype(np.int64) * classes + decision.astype(np.int64)
    counted = np.zeros(classes**2)
    counted += np.bincount(cell, weights=np.asarray(weights, dtype=float), minlength=classes**2)
    return counted.reshape(classes, classes)


def confusion_section(truth: Truth, candidate: Candidate, *, model: str = "joint") -> Section:
    """Confusion of classes and grades, and hits and misses of labels, of one model.

    In the rows layout the groups of a target are pooled.
    """
    tables, figures = [], []
    for job in jobs(truth):
        skip = truth.tasks.by_rows and not job.pooled
        if skip or job.target not in candidate.predictions or not len(job.rows):
            continue
        if job.kind.response not in ("bernoulli", "categorical", "ordered"):
            continue
        said = candidate.predictions[job.target].take(job.rows)
        decided = job.kind.decide(said, candidate.rules.get(job.target))
        values = np.asarray(truth.values[job.target])[job.rows]
        weights = np.asarray(truth.weights[job.target], dtype=float)[job.rows]
        if weights.ndim == 2:
            tables.append(_labels(job.name, values, decided, weights, label_names(job.kind, values.shape[1])))
            continue
        size = said.value.shape[1] if said.value.ndim == 2 else 2
        if size > _MOST_CLASSES:
            continue
        counted = confusion(values, decided, weights, size)
        names = label_names(job.kind, size)
        rows: list[list[Any]] = [
            [name, *(_whole(cell) for cell in line)] for name, line in zip(names, counted, strict=True)
        ]
        tables.append(
            TableData(["true", *names], rows, f"{job.name}: rows by true (line) and decided class (column).")
        )
        if size > 2:
            total = counted.sum(axis=1, keepdims=True)
            share = np.divide(counted, total, out=np.full_like(counted, np.nan), where=total > 0)
            figures.append(
                Figure(
                    "heat",
                    f"Confusion of {job.name}",
                    matrix=share,
                    labels=(names, names),
                    x_label="decided",
                    y_label="true",
                    caption="Share of each true class (line) that is decided as each class (column).",
                )
            )
    text = [f"Decisions of the {model} model on the test rows, by the rule chosen on validation."]
    return Section("Confusion", text if tables else [], tables, figures)


def _labels(
    task: str, values: NDArray[Any], decided: NDArray[Any], weights: NDArray[np.float64], names: list[str]
) -> TableData:
    truth, said = values > 0.5, decided > 0.5
    cells = [truth & said, ~truth & said, truth & ~said]
    hit, false, missed = ((cell * weights).sum(axis=0) for cell in cells)
    rows: list[list[Any]] = []
    for k, name in enumerate(names):
        f1 = 2 * hit[k] / (2 * hit[k] + false[k] + missed[k]) if hit[k] + false[k] + missed[k] else None
        score = None if f1 is None else round(float(f1), 3)
        rows.append([name, _whole(hit[k]), _whole(false[k]), _whole(missed[k]), score])
    columns = ["label", "found", "false alarms", "missed", "F1"]
    return TableData(columns, rows, f"{task}: decisions by label.")


def _whole(number: float) -> float | int:
    return int(number) if float(number).is_integer() else round(float(number), 2)
