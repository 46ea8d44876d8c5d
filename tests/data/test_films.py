"""The embedded films, exactly as they are described."""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
import pytest

from umbel.data.datasets import DATASETS
from umbel.data.films import films, films_problem
from umbel.data.prepare import Prepared, prepare
from umbel.data.proof import check_entities
from umbel.errors import DataError

pytest.importorskip("bokeh_sampledata", reason="the films come with the extra 'demo'")

TASKS = ["genres", "certificate", "tomatometer", "critic_rating", "metacritic", "box_office", "oscars"]
SETS = ["Director", "Writer", "Cast", "Country", "Language", "Production"]
FORBIDDEN = ["Awards", "Reviews", "Fresh", "Rotten", "ID", "imdbID", "Released"]
SOURCES = ["Genre", "Rating", "Meter", "Metacritic", "BoxOffice", "Oscars"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    start = time.process_time()
    read = films()
    assert time.process_time() - start < 1.5
    return read


@pytest.fixture(scope="module")
def prepared(table: pd.DataFrame) -> Prepared:
    problem = films_problem()
    start = time.process_time()
    made = prepare(table, problem, seed=0)
    assert time.process_time() - start < 2
    return made


def test_rows_and_missing_shares(table: pd.DataFrame) -> None:
    assert len(table) == 17_472
    shares = table[TASKS].isna().mean()
    assert round(shares["certificate"], 2) == 0.85
    assert round(shares["metacritic"], 2) == 0.61
    assert round(shares["box_office"], 2) == 0.84
    assert shares["oscars"] == 0
    assert set(table["certificate"].dropna()) == {"G", "PG", "PG-13", "R", "NC-17"}
    assert table["box_office"].min() == 4
    assert table["tomatometer"].max() == 100
    assert table["critic_rating"].max() <= 10
    assert set(table["oscars"]) == {0, 1}


def test_no_column_tells_an_answer(table: pd.DataFrame, prepared: Prepared) -> None:
    names = set(table.columns)
    assert not names & {*FORBIDDEN, *SOURCES}
    inputs = prepared.dataset.schema.names
    assert not set(inputs) & {*FORBIDDEN, *SOURCES, *TASKS}
    assert {*inputs} == {
        *("Title", "Year", "Runtime"),
        *SETS,
        *(f"{name}_{what}" for name in SETS for what in ("size", "empty")),
    }


def test_sets_their_sizes_and_junior(table: pd.DataFrame) -> None:
    for name in SETS:
        assert table[name].notna().all()
        sizes = [len(cell.split(", ")) if cell else 0 for cell in table[name]]
        np.testing.assert_array_equal(table[f"{name}_size"], sizes)
        np.testing.assert_array_equal(table[f"{name}_empty"], (table[name] == "").astype(float))
        assert not table[name].str.contains(r", Jr\.").any()
    assert table["Cast"].str.contains(r"Sammy Davis Jr\.").any()


def test_tasks_and_types(table: pd.DataFrame, prepared: Prepared) -> None:
    tasks = prepared.dataset.tasks
    kinds = {t.name: t.kind.name for t in tasks.tasks}
    assert list(kinds) == TASKS
    assert kinds == {
        "genres": "multilabel",
        "certificate": "ordinal",
        **dict.fromkeys(["tomatometer", "critic_rating", "metacritic", "box_office"], "regression"),
        "oscars": "binary",
    }
    types = {c.name: c.type for c in prepared.dataset.schema.columns}
    assert types["Title"] == "text"
    assert {types[name] for name in SETS} == {"set"}


def test_genres_are_those_of_at_least_250_films(table: pd.DataFrame, prepared: Prepared) -> None:
    counts = table["genres"].dropna().str.split(", ").explode().value_counts()
    frequent = sorted(counts.index[counts >= 250])
    kind = prepared.dataset.tasks.target("genres").kind
    assert list(kind.options["labels"]) == frequent
    values, weights = prepared.dataset.values("genres"), prepared.dataset.weights("genres")
    assert values.shape == (17_472, len(frequent))
    known = table["genres"].notna().to_numpy()
    np.testing.assert_array_equal(weights[:, 0] > 0, known)  # also films of rare genres only are known
    for place, name in enumerate(frequent):
        has = table["genres"].fillna("").str.split(", ").map(lambda cell, n=name: n in cell)
        np.testing.assert_array_equal(values[known, place], has[known])


def test_one_film_is_on_one_side(table: pd.DataFrame, prepared: Prepared) -> None:
    side = np.full(len(table), -1)
    for number, name in enumerate(("train", "valid", "test")):
        side[getattr(prepared.split, name)] = number
    assert (side >= 0).all()
    assert (table.assign(side=side).groupby(["Title", "Year"])["side"].nunique() == 1).all()
    check_entities(prepared.split, prepared.dataset.entities)
    shares = np.bincount(side) / len(table)
    np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.005)


def test_by_time(table: pd.DataFrame) -> None:
    split = prepare(table, films_problem(by_time=True)).split
    years = table["Year"]
    assert years.iloc[split.train].max() < 2005
    assert years.iloc[split.valid].between(2005, 2007).all()
    assert years.iloc[split.test].min() >= 2008


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bokeh_sampledata", None)
    with pytest.raises(DataError, match=r"umbel\[demo\]"):
        films()


def test_what_is_told_of_them() -> None:
    assert DATASETS[0].rows == 17_472
    assert list(DATASETS[0].tasks) == TASKS
