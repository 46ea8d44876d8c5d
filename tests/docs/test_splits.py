"""The page of splits: every command runs, every configuration is one, every key of a split is told."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from umbel.app.config import read_config
from umbel.app.main import app
from umbel.data.problem import SplitSpec
from umbel.training.build import checked
from umbel.training.curriculum import Pacing

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "splits.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMANDS = [
    line for language, body in BLOCK.findall(PAGE) if language == "console" for line in body.splitlines()
]
FILES = [body for language, body in BLOCK.findall(PAGE) if language == "yaml"]


@pytest.fixture
def visits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """The table of the page, in the folder the commands run in."""
    chance = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", periods=480)
    frame = pd.DataFrame({"patient": np.repeat(np.arange(160), 3), "dose": chance.normal(size=480)})
    frame["day"], frame["told"] = days.astype(str), (days + pd.Timedelta(days=9)).astype(str)
    frame["pain"], frame["score"] = chance.random(480), frame["dose"] + chance.normal(size=480)
    frame["ill"] = np.where(frame["score"] > 0, "yes", "no")
    frame.to_csv(tmp_path / "visits.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return frame


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command: str, visits: pd.DataFrame) -> None:
    program, *arguments = shlex.split(command)
    assert program == "umbel"
    done = CliRunner().invoke(app, arguments, env={"NO_COLOR": "1"})
    assert done.exit_code == 0, done.stderr
    sides = pd.read_csv("split.csv")["side"]
    assert set(sides) == {"train", "valid", "test"}
    assert (len(sides) < len(visits)) == ("--how time" in command)


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_configurations_are_configurations(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    config = read_config(path, {})
    checked(config.model)
    assert config.problem.split != SplitSpec() or config.model.curriculum == "competence"


def test_every_key_is_told() -> None:
    assert len(COMMANDS) == 5
    assert len(FILES) == 4
    for key in (*SplitSpec.model_fields, *Pacing.model_fields):
        assert re.search(rf"\b{key}\b", PAGE), key
