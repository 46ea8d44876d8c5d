"""Small problems in both layouts, for the tests of every learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from neural_tables import COLUMNS, NUMBERS, dataset, frame
from umbel.data.dataset import Dataset
from umbel.data.schema import Column
from umbel.tasks import KINDS, Encoded, Kind, Target, TaskSet

__all__ = ["CASES", "Case", "hidden", "split", "without_answers"]

LEVELS = (*NUMBERS, Column("level", "category"))


@dataclass(frozen=True)
class Case:
    """A problem: target columns, input columns, and the column of groups, if any."""

    targets: tuple[str, ...]
    columns: tuple[Column, ...] = LEVELS
    by: str | None = None
    missing: float = 0.3

    def make(self, targets: Sequence[str] | None = None, rows: int = 120) -> Dataset:
        """All rows of the problem, with the targets in any order."""
        chosen = list(targets or self.targets)
        table = frame(rows, missing=self.missing)
        plain = [t for t in chosen if t not in ("mix", "reply")]
        found = dataset(table, plain, columns=self.columns, by=self.by)
        if "mix" in chosen:
            found = _with("mix", KINDS.get("distribution")(), _shares(found), found, chosen)
        if "reply" in chosen:
            small = {"units": 4, "dropout": 0.0}
            kind = KINDS.get("tokens")(least=2, longest=4, decoder=small)
            found = _with("reply", kind, _replies(found), found, chosen)
        return found


CASES = {
    "every kind, every input": Case(
        ("height", "sick", "grade", "tags", "visits", "sort", "mix"), COLUMNS, missing=0.3
    ),
    "numbers": Case(("height", "weight"), missing=0.2),
    "labels": Case(("sick", "tags"), missing=0.1),
    "kinds with few unknown": Case(("height", "sick", "sort", "grade", "visits"), missing=0.1),
    "all labels known": Case(("height", "sick", "tags"), missing=0.0),
    "groups of numbers": Case(("height",), by="school"),
    "groups of labels": Case(("sick",), by="school"),
    "groups of grades and counts": Case(("grade", "visits", "tags", "sort"), by="school", missing=0.1),
    "a text and labels": Case(("reply", "sick", "tags"), missing=0.2),
    "groups of texts": Case(("reply",), by="school"),
}


def _shares(data: Dataset) -> pd.Series:
    """Shares of three parts."""
    a = data.source["b"].to_numpy()
    raw = np.column_stack([np.exp(a), np.ones(len(a)), np.exp(-a)])
    cells = [dict(zip("uvw", row / row.sum(), strict=True)) for row in raw]
    return pd.Series(cells, name="mix", dtype=object)


def _replies(data: Dataset) -> pd.Series:
    """Texts of one to six words, of which some are rare."""
    chance = np.random.default_rng(3)
    a = data.source["b"].to_numpy()
    words = [["yes", "yes indeed"] if x > 0 else ["no", "no no thanks"] for x in a]
    cells = [" ".join(chance.choice([*two, "so", f"word{i}"], 2)) for i, two in enumerate(words)]
    return pd.Series(cells, name="reply", dtype=object)


def _with(name: str, kind: Kind, column: pd.Series, data: Dataset, order: list[str]) -> Dataset:
    """One more target, of which every seventh answer is missing."""
    column[::7] = None
    kind.fit(column)
    targets = {t.name: t for t in data.tasks.targets} | {name: Target(name, kind)}
    tasks = TaskSet(tuple(targets[n] for n in order if n in targets), data.tasks.by, data.tasks.groups)
    return replace(data, tasks=tasks, answers={**data.answers, name: kind.encode(column)}, _cache={})


def split(data: Dataset) -> tuple[Dataset, Dataset, Dataset]:
    """Training, validation and test rows."""
    order = np.random.default_rng(5).permutation(len(data))
    a, b = int(0.6 * len(data)), int(0.8 * len(data))
    return data.take(order[:a]), data.take(order[a:b]), data.take(order[b:])


def hidden(data: Dataset, rows: np.ndarray) -> Dataset:
    """The same with all labels of some rows (positions in the source) unknown."""
    answers = {}
    for name, known in data.answers.items():
        weights = known.weights.copy()
        weights[rows] = 0
        answers[name] = Encoded(known.values, weights)
    return replace(data, answers=answers, _cache={})


def without_answers(data: Dataset) -> Dataset:
    """The same rows with no known label, and nonsense in place of the answers."""
    answers = {
        name: Encoded(np.zeros_like(known.values), np.zeros_like(known.weights))
        for name, known in data.answers.items()
    }
    return replace(data, answers=answers, _cache={})
