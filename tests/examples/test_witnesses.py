"""The example of fusion runs, and what is joined tells more than each part."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "examples" / "witnesses.py"


def test_three_poor_witnesses_make_a_good_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(PATH)])
    found = runpy.run_path(str(PATH))["found"]
    assert found["all three"] > max(found["picture"], found["wave"])
    assert found["all three"] > 0.8
    assert found["all three, no word"] > 0.5
