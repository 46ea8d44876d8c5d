"""Tables arranged for reading."""

from __future__ import annotations

from umbel.app.report.tables import Cell, arrange, score_grid
from umbel.judging.section import TableData


def test_verdicts_stand_beside_their_task_and_intervals_below_their_gain() -> None:
    table = TableData(
        ["task", "metric", "test rows", "joint", "gain", "95 % interval", "verdict"],
        [
            ["a", "R2", 120, "0.61", "+0.02", "[+0.01, +0.03]", "gains"],
            ["b", "R2", 65, "-", "-", "", "undefined: one class"],
        ],
        "caption",
    )
    grid = arrange(table)
    assert grid.columns == ["task", "verdict", "gain", "test rows", "joint"]
    assert grid.rows[0][:3] == [
        Cell("a", "R2"),
        Cell("▲ gains", "", "gains"),
        Cell("+0.02", "[+0.01, +0.03]"),
    ]
    assert grid.numeric == [False, False, True, True, True]
    assert grid.rows[1][1] == Cell("undefined: one class")
    assert grid.caption == "caption"


def test_a_plain_table_stays_as_it_is() -> None:
    grid = arrange(TableData(["true", "no", "yes"], [["no", 53, 12], ["yes", None, 1500]]))
    assert grid.columns == ["true", "no", "yes"]
    assert [[c.text for c in row] for row in grid.rows] == [["no", "53", "12"], ["yes", "", "1,500"]]
    assert grid.numeric == [False, True, True]


def test_the_best_is_marked_by_the_gains_not_by_the_size() -> None:
    rows = [
        {"task": "t", "metric": "rmse", "model": "independent", "value": 2.0, "gain": None, "verdict": ""},
        {"task": "t", "metric": "rmse", "model": "joint", "value": 1.5, "gain": 0.5, "verdict": "gains"},
        {"task": "u", "metric": "rmse", "model": "independent", "value": 1.0, "gain": None, "verdict": ""},
        {"task": "u", "metric": "rmse", "model": "joint", "value": 1.2, "gain": -0.2, "verdict": "loses"},
    ]
    grid = score_grid(rows)
    assert [[c.style for c in row[1:]] for row in grid.rows] == [["", "best"], ["best", ""]]


def test_a_missing_or_undefined_score() -> None:
    rows = [
        {"task": "t", "metric": "auc", "model": "a", "value": None, "low": None, "high": None},
        {"task": "u", "metric": "auc", "model": "b", "value": 0.5, "low": 0.25, "high": 0.75},
    ]
    grid = score_grid(rows)
    assert [c.text for c in grid.rows[0]] == ["t", "undefined", ""]
    assert grid.rows[1][2] == Cell("0.500", "0.250 to 0.750")
