"""The example of tones runs, learns both tasks, and takes a table of files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "audio.py"
TEXT = EXAMPLE.read_text(encoding="utf-8")


def test_pitch_and_instrument_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(TEXT.splitlines()) < 60
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE)])
    names: dict[str, Any] = {}
    exec(compile(TEXT, str(EXAMPLE), "exec"), names)
    scores = names["scores"].set_index(["task", "model"])["value"]
    assert scores["pitch", "joint"] > 0.9
    assert scores["instrument", "joint"] > scores["instrument", "constant"] + 0.3


def test_a_table_of_files_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile = pytest.importorskip("soundfile", reason="files of sounds need the extra 'audio'")
    rows = []
    for i in range(60):
        pitch = 200 + 20 * i
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, 0.5 * np.sin(2 * np.pi * pitch * np.arange(800) / 16000), 16000)
        rows.append([str(path), pitch, "flute" if i % 2 else None if i % 3 else "horn"])
    table = tmp_path / "tones.csv"
    pd.DataFrame(rows, columns=["sound", "pitch", "instrument"]).to_csv(table, index=False)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--data", str(table)])
    # fewer epochs: whether it learns is asked above
    names: dict[str, Any] = {}
    exec(compile(TEXT.replace('"epochs": 12', '"epochs": 2'), str(EXAMPLE), "exec"), names)
    assert set(names["scores"]["model"]) == {"constant", "linear", "independent", "joint"}
