"""Tables that are larger than memory at the command line: a streamed fit's scores, predictions in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from umbel.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from umbel.judging.section import Section
    from umbel.training.config import Config
    from umbel.training.estimator import MultiTask

__all__ = ["Facts", "answers", "in_pieces", "streamed_facts", "write_pieces"]

_BYTES = 10**8
"""Of the bootstrap's counts, one for each test row and resample: more rows need fewer resamples."""
_FEWEST = 50


@dataclass(frozen=True)
class Facts:
    """What a streamed fit has to tell besides its model.

    :param scores: on the test rows, with the columns of ``scores.csv``; none where there are no test rows.
    :param section: of the report.
    :param facts: for the report and the card (JSON).
    """

    scores: list[dict[str, Any]]
    section: Section
    facts: dict[str, Any]


def streamed_facts(model: MultiTask, path: Path, config: Config) -> Facts:
    """Score the net and its baselines on the test rows, which are read once.

    Gains are measured against the last baseline, the strongest by default; of the net alone there are none.

    :param model: just fitted, so that its baselines are there.
    :param path: the file it was fitted on.
    """
    from umbel.app.run import plain
    from umbel.training.pieces import Taught
    from umbel.training.streaming import stream_section

    rows = model.notes_["rows"]
    facts = {
        "rows": {side: rows[side] for side in ("train", "valid", "test")},
        "notes": list(model.notes_["data"]),
        "saved": "net",
    }
    scores: list[dict[str, Any]] = []
    if rows["test"]:
        resamples = min(config.compare.resamples, max(_FEWEST, _BYTES // rows["test"]))
        facts["resamples"] = resamples
        names = list(reversed(model.baselines_))
        models = {name: model.baselines_[name] for name in names}
        models["net"] = Taught(model.learner_, model.rules_)
        found = model.score_stream(path, models, resamples=resamples, metrics=config.compare.metrics)
        scores = plain(found.to_dict("records"))
    return Facts(scores, stream_section(model.notes_), facts)


# ---- predictions ----


def in_pieces(data: Path, out: Path | None) -> bool:
    """Whether predictions are written piece by piece: a Parquet file of many rows goes into a file."""
    from umbel.training.pieces import PIECE, is_parquet

    if out is None or not is_parquet(data) or not data.is_file():
        return False
    from umbel.data.parquet import ParquetFile

    return int(ParquetFile(data).sizes.sum()) > PIECE


def answers(model: MultiTask, frame: pd.DataFrame, keep: Sequence[str]) -> pd.DataFrame:
    """Answers for the rows of a table, after the columns that are kept of it.

    :param keep: columns of the table; one that is called like an answer becomes ``NAME_given``.
    :raises DataError: there is no such column.
    """
    import pandas as pd

    from umbel.data.read import take_column

    kept = [take_column(frame, name, "column to keep") for name in keep]
    found: pd.DataFrame = model.predict(frame)
    if not kept:
        return found
    clash = [c for c in (str(k.name) for k in kept) if c in found.columns]
    first = pd.concat(kept, axis=1).rename(columns={c: f"{c}_given" for c in clash})
    return pd.concat([first.reset_index(drop=True), found], axis=1)


def write_pieces(model: MultiTask, data: Path, out: Path, keep: Sequence[str]) -> None:
    """Predict a Parquet file some row groups at a time, and write the answers as they come.

    :param out: a CSV or Parquet file; it is there whole or not at all.
    :param keep: see :func:`answers`.
    :raises DataError: a column is not there, or a piece has columns of other types than the first.
    :raises DiskError: it could not be written; a former file is untouched.
    """
    from umbel.data.parquet import ParquetFile
    from umbel.training.files import replace_file
    from umbel.training.pieces import pieces

    by = [model.tasks_.by] if model.tasks_.by else []
    file = ParquetFile(data, list(dict.fromkeys([*model.schema_.names, *by, *keep])))
    with replace_file(out) as scratch, _sink(out, scratch) as write:
        for frame in pieces(file):
            write.write(answers(model, frame.reset_index(drop=True), keep))


class _Sink(Protocol):
    def write(self, frame: pd.DataFrame) -> None:
        """Append some rows."""


@contextmanager
def _sink(out: Path, scratch: Path) -> Iterator[_Sink]:
    """What appends to ``scratch`` in the format of ``out``."""
    if out.suffix in (".parquet", ".pq"):
        sink = _Parquet(scratch)
        try:
            yield sink
        finally:
            sink.close()
    else:
        with scratch.open("w", encoding="utf-8", newline="") as file:
            yield _Csv(file)


class _Csv:
    def __init__(self, file: Any) -> None:
        self._file, self._first = file, True

    def write(self, frame: pd.DataFrame) -> None:
        frame.to_csv(self._file, index=False, header=self._first, lineterminator="\n")
        self._first = False


class _Parquet:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, frame: pd.DataFrame) -> None:
        import pyarrow
        import pyarrow.parquet

        try:
            schema = None if self._writer is None else self._writer.schema
            table = pyarrow.Table.from_pandas(frame, schema=schema, preserve_index=False)
            if self._writer is None:
                self._writer = pyarrow.parquet.ParquetWriter(self._path, table.schema)
            self._writer.write_table(table)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
            raise DataError(
                "answers that are written in pieces have the same types in all of them",
                found=str(error),
                remedy="write a .csv file",
            ) from None

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
