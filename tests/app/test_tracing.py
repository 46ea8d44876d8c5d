"""`umbel tracing`: from a log to a report and a saved model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from umbel.app import tracing
from umbel.app.main import app
from umbel.families.tracing.estimator import KnowledgeTracer

QUICK = ["--model", "irt", "--quiet"]


def run(*words: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, list(words), catch_exceptions=False)
    return found.exit_code, found.stdout, found.stderr


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "class.csv"
    size = ["--students", "120", "--concepts", "3", "--questions", "4", "--steps", "15"]
    code, out, _ = run("tracing", "simulate", "--world", "chain", *size, "--out", str(path))
    assert code == 0
    assert "1,800 answers of 120 students" in out
    assert out.count("needs") == 2
    return path


@pytest.fixture(scope="module")
def fitted(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "class"
    code, out, err = run("tracing", "fit", str(log), "--separator", ";", *QUICK, "--out", str(folder))
    assert code == 0, err
    assert "on students it has not seen" in out
    return folder


def test_a_run_holds_all_that_was_found(fitted: Path) -> None:
    names = {path.name for path in fitted.iterdir()}
    assert names == {"config.yaml", "scores.csv", "log.jsonl", "report.html", "model"}
    scores = pd.read_csv(fitted / "scores.csv")
    assert set(scores["model"]) == {"irt", "running_rate", "pfa", "bkt"}
    page = (fitted / "report.html").read_text(encoding="utf-8")
    for title in (
        "Mastery",
        "Calibration",
        "Learning curves",
        "By answer number",
        "First and repeated attempts",
    ):
        assert title in page
    assert "not seen" in (fitted / "model" / "card.md").read_text(encoding="utf-8")


def test_a_saved_model_is_evaluated_and_forecasts(fitted: Path, log: Path, tmp_path: Path) -> None:
    code, out, _ = run("tracing", "evaluate", str(fitted), str(log), "--json", "--resamples", "20")
    assert code == 0
    rows = {row["metric"]: row["value"] for row in json.loads(out)}
    assert 0.5 < rows["auc"] < 1
    path = tmp_path / "forecasts.csv"
    assert run("tracing", "predict", str(fitted), str(log), "--out", str(path))[0] == 0
    found = pd.read_csv(path)
    assert list(found) == ["student", "question", "concepts", "correct", "probability"]
    stated = KnowledgeTracer.load(fitted / "model").predict(log)
    np.testing.assert_allclose(found["probability"], stated, rtol=1e-9)


def test_the_report_is_drawn_again(fitted: Path) -> None:
    before = (fitted / "report.html").read_text(encoding="utf-8")
    assert run("report", str(fitted))[0] == 0
    assert (fitted / "report.html").read_text(encoding="utf-8") == before


def test_a_model_of_another_family_is_not_mistaken(fitted: Path, log: Path) -> None:
    code, _, err = run("predict", str(fitted), str(log))
    assert code == 2
    assert "error:" in err


def test_what_is_missing_is_said() -> None:
    code, _, err = run("tracing", "fit")
    assert code == 2
    assert "--demo" in err
    code, _, err = run("tracing", "fit", "--demo", "--model", "rasch")
    assert code == 2
    assert "did you mean" in err
    code, _, err = run("tracing", "fit", "--demo", "--shares", "0.5,0.6,0.1")
    assert code == 2
    assert "sum to 1" in err


def test_a_configuration_says_the_same(log: Path, tmp_path: Path) -> None:
    config = tmp_path / "fit.yaml"
    config.write_text(f"data: ['{log}']\nmodel: pfa\nreading: {{separator: ;}}\nseed: 4\n", encoding="utf-8")
    folder = tmp_path / "run"
    code, _, err = run("tracing", "fit", "--config", str(config), "--quiet", "--out", str(folder))
    assert code == 0, err
    assert "model: pfa" in (folder / "config.yaml").read_text(encoding="utf-8")
    config.write_text("modle: pfa\n", encoding="utf-8")
    code, _, err = run("tracing", "fit", "--config", str(config))
    assert code == 2
    assert "did you mean 'model'" in err


def test_the_demo_reads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"students": 150, "concepts": 3, "questions": 4, "steps": 15}
    monkeypatch.setattr("umbel.app.tracing_fit.DEMO", tracing.DEMO | small)
    folder = tmp_path / "demo"
    code, out, err = run("tracing", "fit", "--demo", "--out", str(folder), "--model", "irt")
    assert code == 0, err
    assert "simulated class" in (folder / "report.html").read_text(encoding="utf-8")
    assert "irt" in out


def test_mastery_is_told_by_student_and_time(fitted: Path, log: Path, tmp_path: Path) -> None:
    path = tmp_path / "mastery.csv"
    words = ["--at", "0,5,15", "--out", str(path), "--report", "--quiet"]
    code, out, err = run("tracing", "mastery", str(fitted), str(log), *words)
    assert code == 0, err
    found = pd.read_csv(path)
    assert list(found) == ["student", "answers", "concept", "mastery", "low", "high"]
    assert len(found) == 120 * 3 * 3
    assert ((found["low"] <= found["mastery"]) & (found["mastery"] <= found["high"])).all()
    assert "over time" in path.with_suffix(".html").read_text(encoding="utf-8")
    student = str(found["student"][0])
    code, out, _ = run("tracing", "mastery", str(fitted), str(log), "--student", student, "--json", "--quiet")
    assert code == 0
    assert {row["student"] for row in json.loads(out)} == {student}
    code, _, err = run("tracing", "mastery", str(fitted), str(log), "--student", "nobody")
    assert code == 2
    assert "nobody" in err


def test_the_graph_is_written_and_drawn(fitted: Path, log: Path, tmp_path: Path) -> None:
    path, picture = tmp_path / "graph.graphml", tmp_path / "graph.svg"
    student = pd.read_csv(log)["student"][0]
    words = ["--out", str(path), "--picture", str(picture), "--student", str(student), "--quiet"]
    code, _, err = run("tracing", "graph", str(fitted), str(log), *words)
    assert code == 0, err
    assert "<graphml" in path.read_text(encoding="utf-8")
    assert "<svg" in picture.read_text(encoding="utf-8")
    code, out, _ = run("tracing", "graph", str(fitted), str(log), "--graph", str(path), "--json", "--quiet",
                       "--out", str(tmp_path / "again.graphml"))  # fmt: skip
    assert code == 0
    assert len(json.loads(out)["concepts"]) == 3


def test_what_next_is_recommended(fitted: Path, log: Path, tmp_path: Path) -> None:
    code, _, err = run("tracing", "recommend", str(fitted), str(log))
    assert code == 2  # irt follows no pool
    assert "pool" in err
    config = tmp_path / "fit.yaml"
    options = "options: {epochs: 1, width: 8, hidden: 8}"
    config.write_text(f"data: ['{log}']\nmodel: rasch_lstm\n{options}\nmembers: 2\n", encoding="utf-8")
    folder = tmp_path / "run"
    assert run("tracing", "fit", "--config", str(config), "--quiet", "--out", str(folder))[0] == 0
    assert len(KnowledgeTracer.load(folder / "model").members_) == 2
    path = tmp_path / "next.csv"
    words = ["--exercises", "2", "--horizon", "2", "--out", str(path), "--quiet"]
    code, _, err = run("tracing", "recommend", str(folder), str(log), *words)
    assert code == 0, err
    found = pd.read_csv(path)
    assert len(found) == 2 * 120
    assert {"student", "exercise", "concept", "question", "forecast", "gain"} <= set(found)
