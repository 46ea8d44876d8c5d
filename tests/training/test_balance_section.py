"""The balance of a split in the report: classes by their names, the farthest kept, pages that are drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from umbel.app.report.content import Report, report_of
from umbel.app.report.page import render
from umbel.data.entities import find_entities
from umbel.data.problem import Problem
from umbel.data.splitting import split_rows
from umbel.training.balance_section import MOST, balance_section, balance_table
from umbel.training.compare import compare
from umbel.training.config import Config
from umbel.training.difficulty import make_ready


def table(rows: int = 120) -> pd.DataFrame:
    chance = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": chance.normal(size=rows),
            "colour": chance.choice(["<red>", "green", "7"], rows),
            "tags": [", ".join(t for t in "pq" if chance.random() < 0.5) or None for _ in range(rows)],
            "height": chance.normal(size=rows),
            "school": chance.choice(["Abbey", "Birch"], rows),
        }
    )


def test_classes_labels_and_quantiles_have_their_names() -> None:
    kinds = {
        "colour": "multiclass",
        "tags": {"kind": "multilabel", "separator": ", "},
        "height": "regression",
    }
    frame, problem = table(), Problem.of(kinds, split={"how": "balanced"})
    split = split_rows(frame, problem, find_entities(frame, problem))
    (section,) = balance_section(split)
    (found,) = section.tables
    told = {(row[0], row[1]) for row in found.rows}
    assert {("colour", c) for c in ("<red>", "green", "7", "(labelled)")} <= told
    assert {("tags", "p"), ("tags", "q"), ("height", "quantile 1"), ("height", "quantile 4")} <= told
    assert found.columns == [
        "task",
        "class",
        "entities",
        "train (0.7)",
        "valid (0.1)",
        "test (0.2)",
        "deviation",
    ]
    red = (frame["colour"] == "<red>").to_numpy()
    (line,) = [row for row in found.rows if row[1] == "<red>"]
    assert line[2] == red.sum()
    assert line[5] == round(float(np.isin(np.flatnonzero(red), split.test).mean()), 3)
    assert "balanced within" in section.text[0]
    page = render(Report("pupils", sections=[section]))
    assert "&lt;red&gt;" in page
    assert "<td>green</td>" in page.replace("\n", "")


def test_groups_have_their_names() -> None:
    problem = Problem.of("height", by="school", inputs=["x"], split={"how": "balanced"})
    split = make_ready(table(), problem).split
    assert split.balance is not None
    groups = split.balance.query("task == '(groups)'")
    assert set(groups["class"]) == {"Abbey", "Birch"}


def test_a_long_table_keeps_the_farthest() -> None:
    frame = pd.DataFrame({"c": np.arange(300) % 60, "x": 0.0})
    problem = Problem.of({"c": "multiclass"}, split={"how": "balanced"})
    split = split_rows(frame, problem, np.arange(300) // 2)
    assert split.balance is not None
    found = balance_table(split.balance)
    whole = balance_table(split.balance, most=1000)
    assert (len(found.rows), len(whole.rows)) == (MOST, 61)
    assert min(row[-1] for row in found.rows) >= sorted(row[-1] for row in whole.rows)[61 - MOST]
    assert "The 21 nearer to the wish are left out" in found.caption


def test_a_comparison_shows_it() -> None:
    config = Config.read(
        {
            "problem": {"targets": ["height", "colour"], "inputs": ["x"], "split": {"how": "balanced"}},
            "model": {"name": "forest", "folds": 0},
            "compare": {"resamples": 50, "baselines": ["constant"], "ensembles": [], "audit": False},
        }
    )
    page = render(report_of(compare(table(), config), title="pupils"))
    assert "Balance of the split" in page
    assert "<td>green</td>" in page


def test_other_splits_have_none() -> None:
    frame, problem = table(), Problem.of("height")
    assert balance_section(split_rows(frame, problem, np.arange(len(frame)))) == []
