"""``umbel split``: made, audited, refused where it leaks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from umbel.app.main import app
from umbel.app.sides import read_sides
from umbel.data.entities import find_entities
from umbel.data.problem import Problem
from umbel.data.splitting import split_rows


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 patients with 12 visits each, who are alike at each of them; two sites."""
    random = np.random.default_rng(0)
    who = np.repeat(np.arange(40), 12)
    weight = random.normal(70, 12, 40)[who] + random.normal(0, 0.5, 480)
    frame = pd.DataFrame({"patient": who, "site": np.where(who < 10, "north", "south"), "weight": weight})
    frame["day"] = pd.date_range("2020-01-01", periods=480).astype(str)
    frame["score"] = random.normal(0, 1, 40)[who] + 0.1 * random.normal(size=480)
    frame["ill"] = np.where(random.random(40)[who] < 0.4, "yes", "no")
    frame.loc[::5, "score"] = np.nan
    path = tmp_path_factory.mktemp("tables") / "visits.csv"
    frame.to_csv(path, index=False)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["split", *(str(a) for a in arguments)], env={"NO_COLOR": "1"})


def test_rows_at_random_are_refused_and_the_patient_is_named(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "split.csv"
    found = run(table, "-t", "score,ill", "--out", out)
    assert found.exit_code == 2
    assert "'patient' looks like an identity" in found.stderr
    assert "remedy:" in found.stderr
    assert not out.exists()


@pytest.mark.parametrize("how", ["random", "balanced"])
def test_a_split_by_patient_passes_and_is_written(how: str, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "split.csv"
    found = run(table, "-t", "score,ill", "--entity", "patient", "--how", how, "--out", out, "--json")
    assert found.exit_code == 0, found.stderr
    told = json.loads(found.stdout)
    assert {f["check"]: f["severity"] for f in told["audit"]["findings"]}["entities"] == "passed"
    frame, sides = pd.read_csv(table), pd.read_csv(out)
    assert sides["row"].tolist() == list(range(480))
    assert frame.assign(side=sides["side"]).groupby("patient")["side"].nunique().max() == 1
    assert read_sides(out, 480).sizes == told["rows"]
    again = run(table, "-t", "score,ill", "--entity", "patient", "--sides", out, "--quiet")
    assert again.exit_code == 0, again.stderr


def test_sabotage_is_found(table: Path, tmp_path: Path) -> None:
    out, bad = tmp_path / "split.csv", tmp_path / "bad.csv"
    assert run(table, "-t", "score,ill", "--entity", "patient", "--out", out, "-q").exit_code == 0
    sides = pd.read_csv(out)
    sides.loc[3, "side"] = "test" if sides.loc[3, "side"] != "test" else "train"
    sides.to_csv(bad, index=False)
    found = run(table, "-t", "score,ill", "--entity", "patient", "--sides", bad)
    assert found.exit_code == 2
    assert "'patient'" in found.stderr


def test_a_site_is_held_out_whole(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "split.csv"
    options = ["--how", "situation", "--situation", "site", "--shares", "0.5,0,0.5", "--ordinary", "day"]
    found = run(table, "-t", "score,ill", "--entity", "patient", *options, "--out", out, "-q")
    assert found.exit_code == 0, found.stderr
    sides = pd.read_csv(out)["side"]
    assert pd.crosstab(pd.read_csv(table)["site"], sides).gt(0).sum(axis=1).tolist() == [1, 1]


def test_time_with_a_horizon_keeps_late_labels_out(table: Path) -> None:
    frame = pd.read_csv(table)
    split = {"how": "time", "shares": [0.6, 0.2, 0.2], "gap": "2d", "horizon": "5d"}
    problem = Problem.of("score", time="day", split=split)
    found = split_rows(frame, problem, find_entities(frame, problem))
    days = pd.to_datetime(frame["day"])
    for early, late in ((found.train, found.valid), (found.valid, found.test)):
        assert days.iloc[early].max() + pd.Timedelta("7D") < days.iloc[late].min()
    assert sum(found.sizes.values()) < len(frame)


def test_groups_and_duplicates_hang_together() -> None:
    frame = pd.DataFrame(
        {"a": [1, 1, 2, 3, 4], "b": ["x", "y", "y", "z", "w"], "t": ["Q", "R", "S", "q ", "V"]}
    )
    both = Problem.of("y", group=["a", "b"], inputs=["t"], duplicates="rows")
    assert find_entities(frame, both).tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--group", "sight"], ["'sight'", "did you mean", "'site'"]),
        (["--shares", "0.9,0.9,0.1"], ["sum to 1"]),
        (["--shares", "much"], ["'much'"]),
        (["--how", "time", "--time", "site"], ["time", "'north'"]),
        (["--how", "situation"], ["the key 'situation'"]),
        (["--how", "balanced", "--shares", "0.98,0.01,0.01", "--entity", "site"], ["side"]),
    ],
)
def test_what_cannot_be_split_is_told(
    options: list[str], parts: list[str], table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "split.csv"
    found = run(table, "-t", "score,ill", *options, "--out", out)
    assert found.exit_code == 2
    assert found.stderr.startswith("error: ")
    for part in parts:
        assert part in found.stderr
    assert not out.exists()
