"""A table of image files from the first look to predictions, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from umbel.app.main import app

ROWS = 150
CONFIG = """
problem:
  targets: {colour: binary, area: regression}
  {more}
model:
  name: net
  folds: 0
  options: {epochs: 8, batch_size: 32, width: 32, encoders: {images: {channels: [8, 16], width: 32}}}
compare: {resamples: 50, ensembles: []}
"""


def run(*arguments: object, code: int = 0) -> Result:
    found = CliRunner().invoke(app, [str(a) for a in arguments], env={"NO_COLOR": "1", "COLUMNS": "200"})
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == code, found.stderr
    return found


def draw(folder: Path, row: int, red: bool, side: int) -> None:
    picture = np.full((12, 12, 3), 40, dtype=np.uint8)
    top, left = row % 4, row % 3
    picture[top : top + side, left : left + side, 0 if red else 2] = 220
    Image.fromarray(picture).save(folder / f"{row}.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``shapes.csv`` and its pictures: red or blue squares of several sizes; some rows have none."""
    here = tmp_path_factory.mktemp("shapes")
    (here / "pictures").mkdir()
    chance = np.random.default_rng(0)
    red, side = chance.random(ROWS) < 0.5, chance.integers(3, 9, ROWS)
    for row in range(ROWS):
        draw(here / "pictures", row, bool(red[row]), int(side[row]))
    frame = pd.DataFrame(
        {
            "picture": [f"pictures/{row}.png" if row % 13 else None for row in range(ROWS)],
            "weight": chance.normal(size=ROWS).round(3),
            "colour": np.where(red, "red", "blue"),
            "area": side**2 + chance.normal(size=ROWS).round(2),
        }
    )
    frame.to_csv(here / "shapes.csv", index=False)
    broken = frame.copy()
    broken.loc[5, "picture"] = "pictures/broken.png"
    (here / "pictures" / "broken.png").write_bytes((here / "pictures" / "5.png").read_bytes()[:70])
    broken.to_csv(here / "broken.csv", index=False)
    for name, more in (("stop", ""), ("skip", "on_error: skip")):
        (here / f"{name}.yaml").write_text(CONFIG.replace("{more}", more))
    return here


@pytest.fixture(scope="module")
def compared(folder: Path) -> Path:
    out = folder / "run"
    run("compare", folder / "shapes.csv", "--config", folder / "stop.yaml", "--out", out, "--quiet")
    return out


def test_inspect_tells_that_they_are_images(folder: Path) -> None:
    problem = folder / "problem.yaml"
    found = run("inspect", folder / "shapes.csv", "--targets", "colour,area", "--out", problem)
    assert "paths of images" in found.stdout
    assert "picture: image" in problem.read_text()


def test_every_model_learns_from_the_pictures(compared: Path) -> None:
    scores = pd.read_csv(compared / "scores.csv").set_index(["model", "task"])["value"]
    assert {"constant", "linear", "boosted", "independent", "joint"} <= set(scores.index.levels[0])
    for model in ("linear", "boosted", "independent", "joint"):
        assert scores[model, "colour"] > 0.8, model
    assert scores["joint", "area"] > 0.3 > scores["constant", "area"]
    report = (compared / "report.html").read_text(encoding="utf-8")
    assert "colour" in report


def test_paths_start_at_the_tables_folder(
    compared: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("predict", compared / "model", folder / "shapes.csv", "--out", "answers.csv")
    answers = pd.read_csv(tmp_path / "answers.csv")
    truth = pd.read_csv(folder / "shapes.csv")
    shown = truth["picture"].notna()
    assert (answers["colour"] == truth["colour"])[shown].mean() > 0.9
    other = tmp_path / "elsewhere.csv"
    truth.to_csv(other, index=False)
    found = run("predict", compared / "model", other, code=2)
    assert f"column 'picture', row 1 (the first is 0): {tmp_path / 'pictures' / '1.png'}" in found.stderr
    assert "there is no such file" in found.stderr


def test_a_broken_picture_stops_with_its_row_and_path(compared: Path, folder: Path, tmp_path: Path) -> None:
    for arguments in (
        ("compare", folder / "broken.csv", "--config", folder / "stop.yaml", "--out", tmp_path / "run"),
        ("predict", compared / "model", folder / "broken.csv"),
    ):
        found = run(*arguments, code=2)
        assert (
            f"column 'picture', row 5 (the first is 0): {folder / 'pictures' / 'broken.png'}" in found.stderr
        )
        assert "on_error: skip" in found.stderr


def test_broken_pictures_are_skipped_where_that_is_asked_for(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.warns(UserWarning, match=r"1 images could not be read .*row 5 .*broken\.png"):
        run("fit", folder / "broken.csv", "--config", folder / "skip.yaml", "--out", out)
    answers = run("predict", out / "model", folder / "broken.csv")
    assert len(answers.stdout.splitlines()) == ROWS + 1
