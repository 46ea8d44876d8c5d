"""Types of messy columns, each with its reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from umbel.data.infer import infer_column

chance = np.random.default_rng(0)
N = 400
WORDS = np.array(["red", "green", "blue", "small", "large", "round", "flat", "old", "new", "odd"])


def sentences(count: int) -> list[str]:
    return [f"{' '.join(chance.choice(WORDS, 6))}, item {i}" for i in range(count)]


@pytest.mark.parametrize(
    ("name", "cells", "type_", "says"),
    [
        ("x", chance.normal(size=N), "number", "fractions"),
        ("x", chance.integers(0, 50, N), "number", "whole"),
        ("x", [f"{v:.2f}" for v in chance.normal(size=N)], "number", "fractions"),
        ("x", [True, False] * 200, "number", "true or false"),
        ("x", [True, None] * 200, None, "the same"),
        ("day", pd.date_range("2020-01-01", periods=N), "date", "dates"),
        ("admission_type_id", chance.integers(1, 8, N), "category", "name"),
        ("zip_code_id", np.repeat(np.arange(40), 10), "category", "name"),
        ("x", chance.choice(["a", "b", None], N), "category", "distinct"),
        ("x", chance.choice(["a", 1, 2.5], N).astype(object), "category", "distinct"),
        ("cast", [", ".join(chance.choice(WORDS, 3)) for _ in range(N)], "set", "', '"),
        ("tags", ["|".join(chance.choice(WORDS, chance.integers(1, 4))) for _ in range(N)], "set", "'|'"),
        ("tags", [list(chance.choice(WORDS, 2)) for _ in range(N)], "set", "lists"),
        ("note", sentences(N), "text", "free words"),
        ("specialty", chance.choice(["Family/General", "Surgery", "Ear/Nose/Throat"], N), "category", "3"),
        ("place", chance.choice(["Paris, France", "Rome, Italy", "Oslo, Norway"], N), "category", "3"),
        ("patient_nbr", np.repeat(np.arange(200) * 7, 2), None, "id by its name"),
        ("imdbID", [f"tt{i:07d}" for i in range(N)], None, "id"),
        ("row", np.arange(N), None, "counts the rows"),
        ("code", [f"C{i:05d}" for i in range(N)], None, "single words"),
        ("x", [None] * N, None, "every cell is missing"),
        ("x", ["", " "] * 200, None, "every cell is missing"),
        ("x", [1.0, None] * 200, None, "the same"),
        ("x", ["a", "a", None, "a"] * 100, None, "the same"),
        ("x", [0.5, np.inf] * 200, "number", "fractions"),
    ],
)
def test_types(name: str, cells: object, type_: str | None, says: str) -> None:
    found = infer_column(pd.Series(cells, name=name))
    assert found.type == type_, found
    assert says in found.reason


def test_names_of_sets_know_their_separator() -> None:
    assert infer_column(pd.Series(["a; b", "b", "c; a", "a; b; c"] * 20)).separator == "; "


def test_names_are_read_from_large_columns_in_little_time() -> None:
    import time

    column = pd.Series(chance.normal(size=10**6))
    start = time.process_time()
    infer_column(column)
    assert time.process_time() - start < 1
