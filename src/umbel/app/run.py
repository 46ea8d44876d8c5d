"""A run is one folder: ``config.yaml``, ``scores.csv``, ``log.jsonl``, ``report.html``, ``model/``."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import math
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from umbel.errors import DataError, DiskError, UmbelError
from umbel.training.files import write_text

__all__ = ["SCORE_COLUMNS", "InterruptedRunError", "Run", "plain", "scores_text"]

SCORE_COLUMNS = (
    "task",
    "metric",
    "model",
    "value",
    "low",
    "high",
    "gain",
    "gain_low",
    "gain_high",
    "verdict",
)
_NUMBERS = frozenset(SCORE_COLUMNS[3:9])


class InterruptedRunError(UmbelError):
    """Ctrl-C: not a broken rule, but told in the same form, with the exit code shells expect."""

    exit_code = 130


class Run:
    """The folder of one run. Every file is written whole or not at all; the log grows line by line.

    :param folder: made when the first file is written.
    :param writes: False in all but the first of several processes: they write nothing.
    """

    def __init__(self, folder: Path, *, writes: bool = True) -> None:
        self.folder, self.writes = folder, writes

    def write(self, path: Path, text: str) -> None:
        """Write a file of the run, whole or not at all.

        :raises DiskError: it could not be written; a former file is untouched.
        """
        if self.writes:
            write_text(path, text)

    @property
    def config(self) -> Path:
        """What was asked."""
        return self.folder / "config.yaml"

    @property
    def scores(self) -> Path:
        """What came out, one row per task, metric and model."""
        return self.folder / "scores.csv"

    @property
    def log_file(self) -> Path:
        """What happened, and what the report is drawn from: one JSON object a line."""
        return self.folder / "log.jsonl"

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / "report.html"

    @property
    def model(self) -> Path:
        """The folder of the saved model."""
        return self.folder / "model"

    @property
    def checkpoint(self) -> Path:
        """The folder a fit is resumed from; it is there while a fit runs."""
        return self.folder / "checkpoint"

    def start(self, config: str, command: str) -> None:
        """Begin a run: its configuration, and a log with the exact command.

        Scores and page of a former run in the folder go, as they would belong to another configuration;
        its model stays until the new one is complete.

        :raises DiskError: the folder cannot be written.
        """
        if not self.writes:
            return
        self._sweep()
        write_text(self.config, config)
        write_text(self.log_file, "")
        self.scores.unlink(missing_ok=True)
        self.report.unlink(missing_ok=True)
        self.log("start", command=command)

    def drop_checkpoint(self) -> None:
        """Remove the checkpoint: at once, so that no half of it is ever taken for one."""
        if self.writes and self.checkpoint.exists():
            gone = self.folder / f".{self.checkpoint.name}.{uuid.uuid4().hex[:8]}"
            self.checkpoint.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what a run that was killed while it wrote has left under temporary names."""
        ours = "|".join(re.escape(p.name) for p in (self.config, self.log_file, self.scores, self.report))
        pattern = re.compile(rf"\.(?:{ours}|{self.model.name}|{self.checkpoint.name})\.[0-9a-f]{{8}}")
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if pattern.fullmatch(path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def log(self, event: str, **facts: Any) -> None:
        """Append one line to the log.

        :param event: what happened, one word.
        :param facts: JSON values; arrays become lists, undefined numbers null.
        :raises DiskError: it cannot be written; the lines before are untouched.
        """
        if not self.writes:
            return
        line = json.dumps({"event": event, "time": round(time.time(), 3)} | plain(facts), ensure_ascii=False)
        size = None
        try:
            with self.log_file.open("ab") as file:
                size = file.tell()
                file.write(line.encode() + b"\n")
        except OSError as error:
            if size is not None:
                with contextlib.suppress(OSError), self.log_file.open("r+b") as file:
                    file.truncate(size)
            raise DiskError(
                f"'{self.log_file}' could not be written",
                found=error.strerror or str(error),
                remedy="free some space or choose another folder; the lines before are untouched",
            ) from error

    def events(self, *names: str) -> Iterator[dict[str, Any]]:
        """Lines of the log, oldest first; a last line cut off by a crash is left out."""
        if not self.log_file.is_file():
            return
        for line in self.log_file.read_text(encoding="utf-8").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if not names or event.get("event") in names:
                yield event

    def write_scores(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write ``scores.csv``; see :func:`scores_text`."""
        self.write(self.scores, scores_text(rows))

    def read_scores(self) -> list[dict[str, Any]]:
        """Rows of ``scores.csv``: numbers as floats, empty cells as None.

        :raises DataError: the folder has no such file (a run of `umbel fit` has none), or it has other
            columns.
        """
        if not self.scores.is_file():
            raise DataError(
                "a run must have scores",
                found=f"no scores.csv in '{self.folder}'",
                remedy="give the --out folder of `umbel compare`, `umbel demo` or `umbel fit`",
            )
        with self.scores.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != SCORE_COLUMNS:
                raise DataError(
                    f"scores.csv has the columns {', '.join(SCORE_COLUMNS)}",
                    found=", ".join(reader.fieldnames or ()),
                    remedy="give a folder that `umbel compare` or `umbel demo` wrote",
                )
            return [
                {k: (float(v) if v else None) if k in _NUMBERS else v for k, v in row.items()}
                for row in reader
            ]

    @contextlib.contextmanager
    def interruptible(self, resume: Sequence[str] = ()) -> Iterator[None]:
        """Within it, Ctrl-C becomes a message that says what is kept and how to go on.

        :param resume: the command that goes on from the checkpoint.
        :raises InterruptedRunError: Ctrl-C was pressed.
        """
        try:
            yield
        except KeyboardInterrupt:
            with contextlib.suppress(DiskError):
                self.log("interrupted")
            if self.checkpoint.exists() and resume:
                raise InterruptedRunError(
                    "stopped by Ctrl-C",
                    found=f"the checkpoint is kept in '{self.checkpoint}'",
                    remedy=f"go on with `{' '.join(resume)}`",
                ) from None
            raise InterruptedRunError(
                "stopped by Ctrl-C", found="nothing was left half-written", remedy="start again"
            ) from None


def scores_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Scores as CSV with :data:`SCORE_COLUMNS`; a number that is not there (undefined, the reference's
    gain) is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(SCORE_COLUMNS)
    for row in rows:
        cells = [plain(row.get(column)) for column in SCORE_COLUMNS]
        writer.writerow(["" if c is None else f"{c:.6g}" if isinstance(c, float) else c for c in cells])
    return out.getvalue()


def plain(value: Any) -> Any:
    """Data as JSON has it: arrays as lists, dataclasses as mappings, numbers that are not finite as None.

    >>> plain({"x": (1, float("nan")), "y": Path("runs")})
    {'x': [1, None], 'y': 'runs'}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
