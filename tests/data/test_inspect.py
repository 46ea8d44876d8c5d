"""Inspection, and the problem.yaml that reads back as the same problem."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from umbel.data.films import films
from umbel.data.inspect import inspect_table
from umbel.data.outline import problem_yaml
from umbel.data.prepare import prepare
from umbel.data.problem import Problem
from umbel.errors import DataError

N = 400


@pytest.fixture
def table() -> pd.DataFrame:
    chance = np.random.default_rng(0)
    y = chance.normal(size=N)
    return pd.DataFrame(
        {
            "row": np.arange(N),
            "patient_nbr": np.repeat(np.arange(N // 2) * 3, 2),
            "no": chance.choice(["yes", "no", "on"], N),
            "age: years": chance.integers(20, 90, N),
            "copy #1": np.exp(y),
            "nearly": y + 0.05 * chance.normal(size=N),
            "flat": "x",
            "y": np.where(chance.random(N) < 0.5, np.nan, y),
            "null": chance.choice(["low", "high"], N),
        }
    )


def test_what_is_found(table: pd.DataFrame) -> None:
    found = inspect_table(table, ["y", "null"])
    assert found.rows == N
    assert found.column("flat").inferred.reason == "all known cells are the same"
    assert found.column("age: years").distinct <= 70
    assert found.column("y").missing == pytest.approx(0.5, abs=0.1)
    assert len(found.column("no").examples) == 3
    assert {(leak.column, leak.twin) for leak in found.leaks} == {("copy #1", True), ("nearly", False)}
    assert list(found.entities) == ["patient_nbr"]
    assert found.problem.entity == ["patient_nbr"]
    assert list(found.problem.inputs) == ["no", "age: years", "nearly"]
    assert [(c.name, c.kind) for c in found.candidates] == [("y", "regression"), ("null", "binary")]
    prepare(table, found.problem)  # umbel can start from it


@pytest.mark.parametrize("targets", [["y"], ["y", "null"], ["null"], None])
@pytest.mark.parametrize("by", [None, "no"])
def test_the_yaml_reads_back_as_the_problem(
    table: pd.DataFrame, targets: list[str] | None, by: str | None
) -> None:
    found = inspect_table(table, targets, by)
    text = problem_yaml(found)
    assert Problem.read(yaml.safe_load(text)) == found.problem
    assert "LIKELY LEAK" in text or "in other words" in text or targets is None or targets == ["null"]
    assert "counts the rows" in text
    assert text.count("\n") > 15


def test_without_targets_all_that_could_be_are_told(table: pd.DataFrame) -> None:
    found = inspect_table(table)
    assert {"y", "null", "no", "nearly"} <= {c.name for c in found.candidates}
    assert list(found.problem.targets) == ["null"]
    assert "could be targets" in problem_yaml(found)


def test_the_films_are_understood() -> None:
    table = films()
    found = inspect_table(table, ["genres", "certificate", "metacritic", "box_office"])
    types = {c.name: (c.inferred.type, c.inferred.separator) for c in found.columns}
    assert types["Title"] == ("text", None)
    assert types["Cast"] == types["Director"] == types["Production"] == ("set", ", ")
    assert types["Runtime"] == ("number", None)
    kinds = {c.name: c.kind for c in found.candidates}
    assert kinds["genres"] == "multilabel"
    assert kinds["box_office"] == "regression"
    assert Problem.read(yaml.safe_load(problem_yaml(found))) == found.problem
    assert not any(leak.twin for leak in found.leaks)


def test_repeated_rows_are_told_of() -> None:
    table = pd.DataFrame({"x": [0.5, 1.5, 2.5] * 20, "y": np.arange(60) / 7})
    assert "57 rows have the same inputs" in inspect_table(table, ["y"]).notes[0]


def test_bad_input(table: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="did you mean"):
        inspect_table(table, ["patient_nb"])
    with pytest.raises(DataError, match="no column 'sex'"):
        inspect_table(table, ["y"], by="sex")
    with pytest.raises(DataError, match="can be a target"):
        inspect_table(table[["row", "flat"]])
