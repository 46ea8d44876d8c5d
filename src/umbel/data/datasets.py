"""The tables that come with umbel or its extras, with their origin."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DATASETS", "Known"]


@dataclass(frozen=True)
class Known:
    """A table a user has without any download.

    :param name: what it is called.
    :param origin: where its rows are from.
    :param licence: as stated there.
    :param rows: number of rows.
    :param tasks: names of its tasks.
    :param open: how to open it, in Python.
    """

    name: str
    origin: str
    licence: str
    rows: int
    tasks: tuple[str, ...]
    open: str


DATASETS: list[Known] = [
    Known(
        name="films",
        origin="movies.db of bokeh-sampledata, from Wikidata",
        licence="package BSD-3-Clause, rows CC0-1.0",
        rows=17_472,
        tasks=(
            "genres",
            "certificate",
            "tomatometer",
            "critic_rating",
            "metacritic",
            "box_office",
            "oscars",
        ),
        open="umbel.data.films()  # extra: demo",
    )
]
"""All of them, for ``umbel data``."""
