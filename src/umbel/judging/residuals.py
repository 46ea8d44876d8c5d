"""Do the errors of two tasks go together? Where they do, something both depend on is still unlearned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from umbel.judging.scorecard import Candidate
from umbel.judging.section import Figure, Section, TableData
from umbel.judging.truth import Truth
from umbel.judging.words import label_names
from umbel.tasks import Kind, Prediction

__all__ = ["correlation", "residual_section", "residuals"]

_FEWEST = 10
"""Rows known for both, below which a correlation is not shown."""
_MOST_LABELS = 8
"""Labels or classes of one target that get a line of their own: the most frequent ones."""


def residuals(
    kind: Kind, values: NDArray[Any], weights: NDArray[Any], prediction: Prediction
) -> tuple[NDArray[np.float64], list[str]]:
    """Truth minus prediction, NaN where unknown.

    Numbers: y - mean. Binary: y - p. Grades: grade - expected grade. Labels, classes and shares: one
    column each, indicator (or share) - p.

    :param values, weights, prediction: of all rows, encoded.
    :returns: residuals [B, K], and what the K columns are called (empty text where K is 1).
    """
    p = np.asarray(prediction.value, dtype=float)
    known = np.asarray(weights) != 0
    if p.ndim == 1:
        return np.where(known, values - p, np.nan)[:, None], [""]
    size = p.shape[1]
    if kind.response == "ordered":
        return np.where(known, values - p @ np.arange(size), np.nan)[:, None], [""]
    truth = values if values.ndim == 2 else (values[:, None] == np.arange(size))
    known = known if known.ndim == 2 else np.repeat(known[:, None], size, axis=1)
    return np.where(known, truth - p, np.nan), label_names(kind, size)


def correlation(
    columns: NDArray[np.float64], *, fewest: int = _FEWEST
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Pearson correlation of each pair of columns over the rows both have.

    :param columns: [B, K], NaN where unknown.
    :param fewest: with fewer common rows there is no correlation.
    :returns: correlations [K, K], NaN where undefined; common rows [K, K].
    """
    there = np.isfinite(columns)
    with_zero = np.where(there, columns, 0.0)
    centre = with_zero.sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    x = np.where(there, columns - centre, 0.0)  # near 0, so that the sums below lose no digits
    k = there.astype(np.float64)
    n, s, q, cross = k.T @ k, x.T @ k, (x**2).T @ k, x.T @ x  # s[i, j]: sum of i over rows both have
    safe = np.maximum(n, 1)
    variance = q - s**2 / safe
    variance = np.where(variance > 1e-12 * q, variance, 0.0)
    below = np.sqrt(variance * variance.T)
    above = cross - s * s.T / safe
    found = np.divide(above, below, out=np.full_like(n, np.nan), where=(below > 0) & (n >= fewest))
    return np.clip(found, -1, 1), np.rint(n).astype(np.int64)


def residual_section(truth: Truth, candidate: Candidate, *, model: str = "independent") -> Section:
    """Correlations of the errors that a model leaves, by pair of tasks.

    Texts have no residual and are left out.

    :param model: name of the candidate; the independent models show what sharing could still use.
    """
    columns, names = [], []
    for target in truth.tasks.targets:
        if target.name not in candidate.predictions or target.kind.response == "sequence":
            continue
        found, labels = residuals(
            target.kind,
            np.asarray(truth.values[target.name]),
            np.asarray(truth.weights[target.name]),
            candidate.predictions[target.name],
        )
        positives = np.nansum(np.isfinite(found) * 1.0 * _mass(truth, target.name, found.shape[1]), axis=0)
        for k in np.sort(np.argsort(-positives, kind="stable")[:_MOST_LABELS]):
            columns.append(found[:, k])
            names.append(f"{target.name}: {labels[k]}" if labels[k] else target.name)
    if len(columns) < 2:
        return Section("Residual correlation", ["It takes two targets to have errors that go together."])
    matrix, n = correlation(np.stack(columns, axis=1))
    pairs = [
        (abs(matrix[i, j]), i, j)
        for i in range(len(names))
        for j in range(i)
        if np.isfinite(matrix[i, j]) and names[i].split(":")[0] != names[j].split(":")[0]
    ]
    rows: list[list[Any]] = [
        [names[i], names[j], round(float(matrix[i, j]), 3), int(n[i, j]), round(1.96 / np.sqrt(n[i, j]), 3)]
        for _, i, j in sorted(pairs, reverse=True)[:10]
    ]
    table = TableData(
        ["task", "task", "correlation", "rows", "chance (95 %)"],
        rows,
        "The strongest pairs; smaller than 'chance' means nothing.",
    )
    figure = Figure(
        "heat",
        f"Residual correlation ({model})",
        matrix=matrix,
        labels=(names, names),
        caption=f"Correlation of truth minus prediction of the {model} model, on rows both tasks know; "
        f"empty with fewer than {_FEWEST} of them.",
    )
    text = [
        "Errors that go together come from something both tasks depend on and the inputs or the model "
        "did not give: a reason to predict one task from the other's answer, not by itself a reason to share."
    ]
    return Section("Residual correlation", text, [table] if rows else [], [figure])


def _mass(truth: Truth, target: str, size: int) -> NDArray[np.float64]:
    """How much of each label or class there is in each row, [B, K], to keep the frequent ones."""
    values = np.asarray(truth.values[target])
    if size == 1:
        return np.ones((len(truth), 1))
    found: NDArray[np.float64] = (values if values.ndim == 2 else values[:, None] == np.arange(size)) * 1.0
    return found
