"""The logs of the tracing benchmarks, as they lie beside the project."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from umbel.families.tracing.source.log import AnswerLog
from umbel.families.tracing.source.read import ReadLog, read_log

__all__ = ["assist2009", "assist2015", "folder"]


def folder() -> Path:
    """Where the logs lie; the benchmark ends with a message where they do not."""
    root = os.environ.get("UMBEL_SHARED")
    found = (Path(root) if root else Path(__file__).resolve().parents[2] / "shared" / "data") / "tracing"
    if not found.is_dir():
        print("skipped: set UMBEL_SHARED to the folder that holds tracing/")
        sys.exit(0)
    return found


def assist2009(*, merge: bool = True) -> AnswerLog:
    """ASSISTments 2009: the publisher's three files together, rows of one question merged to one step."""
    name = "akt__assist2009_pid__assist2009_pid_{}1.csv.xz"
    files = [folder() / name.format(part) for part in ("train", "valid", "test")]
    return read_log(files, format="blocks", merge=merge).log


def assist2015() -> ReadLog:
    """ASSISTments 2015 with its own folds; -1 is test. It names no questions."""
    return read_log(
        [folder() / f"pykt__assist2015__{part}.csv.xz" for part in ("train_valid", "test")], format="pykt"
    )
