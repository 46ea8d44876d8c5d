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


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (["--gap", "2d", "--horizon", "5d"], {"gap": "2d", "horizon": "5d"}),
        (["--horizon", "told"], {"horizon": "told"}),
        (
            ["--valid-from", "2020-09-01", "--test-from", "2020-12-01", "--gap", "1d"],
            {"valid_from": "2020-09-01", "test_from": "2020-12-01", "gap": "1d"},
        ),
    ],
)
def test_options_of_time_are_those_of_the_file(
    options: list[str], keys: dict[str, str], table: Path, tmp_path: Path
) -> None:
    timed = tmp_path / "timed.csv"
    frame = pd.read_csv(table)
    frame.assign(told=pd.to_datetime(frame["day"]) + pd.Timedelta(days=9)).to_csv(timed, index=False)
    config = tmp_path / "problem.yaml"
    split = {"how": "time", **keys}
    config.write_text(json.dumps({"targets": ["score"], "time": "day", "split": split}))
    by_option, by_file = tmp_path / "option.csv", tmp_path / "file.csv"
    basis = ["-t", "score", "--how", "time", "--time", "day", "--no-audit"]
    assert run(timed, *basis, *options, "--out", by_option).exit_code == 0
    assert run(timed, "--config", config, "--no-audit", "--out", by_file).exit_code == 0
    assert by_option.read_text() == by_file.read_text()
    assert len(by_option.read_text().splitlines()) < 481  # some rows are left out


def test_a_gap_in_numbers_is_the_same_from_either_door(table: Path, tmp_path: Path) -> None:
    config, out = tmp_path / "problem.yaml", tmp_path / "split.csv"
    config.write_text("targets: [score]\ntime: patient\nsplit: {how: time, gap: 3}\n")
    assert run(table, "-c", config, "--no-audit", "-o", out).exit_code == 0
    own = ["-t", "score", "--how", "time", "--time", "patient", "--gap", "3", "--no-audit"]
    found = run(table, *own, "-o", tmp_path / "own.csv")
    assert "by gap" in found.stdout
    assert (tmp_path / "own.csv").read_text() == out.read_text()


def test_help_tells_of_every_key() -> None:
    told = run("--help").stdout
    for option in ("gap", "horizon", "valid-from", "test-from", "difficulty", "test-rows"):
        assert f"--{option}" in told


def test_classes_are_named_where_the_balance_is_told(table: Path, tmp_path: Path) -> None:
    asked = ["-t", "score,ill", "--entity", "patient", "--how", "balanced", "--out", tmp_path / "split.csv"]
    found = run(table, *asked, "--no-audit")
    lines = [line.split() for line in found.stdout.splitlines()]
    named = {tuple(line[:2]) for line in lines if line[:1] in (["ill"], ["score"])}
    assert {("ill", "yes"), ("ill", "no"), ("ill", "(labelled)"), ("score", "quantile")} <= named
    told = json.loads(run(table, *asked, "--no-audit", "--json").stdout)
    table_ = pd.DataFrame(told["deviations"])
    assert set(table_.loc[table_["task"] == "ill", "class"]) == {"yes", "no", "(labelled)"}
    ill = pd.read_csv(table)["ill"] == "yes"
    sides = pd.read_csv(tmp_path / "split.csv")["side"]
    for line in told["deviations"]:
        if (line["task"], line["class"]) == ("ill", "yes"):
            assert line["reached"] == pytest.approx((sides[ill] == line["side"]).mean())


@pytest.mark.parametrize("test_rows", ["hard", "easy"])
def test_hard_rows_are_held_out_and_it_is_said(test_rows: str, table: Path, tmp_path: Path) -> None:
    out, asked = tmp_path / "split.csv", ["-t", "score", "--entity", "patient", "--no-audit", "--json"]
    by_column = [*asked, "--how", "difficulty", "--difficulty", "weight", "--test-rows", test_rows]
    found = run(table, *by_column, "--out", out)
    assert found.exit_code == 0, found.stderr
    (note,) = json.loads(found.stdout)["notes"]
    assert f"the test rows are the {test_rows} ones" in note
    assert "by the column 'weight'" in note
    frame = pd.read_csv(table)
    mean = frame["weight"].groupby(frame["patient"]).transform("mean").groupby(pd.read_csv(out)["side"])
    if test_rows == "hard":
        assert mean.min()["test"] > mean.max()["valid"] > mean.max()["train"]
    else:
        assert mean.max()["test"] < mean.min()["valid"] < mean.min()["train"]


def test_difficulty_by_the_loss_of_a_model(table: Path, tmp_path: Path) -> None:
    out, asked = tmp_path / "split.csv", ["-t", "score", "--entity", "patient", "--inputs", "weight"]
    found = run(table, *asked, "--how", "difficulty", "--out", out)
    assert found.exit_code == 0, found.stderr
    assert "by the loss of 'linear' on entities it has not seen" in found.stdout
    frame = pd.read_csv(table)
    score = frame["score"].groupby(frame["patient"]).transform("mean")
    far = (score - score.mean()).abs().groupby(pd.read_csv(out)["side"]).mean()
    assert far["test"] > 1.5 * far["train"]  # weight tells nothing: who is far from the mean is hard


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
        (["--gap", "3"], ["need how: time"]),
        (["--how", "time", "--time", "day", "--gap", "3"], ["gap: '3'", "with its unit", "7d"]),
        (["--how", "time", "--time", "day", "--gap", "7 moons"], ["gap: '7 moons'", "7d"]),
        (["--how", "time", "--time", "day", "--horizon", "patent"], ["'patent'", "or a column", "'patient'"]),
        (["--how", "time", "--time", "patient", "--horizon", "much"], ["a number >= 0", "'much'"]),
        (["--how", "time", "--time", "day", "--valid-from", "2020-05-01"], ["given together"]),
        (["--difficulty", "weight"], ["need how: difficulty"]),
        (["--how", "dificulty"], ["did you mean 'difficulty'"]),
        (["--how", "difficulty", "--test-rows", "herd"], ["did you mean 'hard'"]),
        (["--how", "difficulty", "--difficulty", "wieght"], ["'wieght'", "did you mean 'weight'"]),
        (["--how", "difficulty", "--difficulty", "site"], ["'site'", "numbers only"]),
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
