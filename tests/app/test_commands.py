"""Every command on small tables, as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import umbel
import umbel.training.compare as compare_module
from umbel.app.main import app
from umbel.app.run import Run


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 pupils, a third of one answer missing."""
    random = np.random.default_rng(0)
    hours = random.uniform(0, 10, 200)
    frame = pd.DataFrame({"hours": hours, "club": random.choice(["chess", "none", "choir"], 200)})
    frame["score"] = 3 * hours + random.normal(size=200)
    frame["passed"] = np.where(hours + random.normal(size=200) > 5, "yes", "no")
    frame.loc[::3, "passed"] = None
    path = tmp_path_factory.mktemp("tables") / "pupils.csv"
    frame.to_csv(path, index=False)
    return path


def run(*arguments: object, fails: bool = False) -> Result:
    found = CliRunner().invoke(app, [str(a) for a in arguments], env={"NO_COLOR": "1"})
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert (found.exit_code != 0) is fails, found.stderr
    return found


@pytest.fixture(scope="module")
def fitted(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a fit."""
    out = tmp_path_factory.mktemp("runs") / "pupils"
    found = run("fit", table, "--targets", "score,passed", "--model", "linear", "--out", out)
    assert str(out / "model") in found.stdout
    return out


def test_fit_writes_a_run_without_a_checkpoint(fitted: Path) -> None:
    assert sorted(p.name for p in fitted.iterdir()) == ["config.yaml", "log.jsonl", "model", "report.html"]
    assert [e["event"] for e in Run(fitted).events()][-1] == "end"
    card = (fitted / "model" / "card.md").read_text(encoding="utf-8")
    assert "| score | regression |" in card
    assert "| hours | number |" in card


def test_predict_needs_no_targets(fitted: Path, table: Path, tmp_path: Path) -> None:
    new, out = tmp_path / "new.csv", tmp_path / "answers.csv"
    pd.read_csv(table)[["hours", "club"]].to_csv(new, index=False)
    run("predict", fitted, new, "--out", out, "--keep", "hours")
    answers = pd.read_csv(out)
    assert len(answers) == 200
    assert list(answers.columns[:2]) == ["hours", "score"]
    assert {"score_low", "score_high", "passed", "passed_probability"} <= set(answers.columns)
    rows = list(csv.DictReader(io.StringIO(run("predict", fitted / "model", new).stdout)))
    assert float(rows[0]["score"]) == pytest.approx(answers["score"][0])


def test_predict_to_parquet(fitted: Path, table: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs the extra 'tables'")
    run("predict", fitted, table, "--out", tmp_path / "answers.parquet")
    assert len(pd.read_parquet(tmp_path / "answers.parquet")) == 200


def test_predict_without_an_input_is_one_message(fitted: Path, table: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    pd.read_csv(table)[["club"]].rename(columns={"club": "clubb"}).to_csv(new, index=False)
    found = run("predict", fitted, new, "--out", tmp_path / "no.csv", fails=True)
    assert found.exit_code == 2
    assert found.stderr.startswith("error: ")
    assert not (tmp_path / "no.csv").exists()


def test_evaluate(fitted: Path, table: Path, tmp_path: Path) -> None:
    found = json.loads(
        run("evaluate", fitted, table, "--resamples", 60, "--json", "--out", tmp_path / "s.csv").stdout
    )
    by = {(row["task"], row["metric"]): row for row in found}
    assert by["score", "r2"]["value"] > 0.9
    assert by["passed", "auc"]["low"] <= by["passed", "auc"]["value"] <= by["passed", "auc"]["high"]
    with (tmp_path / "s.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(found)
    assert "r2" in run("evaluate", fitted, table, "--resamples", 60).stdout


def test_a_damaged_model_is_one_message(fitted: Path, table: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(fitted / "model", tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    found = run("predict", tmp_path / "model", table, fails=True)
    assert found.exit_code == 2
    assert "checksum" in found.stderr


def test_report_is_drawn_again(fitted: Path, tmp_path: Path) -> None:
    before = (fitted / "report.html").read_text(encoding="utf-8")
    run("report", fitted, "--out", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == before


def test_resume_needs_a_run_that_has_not_ended(fitted: Path, tmp_path: Path) -> None:
    assert "has no checkpoint" in run("fit", "--resume", "--out", fitted, fails=True).stderr
    assert "no config.yaml" in run("fit", "--resume", "--out", tmp_path, fails=True).stderr
    assert "no --out" in run("fit", "--resume", fails=True).stderr
    again = run("fit", "--resume", "--out", fitted, "--seed", 1, fails=True)
    assert "found:  seed" in again.stderr


def test_fit_without_a_table(tmp_path: Path) -> None:
    assert "needs a table" in run("fit", "--targets", "a", "--out", tmp_path, fails=True).stderr


def test_inspect_writes_a_problem_and_never_replaces_one(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "problem.yaml"
    found = run("inspect", table, "--targets", "score,passed", "--out", out)
    assert "200 rows, 4 columns" in found.stdout
    assert "33%" in found.stdout or "34%" in found.stdout
    assert f"umbel compare {table} --config {out}" in found.stdout
    before = out.read_text()
    assert "is there already" in run("inspect", table, "--out", out, fails=True).stderr
    assert out.read_text() == before
    found = run("inspect", table, "--targets", "score", "--out", out, "--force", "--json")
    assert list(json.loads(found.stdout)["problem"]["targets"]) == ["score"]


def test_compare_writes_all_and_says_it(
    table: Path, tmp_path: Path, fitted: Path, comparison: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from umbel.training.loading import load

    seen: list[Any] = []

    def fake(frame: pd.DataFrame, config: Any, *, note: Any) -> Any:
        seen.append((len(frame), config))
        note("joint")
        return replace(comparison, model=load(fitted / "model"))

    monkeypatch.setattr(compare_module, "compare", fake)
    out = tmp_path / "run"
    found = run("compare", table, "--targets", "score,passed", "--splits", 3, "--seed", 5, "--out", out)
    (rows, config), *_ = seen
    assert (rows, config.seed, config.compare.splits) == (200, 5, 3)
    assert "certificate" in found.stdout
    assert "loses" in found.stdout
    assert "Learn critic_rating and metacritic together" in found.stdout
    assert [line.split(" s  ")[1] for line in found.stderr.splitlines()] == [
        "joint",
        "the report",
        "compared",
    ]
    names = ["config.yaml", "log.jsonl", "model", "report.html", "scores.csv"]
    assert sorted(p.name for p in out.iterdir()) == names
    assert len(Run(out).read_scores()) == 28
    card = (out / "model" / "card.md").read_text(encoding="utf-8")
    assert "12,230 train" in card
    found = run("compare", table, "--targets", "score", "--quiet", "--json", "--out", out)
    assert found.stderr == ""
    assert len(json.loads(found.stdout)["scores"]) == 28
    assert "equal" in run("diff", out, out).stdout
    assert json.loads(run("diff", out, out, "--json").stdout)["config"] == {}


def test_a_broken_rule_writes_no_model(table: Path, tmp_path: Path) -> None:
    found = run("compare", table, "--targets", "scor", "--out", tmp_path / "run", fails=True)
    assert found.exit_code == 2
    assert "did you mean 'score'" in found.stderr
    assert not (tmp_path / "run" / "model").exists()


def test_methods_data_and_schema(tmp_path: Path) -> None:
    listed = json.loads(run("methods", "--json").stdout)
    assert {row["sort"] for row in listed} >= {"kind", "learner", "encoder", "balancer", "metric"}
    assert all(row["what"] and row["source"] for row in listed)
    assert "binary" in run("methods", "kind").stdout
    assert "did you mean 'kind'" in run("methods", "kindd", fails=True).stderr
    assert json.loads(run("data", "--json").stdout)[0]["rows"] == 17_472
    assert "did you mean 'films'" in run("data", "film", fails=True).stderr
    run("schema", "--out", tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text())["type"] == "object"


NET = """\
problem: {targets: [score, passed]}
model: {name: net, folds: 0, options: {epochs: 100000, patience: 100000, width: 8, depth: 1}}
"""


def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(table: Path, tmp_path: Path) -> None:
    config, out = tmp_path / "net.yaml", tmp_path / "run"
    config.write_text(NET)
    command = [sys.executable, "-m", "umbel", "fit", table, "-c", config, "--out", out]
    child = subprocess.Popen(
        [str(c) for c in command],
        stderr=subprocess.PIPE,
        text=True,
        # a suite that runs in the background is deaf to it, and so would its children be
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        end = time.monotonic() + 120
        while not list(out.glob("checkpoint/*/step*")) and time.monotonic() < end and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        told = child.communicate(timeout=60)[1]
    finally:  # never left behind to run for ever
        child.kill()
    assert child.returncode == 130
    assert f"the checkpoint is kept in '{out / 'checkpoint'}'" in told
    assert f"umbel fit --resume --out {out}" in told
    assert "Traceback" not in told
    assert not (out / "model").exists()


def test_two_processes_give_one_run_and_one_message(table: Path, tmp_path: Path) -> None:
    config, out = tmp_path / "net.yaml", tmp_path / "run"
    config.write_text(NET.replace("100000", "2"))
    command = [sys.executable, "-m", "umbel", "fit", table, "-c", config, "--processes", 2, "--quiet"]
    found = subprocess.run([str(c) for c in [*command, "--out", out]], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.count("model:") == 1
    assert (out / "model" / "model.json").is_file()
    config.write_text("problm: {}")
    found = subprocess.run([str(c) for c in [*command, "--out", out]], capture_output=True, text=True)
    assert found.returncode == 2
    assert found.stderr.count("error:") == 1


@pytest.mark.parametrize("command", ["fit", "compare"])
def test_sharing_and_balancing_are_options(command: str, table: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        "problem: {targets: [score, passed]}\n"
        "model: {name: net, folds: 0, options: {width: 8, depth: 2, epochs: 4}}\n",
        encoding="utf-8",
    )
    out = tmp_path / "run"
    methods = ["--sharing", "film", "--balancing", "upgrad", "--gradients", "parameters"]
    run(command, table, "-c", config, "--out", out, *methods, "--quiet")
    told = (out / "config.yaml").read_text(encoding="utf-8")
    for word in ("sharing: film", "balancing: upgrad", "gradients: parameters"):
        assert word in told
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Task gradients" in page
    assert "at the parameters that tasks share" in page
    assert "Weights of the balancer" in page
    again = umbel.load(out / "model")
    assert (again.sharing, again.balancing, again.gradients) == ("film", "upgrad", "parameters")
    assert again.learner_.options["balancing"] == "upgrad"


def test_methods_tell_what_a_balancer_needs_and_costs() -> None:
    rows = {row["name"]: row for row in json.loads(run("methods", "balancer", "--json").stdout)}
    assert rows["equal"]["needs"] == "nothing"
    assert rows["upgrad"]["needs"] == "gramian"
    assert rows["graddrop"]["gradients"] == "parameters"
    assert rows["famo"]["cost"] == "one more forward pass"
    assert all(row["source"] for row in rows.values())
