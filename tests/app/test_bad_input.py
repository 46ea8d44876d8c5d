"""What users get wrong, at the real doors: one message with rule, found and remedy; nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from umbel.app.main import app
from umbel.errors import ConfigError, DataError, DiskError, KindError, ModelFileError, UmbelError
from umbel.training.estimator import MultiTask
from umbel.training.loading import load

Change = Callable[[pd.DataFrame], pd.DataFrame]


def good(rows: int = 80) -> pd.DataFrame:
    """Two inputs of numbers, one of levels; targets of several kinds."""
    chance = np.random.default_rng(0)
    x = chance.normal(size=rows)
    return pd.DataFrame(
        {
            "hours": x.round(4),
            "age": chance.normal(size=rows).round(4),
            "club": chance.choice(["chess", "choir", "none"], rows),
            "score": (2 * x + chance.normal(size=rows)).round(3),
            "grade": chance.choice(["A", "B", "C"], rows),
            "visits": chance.poisson(2, rows),
            "passed": np.where(x + chance.normal(size=rows) > 0, "yes", "no"),
        }
    )


def run(*arguments: object) -> Result:
    """A command in this process; what was not foreseen is raised."""
    found = CliRunner().invoke(app, [str(a) for a in arguments], env={"NO_COLOR": "1", "COLUMNS": "200"})
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def refused(found: Result, *parts: str) -> str:
    """The one message of a command that ended with 2."""
    assert (found.exit_code, found.stdout) == (2, ""), found.stdout
    rule, what, remedy = found.stderr.rstrip("\n").split("\n")
    assert rule.startswith("error: ")
    assert len(rule) > 20
    assert what.startswith("  found:  ")
    assert remedy.startswith("  remedy: ")
    assert "Traceback" not in found.stderr
    for part in parts:
        assert part in found.stderr
    return found.stderr


def nothing_half(out: Path) -> None:
    """Neither a model nor a temporary file is there."""
    names = [p.name for p in out.rglob("*")] if out.exists() else []
    assert [n for n in names if n.startswith((".", "model")) or n == "report.html"] == []


def written(place: Path, frame: pd.DataFrame) -> Path:
    """The table as a file."""
    frame.to_csv(place / "table.csv", index=False)
    return place / "table.csv"


def put(column: str, value: Any, row: int | slice = slice(None)) -> Change:
    """A change of cells."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        return frame

    return change


def as_is(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


TABLES: list[tuple[str, Change, dict[str, Any], type[UmbelError], tuple[str, ...]]] = [
    ("no such target", as_is, {"targets": ["score", "grad"]}, DataError, ("'grad'", "did you mean 'grade'")),
    ("target constant", put("score", 1.5), {"targets": ["score"]}, KindError, ("constant", "'score'")),
    ("target all missing", put("score", None), {"targets": ["score"]}, KindError, ("every cell is missing",)),
    (
        "kind asks for numbers",
        put("score", "much", 3),
        {"targets": {"score": "regression"}},
        KindError,
        ("column 'score': row 3 is 'much'", "kind"),
    ),
    (
        "kind asks for two values",
        as_is,
        {"targets": {"grade": "binary"}},
        KindError,
        ("column 'grade'", "3 values", "multiclass"),
    ),
    (
        "counts below zero",
        put("visits", -1, 7),
        {"targets": {"visits": "count"}},
        KindError,
        ("column 'visits': row 7 is -1", "regression"),
    ),
    (
        "grades without an order",
        as_is,
        {"targets": {"grade": "ordinal"}},
        KindError,
        ("grades", "order: [low"),
    ),
    (
        "class in validation alone",
        lambda f: f.assign(grade=["A", "B"] * (len(f) // 2 - 1) + ["D", "E"]),
        {"targets": {"grade": "multiclass"}, "valid": 0.5, "entity": ["visits"]},
        KindError,
        ("classes of the training rows", "row 7", "others: missing"),
    ),
    ("infinite input", put("hours", np.inf, 5), {}, DataError, ("finite", "column 'hours', row 5", "inf")),
    ("infinite target", put("score", -np.inf, 5), {}, KindError, ("finite", "column 'score': row 5 is -inf")),
    ("too large to square", put("hours", 1e200, 5), {}, DataError, ("'hours', row 5", "other units")),
    ("an empty table", lambda f: f.iloc[:0], {}, DataError, ("at least one row", "0 rows, 7 columns")),
    ("one row", lambda f: f.iloc[:1], {}, DataError, ("each side of the split", "give more rows")),
    ("no input left", lambda f: f[["score", "passed"]], {}, DataError, ("must be an input", "is asked")),
    ("inputs are constant", lambda f: f[["score", "passed"]].assign(x=1), {}, DataError, ("'x': all known",)),
    ("no such input", as_is, {"inputs": ["hour", "age"]}, DataError, ("no column 'hour'", "did you mean")),
    ("no such entity", as_is, {"entity": ["pupl"]}, DataError, ("no column 'pupl'",)),
    (
        "no such group",
        as_is,
        {"targets": ["score"], "by": "clb"},
        DataError,
        ("'clb'", "'club'"),
    ),
    (
        "a row without its group",
        put("club", None, slice(0, 40)),
        {"targets": ["score"], "by": "club"},
        DataError,
        ("belongs to a group", "column 'club' is missing"),
    ),
    ("no such model", as_is, {"model": "linaer"}, ConfigError, ("'linaer'", "did you mean 'linear'")),
    (
        "a model that cannot answer",
        as_is,
        {"targets": ["grade"], "model": "gaussian_process"},
        ConfigError,
        ("'gaussian_process'", "multiclass"),
    ),
]
LIKE_PROBLEM = ("by", "inputs", "entity")


@pytest.mark.parametrize(
    ("change", "asked", "error", "parts"), [t[1:] for t in TABLES], ids=[t[0] for t in TABLES]
)
def test_a_table_that_breaks_a_rule(
    change: Change, asked: dict[str, Any], error: type[UmbelError], parts: tuple[str, ...], tmp_path: Path
) -> None:
    frame = change(good())
    asked = {"targets": ["score", "passed"], "model": "linear", **asked}
    with pytest.raises(error) as caught:
        MultiTask(**asked).fit(frame)
    assert caught.value.rule
    assert caught.value.found
    assert caught.value.remedy
    for part in parts:
        assert part in str(caught.value)

    if "valid" in asked:  # the command line has no such option
        return
    config, out = tmp_path / "config.json", tmp_path / "run"
    problem = {"targets": asked["targets"]} | {k: asked[k] for k in LIKE_PROBLEM if k in asked}
    config.write_text(json.dumps({"problem": problem, "model": {"name": asked["model"]}}))  # YAML holds JSON
    table = written(tmp_path, frame)
    for command in ("fit", "compare"):
        found = run(command, table, "--config", config, "--out", out, "--quiet")
        refused(found, *(parts if command == "fit" else parts[:1]))
        nothing_half(out)


FILES = {
    "nothing in it": (b"", ("is empty",)),
    "a name alone": (b"hours,score,passed\n", ("at least one row", "0 rows")),
    "a short line": (b"hours,score,passed\n1,2,no\n1,2\n3,4,yes\n", ("line 3: 2 cells", "3 columns")),
    "a long line": (b"hours,score,passed\n1,2,no\n1,2,no,9\n3,4,yes\n", ("line 3: 4 cells", "3 columns")),
    "an open quote": (b'hours,score,passed\n1,2,no\n1,"2,no\n3,4,yes\n', ("line 3", "quote")),
    "a name twice": (b"hours,score,score\n1,2,3\n4,5,6\n", ("'score' names columns 1, 2", "rename")),
    "not UTF-8": (b"hours,score,passed\n1,2,\xff\n3,4,yes\n", ("UTF-8", "byte")),
}


@pytest.mark.parametrize(("content", "parts"), FILES.values(), ids=FILES)
@pytest.mark.parametrize("command", ["fit", "compare", "inspect"])
def test_a_file_that_is_no_table(
    command: str, content: bytes, parts: tuple[str, ...], tmp_path: Path
) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_bytes(content)
    refused(run(command, table, "--targets", "score,passed", "--out", out, "--quiet"), *parts)
    assert not out.exists()
    with pytest.raises(DataError):
        MultiTask(["score", "passed"]).fit(table)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    written(tmp_path, good())
    refused(run("fit", tmp_path / "tabel.csv", "-t", "score"), "did you mean 'table.csv'")
    refused(run("fit", tmp_path, "-t", "score"), "is a folder", "'table.csv'")
    refused(run("fit", tmp_path / "table.xlsx", "-t", "score"), "table.csv")
    (tmp_path / "table.xlsx").write_text("")
    refused(run("fit", tmp_path / "table.xlsx", "-t", "score"), ".parquet", "convert it")
    refused(run("fit", tmp_path / "table.csv", "-c", tmp_path / "no.yaml"), "readable file", "no.yaml")
    refused(run("predict", tmp_path / "run", tmp_path / "table.csv"), "no model.json", "umbel fit")
    pytest.importorskip("pyarrow", reason="Parquet needs the extra 'tables'")
    (tmp_path / "table.parquet").write_bytes(b"PAR1 and no more")
    refused(run("fit", tmp_path / "table.parquet", "-t", "score"), "must be whole", "table.parquet")


NET = "model: {name: net, folds: 0, options: {%s}}\n"
CONFIGS = {
    "no YAML": ("problem: [1\n", ("must be YAML", "line 2 of 'c.yaml'")),
    "a tab": ("problem:\n\ttargets: [score]\n", ("must be YAML", "line 2")),
    "a list": ("- score\n", ("mapping", "list")),
    "empty": ("", ("mapping", "nothing")),
    "unknown at the top": ("problm: {targets: [score]}\n", ("problm (line 1", "did you mean 'problem'")),
    "unknown deeper": (
        "problem:\n  targets: [score]\n  split:\n    shars: [1, 0, 0]\n",
        ("problem.split.shars (line 4 of 'c.yaml')", "did you mean 'shares'"),
    ),
    "a key twice": ("problem: {targets: [score]}\nseed: 1\nseed: 2\n", ("seed in lines 2 and 3",)),
    "no targets": ("problem: {inputs: [hours]}\n", ("no targets in 'c.yaml'",)),
    "a target twice": ("problem: {targets: [score, score]}\n", ("'score' is there twice", "problem.targets")),
    "names that are no text": ("problem: {targets: [score, [a]]}\n", ("['a']", "problem.targets")),
    "no such kind": ("problem: {targets: {score: regresion}}\n", ("problem.targets.score", "'regression'")),
    "no such option of a kind": (
        "problem:\n  targets:\n    score: {kind: regression, lg: true}\n",
        ("problem.targets.score: lg (line 3", "did you mean 'log'"),
    ),
    "an option of a kind of another type": (
        "problem: {targets: {grade: {kind: multiclass, label_smoothing: much}}}\n",
        ("problem.targets.grade", "label_smoothing: 'much'"),
    ),
    "a target as group": ("problem: {targets: [score], by: score}\n", ("'score' cannot be a target and",)),
    "shares": ("problem: {targets: [score], split: {shares: [0.9, 0.9, 0.9]}}\n", ("sum to 1",)),
    "time without its column": ("problem: {targets: [score], split: {how: time}}\n", ("the key 'time'",)),
    "seed": ("problem: {targets: [score]}\nseed: -1\n", ("seed = -1 (line 2",)),
    "no such option": ("problem: {targets: [score]}\n" + NET % "widht: 3", ("'widht'", "'width'")),
    "out of range": ("problem: {targets: [score]}\n" + NET % "width: 0", ("'width'", "at least 1")),
    "no share": ("problem: {targets: [score]}\n" + NET % "dropout: 1", ("'dropout'", "[0, 1)")),
    "no number": ("problem: {targets: [score]}\n" + NET % "lr: fast", ("'lr'", "above 0", "'fast'")),
    "no finite number": ("problem: {targets: [score]}\n" + NET % "lr: .nan", ("'lr'", "nan")),
    "no choice": ("problem: {targets: [score]}\n" + NET % "stopping: later", ("'stopping'", "'later'")),
    "no such schedule": (
        "problem: {targets: [score]}\n" + NET % "schedule: cosin",
        ("'cosine'",),
    ),
    "no such sharing": ("problem: {targets: [score]}\n" + NET % "sharing: soft", ("'soft'", "'hard'")),
    "no such balancer": (
        "problem: {targets: [score]}\n" + NET % "balancing: eqal",
        ("'equal'",),
    ),
    "no such option of a balancer": (
        "problem: {targets: [score]}\n" + NET % "balancing: cagrad, balancing_options: {d: 1}",
        ("'cagrad'", "'d'", "there is 'c'"),
    ),
    "a value that a balancer cannot have": (
        "problem: {targets: [score, passed]}\n" + NET % "balancing: cagrad, balancing_options: {c: 2}",
        ("c", "2"),
    ),
    "gradients elsewhere": (
        "problem: {targets: [score]}\n" + NET % "balancing: graddrop",
        ("'graddrop'", "gradients: features", "gradients: parameters"),
    ),
    "a balancer that goes on changing its mind": (
        "problem: {targets: [score]}\n" + NET % "balancing: upgrad, optimizer: lbfgs",
        ("L-BFGS", "balancing: upgrad", "equal"),
    ),
    "no such option of an architecture": (
        "problem: {targets: [score]}\n" + NET % "sharing: mmoe, sharing_options: {expert: 2}",
        ("'expert'", "did you mean 'experts'"),
    ),
    "a chain of no target": (
        "problem: {targets: [score, passed]}\n"
        + NET % "sharing: aitm, sharing_options: {chain: [scor, passed]}",
        ("'scor'", "did you mean 'score'"),
    ),
    "sharing of a model that has none": (
        "problem: {targets: [score]}\nmodel: {name: linear, sharing: mmoe}\n",
        ("'linear'", "'sharing'"),
    ),
    "nothing shared that is learned": (
        "problem: {targets: [score, passed], inputs: [hours, age]}\n"
        + NET % "balancing: mgda, depth: 0, embedding: 0, wide: none",
        ("share something that is learned", "balancing: equal"),
    ),
    "no such prior": ("problem: {targets: [score]}\n" + NET % "prior: gausian", ("'gaussian'",)),
    "no such device": ("problem: {targets: [score]}\n" + NET % "device: gpuu", ("device", "'auto'")),
    "no such encoder": ("problem: {targets: [score]}\n" + NET % "encoders: {nmbers: {}}", ("'numbers'",)),
    "no option of an encoder": (
        "problem: {targets: [score]}\n" + NET % "encoders: {numbers: {rank: 1}}",
        ("'numbers'", "did you mean 'ranks'"),
    ),
    "diverging": (
        "problem: {targets: [score]}\n" + NET % "lr: 1.0e+30, epochs: 2, width: 8",
        ("must not diverge", "lr: 1e+30"),
    ),
}


@pytest.mark.parametrize(("text", "parts"), CONFIGS.values(), ids=CONFIGS)
def test_a_configuration_that_breaks_a_rule(text: str, parts: tuple[str, ...], tmp_path: Path) -> None:
    config, out = tmp_path / "c.yaml", tmp_path / "run"
    config.write_text(text, encoding="utf-8")
    refused(run("fit", written(tmp_path, good()), "-c", config, "--out", out, "--quiet"), *parts)
    nothing_half(out)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model of four kinds."""
    targets = {"score": "regression", "grade": "multiclass", "visits": "count", "passed": "binary"}
    fitted = MultiTask(targets, inputs=["hours", "age", "club"], model="linear").fit(good())
    return fitted.save(tmp_path_factory.mktemp("saved") / "model")


def test_a_level_never_seen_is_answered(model: Path, tmp_path: Path) -> None:
    new = good()[["hours", "age", "club"]].assign(club="rowing")
    found = run("predict", model, written(tmp_path, new))
    assert (found.exit_code, found.stderr) == (0, "")
    answers = load(model).predict(new)
    assert len(answers) == len(new)
    assert np.isfinite(answers.select_dtypes("number").to_numpy(dtype=float)).all()


def test_cells_that_are_missing_are_answered(model: Path) -> None:
    answers = load(model).predict(good()[["hours", "age", "club"]].assign(hours=None, age=np.nan, club=None))
    assert np.isfinite(answers.select_dtypes("number").to_numpy(dtype=float)).all()


NEW: dict[str, tuple[Change, tuple[str, ...]]] = {
    "a class never seen": (
        put("grade", "F", 4),
        ("column 'grade': row 4 is 'F'", "there is 'A', 'B', 'C'"),
    ),
    "a count below zero": (put("visits", -3, 4), ("column 'visits': row 4 is -3",)),
    "text for a number": (put("score", "high", 4), ("column 'score': row 4 is 'high'",)),
    "an infinite answer": (put("score", np.inf, 4), ("finite", "row 4 is inf")),
    "an infinite input": (put("hours", -np.inf, 4), ("finite", "column 'hours', row 4")),
    "text for an input of numbers": (put("hours", "long", 4), ("column 'hours', row 4", "'long'")),
    "an input less": (lambda f: f.drop(columns="hours").assign(hour=1), ("'hours'", "did you mean 'hour'")),
    "no rows": (lambda f: f.iloc[:0], ("at least one row",)),
}


@pytest.mark.parametrize(("change", "parts"), NEW.values(), ids=NEW)
def test_rows_that_do_not_fit_the_model(
    change: Change, parts: tuple[str, ...], model: Path, tmp_path: Path
) -> None:
    frame = change(good())
    out = tmp_path / "scores.csv"
    refused(run("evaluate", model, written(tmp_path, frame), "--out", out), *parts)
    assert not out.exists()
    with pytest.raises(DataError):
        load(model).evaluate(frame)


def test_an_evaluation_without_answers(model: Path, tmp_path: Path) -> None:
    table = written(tmp_path, good()[["hours", "age", "club"]])
    refused(run("evaluate", model, table), "known answers", "no label of 'score'", "target columns")
    with pytest.raises(DataError, match="known answers"):
        load(model).score(table)


def test_columns_to_keep_and_places_to_write(model: Path, tmp_path: Path) -> None:
    table = written(tmp_path, good())
    refused(run("predict", model, table, "--keep", "hour"), "column to keep", "did you mean 'hours'")
    refused(run("predict", model, table, "--out", table / "answers.csv"), "could not be written")


def edit(**keys: Any) -> Callable[[Path], None]:
    """Change keys of model.json."""

    def change(folder: Path) -> None:
        path = folder / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | keys))

    return change


def flip(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))


def cut(name: str) -> Callable[[Path], None]:
    """Lose the second half of a file."""

    def change(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return change


DAMAGE: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "one bit": (flip, ("checksums", "model.safetensors")),
    "half the weights": (cut("model.safetensors"), ("checksums", "model.safetensors")),
    "half the JSON": (cut("model.json"), ("model.json", "is damaged")),
    "another state": (edit(state={}), ("checksums", "model.json")),
    "no checksums": (edit(checksums=None), ("model.json", "is damaged")),
    "a later format": (edit(format=99, umbel="9.9"), ("formats up to 1", "install umbel 9.9")),
    "no format": (edit(format="new"), ("model.json", "is damaged")),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), ("no model.safetensors",)),
    "no JSON": (lambda folder: (folder / "model.json").unlink(), ("no model.json",)),
}


@pytest.mark.parametrize(("damage", "parts"), DAMAGE.values(), ids=DAMAGE)
def test_a_model_that_cannot_be_read(
    damage: Callable[[Path], None], parts: tuple[str, ...], model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    damage(folder)
    refused(run("predict", folder, written(tmp_path, good())), *parts)
    with pytest.raises(ModelFileError):
        load(folder)


@pytest.mark.parametrize("number", range(1, 7))
def test_a_disk_that_is_full(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file the disk is full at, the former model still answers and no temporary file is left."""
    table, out = written(tmp_path, good()), tmp_path / "run"
    job = ("fit", table, "-t", "score,passed", "-m", "linear", "--quiet", "--out", out)
    assert run(*job).exit_code == 0
    before = {p.name: p.read_bytes() for p in (out / "model").iterdir()}
    left, fsync = [number], os.fsync

    def full(file: int) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(file)

    monkeypatch.setattr(os, "fsync", full)
    told = refused(run(*job), "could not be written", "No space left on device", "free some space")
    assert "/." not in told  # no temporary name is told
    assert {p.name: p.read_bytes() for p in (out / "model").iterdir()} == before
    assert [p.name for p in out.rglob("*") if p.name.startswith(".")] == []
    with pytest.raises(DiskError, match="No space left"):
        load(out / "model").save(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    table = written(tmp_path, good())
    before = table.read_bytes()
    refused(run("fit", table, "-t", "score", "-m", "linear", "--out", table), "could not be written")
    assert table.read_bytes() == before


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    table = written(tmp_path, good())
    refused(run("fit", "-t", "score"), "no DATA")
    refused(run("fit", table), "at least one target")
    refused(run("fit", "--resume"), "no --out")
    refused(run("fit", "--resume", "--out", tmp_path / "none"), "no config.yaml")
    refused(run("fit", "--resume", "--out", tmp_path, "-t", "score"), "problem.targets")
    refused(run("inspect", table, "-t", "scor", "--out", tmp_path / "p.yaml"), "did you mean 'score'")
    assert not (tmp_path / "p.yaml").exists()
    late = run("fit", table, "-t", "score", "-m", "linear", "--minutes", "0", "--out", tmp_path / "late")
    assert late.exit_code == 2
    assert "--minutes (0)" in late.stderr
    nothing_half(tmp_path / "late")
