"""Small tables for the tests of the neural part, built by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from umbel.data.dataset import Dataset
from umbel.data.schema import Column, Schema
from umbel.tasks import KINDS, Encoded, Target, TaskSet

COLUMNS = (
    Column("a", "number"),
    Column("b", "number"),
    Column("level", "category"),
    Column("names", "set", ", "),
    Column("title", "text"),
)
NUMBERS = COLUMNS[:2]
MEDIA = (
    Column("face", "image"),
    Column("scan", "image"),
    Column("call", "audio"),
    Column("noise", "audio"),
    Column("pulse", "series"),
    Column("steps", "series"),
)
"""Columns of :func:`media`: two of each type, of which the second is missing more often."""
KIND_OF = {
    "height": "regression",
    "weight": "regression",
    "sick": "binary",
    "grade": "ordinal",
    "tags": "multilabel",
    "visits": "count",
    "sort": "multiclass",
}


def frame(rows: int = 160, seed: int = 0, missing: float = 0.3) -> pd.DataFrame:
    """Inputs of every type, and answers of several kinds of which many are missing."""
    chance = np.random.default_rng(seed)
    a, b = chance.normal(size=(2, rows))
    level = chance.choice(["x", "y", "z"], rows)
    people = ["Ann", "Bo", "Cy", "Di", "Ed", "Flo"]
    names = [", ".join(chance.choice(people, chance.integers(0, 4), replace=False)) for _ in range(rows)]
    words = ["red", "green", "蓝色", "的电影", "house"]
    title = [" ".join(chance.choice(words, 2)) for _ in range(rows)]
    score = a - 0.5 * b + (level == "x") + 0.3 * chance.normal(size=rows)
    found = pd.DataFrame(
        {
            "a": np.where(chance.random(rows) < 0.1, np.nan, a),
            "b": b,
            "level": level,
            "names": names,
            "title": title,
            "school": chance.choice(["s1", "s2", "s3"], rows),
            "height": 170 + 10 * score,
            "weight": 60 + 5 * score + chance.normal(size=rows),
            "sick": (score + chance.normal(size=rows) > 0).astype(float),
            "grade": np.digitize(score, [-1.0, 0.5]).astype(float),
            "tags": [
                ", ".join(t for t, c in (("p", score[i]), ("q", -score[i])) if c > 0) for i in range(rows)
            ],
            "visits": chance.poisson(np.exp(np.clip(0.5 * score, -2, 2))).astype(float),
            "sort": pd.Series(np.where(score > 0.7, "k", np.where(b > 0, "l", "m")), dtype=object),
        }
    )
    for name in KIND_OF:
        hidden = chance.random(rows) < missing
        found[name] = (
            found[name].astype(object).mask(hidden)
            if found[name].dtype == object
            else found[name].mask(hidden)
        )
    return found


def media(rows: int = 160, seed: int = 0, missing: float = 0.3) -> pd.DataFrame:
    """Small images (gray and colour, of two sizes), sounds and series of unequal length; some are missing.

    Images are uint8 [H, W] or [H, W, 3]; sounds are float [T] of about a fifth of a second at 8 kHz; a series
    is [T] of 1 to 12 numbers.
    """
    chance = np.random.default_rng(seed)

    def image(i: int) -> Any:
        shape = (8, 8, 3) if i % 3 else (10, 9)
        return chance.integers(0, 256, shape, dtype=np.uint8)

    def sound(i: int) -> Any:
        times = np.arange(chance.integers(1200, 2000)) / 8000
        tone = np.sin(2 * np.pi * chance.uniform(200, 2000) * times)
        return 0.5 * tone + 0.1 * chance.normal(size=len(times))

    def series(i: int) -> Any:
        return 3 + np.cumsum(chance.normal(size=chance.integers(1, 13)))

    makers = {"image": image, "audio": sound, "series": series}
    seen: set[str] = set()
    found = {}
    for column in MEDIA:
        share = missing if column.type in seen else missing / 3
        seen.add(column.type)
        cells = np.empty(rows, dtype=object)
        for i in range(rows):
            cells[i] = None if chance.random() < share else makers[column.type](i)
        found[column.name] = pd.Series(cells, dtype=object)
    return pd.DataFrame(found)


def dataset(
    source: pd.DataFrame,
    targets: Sequence[str] = ("height", "weight", "sick"),
    *,
    columns: Sequence[Column] = COLUMNS,
    by: str | None = None,
    weights: dict[str, float] | None = None,
    options: dict[str, dict[str, Any]] | None = None,
) -> Dataset:
    """All rows of a frame; kinds fitted on all of them."""
    found, answers = [], {}
    for name in targets:
        kind = KINDS.get(KIND_OF[name])(**(options or {}).get(name, {}))
        kind.fit(source[name])
        answers[name] = kind.encode(source[name])
        found.append(Target(name, kind, (weights or {}).get(name, 1.0)))
    groups = None
    labels: tuple[str, ...] = ()
    if by is not None:
        labels = tuple(sorted(source[by].unique()))
        groups = source[by].map({label: i for i, label in enumerate(labels)}).to_numpy(dtype=np.int64)
    return Dataset(
        source=source,
        schema=Schema(tuple(columns)),
        tasks=TaskSet(tuple(found), by, labels),
        rows=np.arange(len(source)),
        answers=answers,
        entities=np.arange(len(source)),
        groups=groups,
    )


def with_answers(data: Dataset, answers: dict[str, Encoded]) -> Dataset:
    """The same rows with other answers."""
    return Dataset(data.source, data.schema, data.tasks, data.rows, answers, data.entities, data.groups)
