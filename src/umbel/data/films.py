"""The embedded films: 17,472 films from Wikidata, seven tasks, most labels missing."""

from __future__ import annotations

import functools
import sqlite3
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from umbel.data.problem import Problem
from umbel.errors import DataError

__all__ = ["films", "films_problem"]

SETS = ("Director", "Writer", "Cast", "Country", "Language", "Production")
SEPARATOR = ", "
GRADES = ["G", "PG", "PG-13", "R", "NC-17"]
OLD_GRADES = {"M": "PG", "GP": "PG", "M/PG": "PG", "X": "NC-17"}
FREQUENT = 250
"""A genre is a label when at least so many films have it."""
QUERY = """
select o.Title, o.Year, o.Runtime, o.Director, o.Writer, o."Cast", o.Country, o.Language, t.Production,
       o.Genre as genres, o.Rating as certificate, t.Meter as tomatometer, t.Rating as critic_rating,
       o.Metacritic as metacritic, t.BoxOffice as box_office, o.Oscars as oscars
from omdb o join tomatoes t on o.ID = t.ID
order by o.ID
"""
# never asked for, because they tell an answer: Awards, Reviews, Fresh, Rotten, ID, imdbID, Released


def _database() -> Path:
    """Where the films are."""
    try:
        folder = resources.files("bokeh_sampledata")
    except ModuleNotFoundError:
        folder = None
    path = Path(str(folder)) / "_data" / "movies.db" if folder is not None else None
    if path is None or not path.is_file():
        raise DataError(
            "the embedded films come with the extra 'demo'",
            found="no package bokeh_sampledata with movies.db",
            remedy="pip install 'umbel[demo]'",
        )
    return path


def _select(query: str) -> pd.DataFrame:
    connection = sqlite3.connect(f"{_database().as_uri()}?mode=ro", uri=True)
    try:
        return pd.read_sql(query, connection)
    finally:
        connection.close()


@functools.cache
def _frequent_genres() -> tuple[str, ...]:
    """The genres of at least ``FREQUENT`` films, sorted."""
    cells = _select("select Genre from omdb")["Genre"].fillna("")
    counts = cells.str.split(SEPARATOR).explode().value_counts()
    return tuple(sorted(str(name) for name, count in counts.items() if name and count >= FREQUENT))


def films() -> pd.DataFrame:
    """The embedded films: inputs and answers, and no column that tells an answer.

    Inputs: Title; Director, Writer, Cast, Country, Language, Production (names separated by ``", "``,
    "Jr." kept to its name, empty where missing) with the size of each set and whether it is empty; Year;
    Runtime. Answers: genres, certificate (G < PG < PG-13 < R < NC-17), tomatometer, critic_rating,
    metacritic, box_office (log10 of dollars, clipped below at 10,000), oscars (any).

    :returns: 17,472 rows.
    :raises DataError: the extra ``demo`` is not installed.

    Source: movies.db of bokeh-sampledata (BSD-3-Clause), its content from Wikidata (CC0-1.0).

    >>> len(films())
    17472
    """
    raw = _select(QUERY)
    table = raw[["Title", "Year", "Runtime"]].copy()
    for name in SETS:
        # a name's own comma would cut it in two: "Sammy Davis, Jr." is one name
        table[name] = raw[name].fillna("").str.replace(", Jr.", " Jr.", regex=False)
    for name in SETS:
        size = table[name].str.count(SEPARATOR) + (table[name] != "")
        table[f"{name}_size"] = size.astype(np.float32)
        table[f"{name}_empty"] = (size == 0).astype(np.float32)
    table["genres"] = raw["genres"].where(raw["genres"].fillna("") != "")
    certificate = raw["certificate"].replace(OLD_GRADES)
    table["certificate"] = certificate.where(certificate.isin(GRADES))
    for name in ("tomatometer", "critic_rating", "metacritic"):
        table[name] = raw[name].astype(np.float64)
    table["box_office"] = np.log10(raw["box_office"].clip(lower=1e4))
    table["oscars"] = (raw["oscars"] > 0).astype(np.int64)
    return table


def films_problem(*, by_time: bool = False) -> Problem:
    """The problem of the embedded films: seven tasks, one entity = same title and year.

    :param by_time: training before 2005, validation 2005 to 2007, test from 2008; else 70/10/20 at random.
    :raises DataError: the extra ``demo`` is not installed.
    """
    numbers = ["Year", "Runtime", *(f"{name}_{what}" for name in SETS for what in ("size", "empty"))]
    split = {"how": "time", "valid_from": 2005, "test_from": 2008} if by_time else {}
    return Problem.of(
        {
            "genres": {"kind": "multilabel", "separator": SEPARATOR, "labels": list(_frequent_genres())},
            "certificate": {"kind": "ordinal", "order": GRADES},
            "tomatometer": "regression",
            "critic_rating": "regression",
            "metacritic": "regression",
            "box_office": "regression",
            "oscars": "binary",
        },
        inputs={
            "Title": "text",
            **{name: {"type": "set", "separator": SEPARATOR} for name in SETS},
            **dict.fromkeys(numbers, "number"),
        },
        entity=["Title", "Year"],
        time="Year",
        split=split,
        notes=[
            "Set sizes and missing cells carry much of box_office: a film with takings on record has a "
            "fuller entry. The model fills in a value for such an entry; it does not forecast takings.",
        ],
    )
