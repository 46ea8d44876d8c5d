"""The example of images runs on drawn pictures, and on files of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "images.py"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, **changes: tuple[str, str]) -> dict[str, Any]:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *arguments])
    names: dict[str, Any] = {}
    exec(compile(text, str(EXAMPLE), "exec"), names)
    return names


def test_it_learns_shape_and_colour(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(monkeypatch)["scores"]
    assert found.loc["colour", "joint"] > 0.95
    assert found.loc["shape", "joint"] > found.loc["shape", "linear"] + 0.1
    assert "independent" in capsys.readouterr().out


def test_it_runs_on_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    rows = []
    for row in range(60):
        shade = 40 + 150 * (row % 2)
        pixels = chance.integers(0, 40, (9, 9), dtype=np.uint8) + np.uint8(shade)
        Image.fromarray(pixels).save(tmp_path / f"{row}.png")
        rows.append({"file": f"{row}.png", "light": "yes" if row % 2 else "no", "third": str(row % 3)})
    pd.DataFrame(rows).to_csv(tmp_path / "photos.csv", index=False)
    short = ('"epochs": 25', '"epochs": 3')
    found = run(
        monkeypatch, "--data", str(tmp_path / "photos.csv"), "--targets", "light,third", epochs=short
    )["scores"]
    assert found.loc["light", "linear"] > 0.9
