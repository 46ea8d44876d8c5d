"""A table that is larger than memory at the command line: fitted with test scores, predicted in pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from umbel.app.config import config_text, read_config
from umbel.app.main import app
from umbel.app.run import Run
from umbel.training.config import StreamConfig
from umbel.training.files import replace_file

pytest.importorskip("pyarrow", reason="Parquet needs the extra 'tables'")

ROWS = 1200
YAML = """\
problem: {targets: [score, passed], entity: pupil}
stream: true
model: {options: {width: 8, epochs: 3, batch_size: 64, dropout: 0.0, lr: 0.01}}
"""


def run(*arguments: object, fails: bool = False) -> Result:
    found = CliRunner().invoke(app, [str(a) for a in arguments], env={"NO_COLOR": "1"})
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert (found.exit_code != 0) is fails, found.stderr
    return found


def pupils() -> pd.DataFrame:
    chance = np.random.default_rng(0)
    hours = chance.uniform(0, 10, ROWS)
    return pd.DataFrame(
        {
            "pupil": [f"p{k}" for k in chance.integers(0, 500, ROWS)],
            "hours": hours,
            "club": pd.Series(chance.choice(["chess", "choir"], ROWS)).mask(chance.random(ROWS) < 0.9),
            "score": 3 * hours + chance.normal(size=ROWS),
            "passed": np.where(hours + chance.normal(size=ROWS) > 5, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,200 pupils in row groups of 100."""
    path = tmp_path_factory.mktemp("tables") / "pupils.parquet"
    pupils().to_parquet(path, row_group_size=100)
    return path


@pytest.fixture(scope="module")
def fitted(table: Path) -> Path:
    """The run of a streamed fit."""
    out = table.parent / "run"
    config = table.parent / "config.yaml"
    config.write_text(YAML, encoding="utf-8")
    said = run("fit", table, "--config", config, "--out", out)
    assert "training rows" in said.stderr
    assert "net" in said.stdout
    return out


def test_a_streamed_fit_writes_test_scores_beside_those_of_its_baselines(fitted: Path) -> None:
    scores = pd.DataFrame(Run(fitted).read_scores()).set_index(["task", "model"])
    assert set(scores.index) == {(t, m) for t in ("score", "passed") for m in ("linear", "constant", "net")}
    assert scores.loc[("score", "net"), "value"] > 0.8
    assert scores.loc[("score", "constant"), "verdict"] == "loses"
    page = (fitted / "report.html").read_text(encoding="utf-8")
    assert "read from the file some row groups at a time" in page
    card = (fitted / "model" / "card.md").read_text(encoding="utf-8")
    assert "a hash of pupil" in card
    assert "| score | r2 |" in card
    assert not (fitted / "checkpoint").exists()


def test_the_test_rows_alone_are_evaluated(fitted: Path, table: Path, tmp_path: Path) -> None:
    run("evaluate", fitted, table, "--test", "--resamples", 60, "--out", tmp_path / "test.csv")
    again = pd.read_csv(tmp_path / "test.csv").set_index(["task", "metric"])["value"]
    first = pd.DataFrame(Run(fitted).read_scores()).query("model == 'net'")
    for row in first.itertuples():
        assert again[(row.task, row.metric)] == pytest.approx(row.value, rel=1e-4)


@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
def test_pieces_are_the_same_as_the_whole(
    name: str, fitted: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    whole, parts = tmp_path / name, tmp_path / f"parts-{name}"
    run("predict", fitted, table, "--out", whole, "--keep", "pupil,club,score")
    monkeypatch.setattr("umbel.training.pieces.PIECE", 170)

    def never(*args: object, **options: object) -> None:
        raise AssertionError("the table is read as a whole")

    monkeypatch.setattr("umbel.data.read.read_table", never)
    run("predict", fitted, table, "--out", parts, "--keep", "pupil,club,score")
    one, two = read(whole), read(parts)
    assert list(two.columns[:4]) == ["pupil", "club", "score_given", "score"]
    pd.testing.assert_frame_equal(one, two, rtol=1e-5, atol=1e-4)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([whole.name, parts.name])


def test_a_file_in_pieces_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("before", encoding="utf-8")

    def half() -> None:
        with replace_file(path) as scratch:
            scratch.write_text("half", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert path.read_text(encoding="utf-8") == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_a_comparison_does_not_stream(fitted: Path, table: Path) -> None:
    said = run(
        "compare",
        table,
        "--config",
        table.parent / "config.yaml",
        "--out",
        table.parent / "refused",
        fails=True,
    )
    assert "a comparison holds its table" in said.stderr


def test_the_configuration_says_true_false_or_the_options(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    asked = [("true", StreamConfig()), ("false", None), ("{sample: 7}", StreamConfig(sample=7))]
    for text, wanted in asked:
        path.write_text(f"problem: {{targets: [a]}}\nstream: {text}\n", encoding="utf-8")
        config = read_config(path, {})
        assert config.stream == wanted
        path.write_text(config_text(config), encoding="utf-8")
        assert read_config(path, {}) == config
    assert read_config(None, {"problem.targets": ["a"], "stream": True}).stream == StreamConfig()
