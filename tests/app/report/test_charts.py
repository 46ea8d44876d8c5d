"""Drawings: every kind of figure, hostile data, labels that do not touch."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.app.report.charts import chart
from umbel.app.report.drawing import shorten, spread
from umbel.app.report.words import describe
from umbel.judging.section import Figure, Series

NAN = float("nan")

FIGURES = [
    Figure("lines", "one point", [Series("a", [1], [0.5])]),
    Figure("lines", "labels", [Series("a", ["x", "y"], [0.5, 0.6]), Series("b", ["y"], [0.1])]),
    Figure("lines", "undefined", [Series("a", [1, 2, 3], [NAN, 1.0, NAN]), Series("b", [1], [NAN])]),
    Figure("lines", "band", [Series("a", [1, 2], [1.0, 2.0], [0.5, 1.5], [1.5, 2.5])]),
    Figure("lines", "all equal", [Series(str(i), [1, 2], [1.0, 1.0]) for i in range(9)]),
    Figure("intervals", "plain", [Series("m", ["a", "b"], [0.1, NAN], [0.0, NAN], [0.2, NAN])]),
    Figure("intervals", "no ends", [Series("m", ["a"], [0.1])]),
    Figure("intervals", "two", [Series("m", ["a"], [0.1], [0.0], [0.2]), Series("n", ["b"], [0.1])]),
    Figure("bars", "plain", [Series("", ["a", "b"], [1.0, 2000.0])]),
    Figure("bars", "negative", [Series("m", ["a"], [-1.0]), Series("n", ["a"], [0.0])]),
    Figure("heat", "small", matrix=np.array([[1.0, NAN], [-0.5, 0.0]]), labels=(["a", "b"], ["c", "d"])),
    Figure("heat", "unlabelled", matrix=np.zeros((3, 2))),
    Figure("heat", "large", matrix=np.linspace(-1, 1, 60 * 50).reshape(60, 50)),
    Figure("calibration", "plain", [Series("m", [0.1, 0.9], [0.2, 0.8], [0.1, 0.7], [0.3, 0.9])]),
    Figure("lines", "not $x^2$ & <b>", [Series("$\\frac{$", [1, 2], [1.0, 2.0])], x_label="$", y_label="_"),
]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda f: f"{f.kind}-{f.title}")
def test_every_figure_is_drawn_and_told(figure: Figure) -> None:
    svg = chart(figure, "k")
    root = ElementTree.fromstring(svg)
    assert root.tag == "svg"
    assert root.get("viewBox", "").startswith("0 0 360")
    assert figure.title in describe(figure)
    assert "nan" not in describe(figure)


@pytest.mark.parametrize(
    "figure",
    [
        Figure("bars", "none"),
        Figure("lines", "none", [Series("a", [], [])]),
        Figure("heat", "none", matrix=np.zeros((0, 0))),
    ],
)
def test_a_figure_without_data_is_not_drawn(figure: Figure) -> None:
    assert chart(figure, "k") == ""


def test_a_drawing_is_the_same_every_time() -> None:
    assert chart(FIGURES[3], "k") == chart(FIGURES[3], "k")


def test_words_of_a_map_name_its_strongest_cell_off_the_diagonal() -> None:
    matrix = np.array([[1.0, 0.2, -0.7], [0.2, 1.0, 0.1], [-0.7, 0.1, 1.0]])
    words = describe(Figure("heat", "t", matrix=matrix, labels=(["a", "b", "c"],) * 2))
    assert "strongest at a and c: -0.700" in words


@settings(deadline=None, max_examples=100)
@given(
    positions=st.lists(st.floats(-2, 3), max_size=8),
    gap=st.floats(0.01, 0.12),
)
def test_labels_stay_apart_inside_and_in_order(positions: list[float], gap: float) -> None:
    placed = spread(positions, gap, 0.0, 1.0)
    assert len(placed) == len(positions)
    ordered = sorted(placed)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(ordered))
    assert all(-1e-9 <= p <= 1 + 1e-9 for p in placed)
    order = np.argsort(positions, kind="stable")
    assert list(np.array(placed)[order]) == ordered


def test_labels_with_room_do_not_move() -> None:
    assert spread([0.1, 0.9, 0.5], 0.1, 0.0, 1.0) == [0.1, 0.9, 0.5]


@given(text=st.text(max_size=40), limit=st.integers(3, 30))
def test_a_short_name_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or "…" in short
