"""A run's folder: whole files or none, a log that survives crashes and full disks."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from umbel.app.run import SCORE_COLUMNS, InterruptedRunError, Run, plain
from umbel.errors import DataError, DiskError
from umbel.judging.scores import COLUMNS

SCORES = [
    {
        "task": "a, b",
        "metric": "r2",
        "model": "joint",
        "value": 0.25,
        "low": float("nan"),
        "verdict": "gains",
    },
    {"task": "c", "metric": "auc", "model": "independent", "value": None},
]


def full(*args: Any, **kwargs: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def started(tmp_path: Path) -> Run:
    run = Run(tmp_path / "run")
    run.start("seed: 1\n", "umbel compare x")
    return run


def test_the_columns_are_those_of_judging() -> None:
    assert list(SCORE_COLUMNS) == COLUMNS


def test_start_then_log(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.log("note", text="é", number=float("inf"))
    events = list(run.events())
    assert [e["event"] for e in events] == ["start", "note"]
    assert (events[0]["command"], events[1]["text"], events[1]["number"]) == ("umbel compare x", "é", None)
    assert run.config.read_text() == "seed: 1\n"


def test_scores_there_and_back(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.write_scores(SCORES)
    assert run.scores.read_text().splitlines()[0] == ",".join(SCORE_COLUMNS)
    back = run.read_scores()
    assert (back[0]["task"], back[0]["value"], back[0]["low"], back[0]["verdict"]) == (
        "a, b",
        0.25,
        None,
        "gains",
    )
    assert (back[1]["value"], back[1]["verdict"]) == (None, "")


def test_scores_that_are_not_there_or_others(tmp_path: Path) -> None:
    run = started(tmp_path)
    with pytest.raises(DataError, match="must have scores"):
        run.read_scores()
    run.scores.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="has the columns"):
        run.read_scores()


def test_a_new_start_drops_what_belonged_to_another_configuration(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.write_scores(SCORES)
    run.write(run.report, "<html>")
    run.model.mkdir()
    run.start("seed: 2\n", "umbel compare y")
    assert not run.scores.exists()
    assert not run.report.exists()
    assert run.model.exists()
    assert [e["command"] for e in run.events("start")] == ["umbel compare y"]


def test_a_line_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    run = started(tmp_path)
    with run.log_file.open("a") as file:
        file.write('{"event": "half')
    assert [e["event"] for e in run.events()] == ["start"]


def test_a_full_disk_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(tmp_path)
    run.write_scores(SCORES)
    before = run.scores.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError) as caught:
        run.write_scores([])
    assert "No space left" in caught.value.found
    assert caught.value.exit_code == 2
    assert run.scores.read_bytes() == before
    assert sorted(p.name for p in run.folder.iterdir()) == ["config.yaml", "log.jsonl", "scores.csv"]


def test_a_full_disk_leaves_the_lines_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(tmp_path)
    before = run.log_file.read_bytes()
    opened = Path.open

    class Half:
        """A file whose disk is full after three bytes."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Half:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def tell(self) -> int:
            return int(self.file.tell())

        def write(self, content: bytes) -> None:
            self.file.write(content[:3])
            self.file.flush()
            full()

    def half(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        file = opened(self, mode, *args, **kwargs)
        return Half(file) if mode == "ab" else file

    monkeypatch.setattr(Path, "open", half)
    with pytest.raises(DiskError, match="could not be written"):
        run.log("more", text="x" * 100)
    monkeypatch.undo()
    assert run.log_file.read_bytes() == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError):
        Run(tmp_path / "file" / "run").start("", "")


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(tmp_path: Path) -> None:
    run = started(tmp_path)
    run.checkpoint.mkdir()
    with pytest.raises(InterruptedRunError) as caught, run.interruptible(["umbel", "fit", "--resume"]):
        raise KeyboardInterrupt
    assert caught.value.exit_code == 130
    assert str(run.checkpoint) in caught.value.found
    assert "`umbel fit --resume`" in caught.value.remedy
    assert [e["event"] for e in run.events()] == ["start", "interrupted"]


def test_ctrl_c_without_a_checkpoint(tmp_path: Path) -> None:
    run = started(tmp_path)
    with pytest.raises(InterruptedRunError, match="nothing was left half-written"), run.interruptible(["x"]):
        raise KeyboardInterrupt


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", writes=False)
    run.start("", "")
    run.log("x")
    run.write_scores(SCORES)
    assert not run.folder.exists()


def test_plain_knows_arrays_and_dataclasses() -> None:
    import numpy as np

    from umbel.judging.section import TableData

    assert plain(np.array([[1.0, np.nan]])) == [[1.0, None]]
    assert plain(np.float32(0.5)) == 0.5
    assert plain({"t": TableData(["a"], [[1]])}) == {"t": {"columns": ["a"], "rows": [[1]], "caption": ""}}
